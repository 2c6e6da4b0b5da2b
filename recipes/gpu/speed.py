"""How fast is it on a GPU? All of `podtts bench` that matters there, and profiles.

One process loads the model once, with random weights of the published sizes unless --model names a
checkpoint. The steps go from the most to the least important, in case the time does not suffice.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from rich.console import Console, RenderableType

from podtts.bench.first_audio import FirstAudioPlan, first_audio_json, measure_first_audio
from podtts.bench.model_under_test import Loading, ModelUnderTest
from podtts.bench.report import (
    first_audio_notes,
    first_audio_table,
    notes,
    sweep_table,
    to_json,
    to_tables,
)
from podtts.bench.run import BenchPlan, run_bench
from podtts.bench.speakers import speaker_prompts
from podtts.bench.sweep import SweepPlan, sweep, sweep_json, sweep_title
from podtts.bench.workload import WORKLOADS, find_workloads
from podtts.device.placement import Placement, place
from podtts.options import DEFAULT_FLOW_CACHE, SynthesisOptions
from podtts.presets import DEFAULT_PRESET, PRESETS, Preset, suited
from podtts.prompts.cache import PromptCache
from podtts.values import SpeakerPrompt
from podtts.weights.load import Models
from recipes.gpu.parts import attentions, profiles, workload_profile
from recipes.gpu.profiles import Profile
from recipes.gpu.steps import Steps

_COLUMNS = 140


@dataclass(frozen=True)
class LoadedOnce(ModelUnderTest):
    """A model that is loaded at the first use, for all measurements; nothing may change it."""

    loaded: list[tuple[Models, Loading]] = field(default_factory=list, compare=False)

    def load(self, placement: Placement) -> tuple[Models, Loading]:
        if not self.loaded:
            self.loaded.append(super().load(placement))
        return self.loaded[0]


@dataclass(frozen=True)
class Measured:
    """What all steps share."""

    model: LoadedOnce
    placement: Placement
    options: SynthesisOptions  # of the preset
    preset: str
    repeats: int
    out: Path

    def models(self) -> Models:
        return self.model.load(self.placement)[0]

    def prompts(self) -> list[SpeakerPrompt]:
        with tempfile.TemporaryDirectory() as folder:
            speakers = self.model.speakers(self.models(), PromptCache(Path(folder), _say))
            return speaker_prompts(speakers.cached())


def load(subject: Measured) -> str:
    """Load the model, so that no other step does."""
    loading = subject.model.load(subject.placement)[1]
    return f"{subject.model.name} on {subject.placement}: {loading.seconds:.1f} s"


def stages(subject: Measured, workload: str) -> str:
    """Every stage beside the published recipe, and a decode step against its bytes."""
    plan = BenchPlan(
        model=subject.model,
        placement=subject.placement,
        quantize="none",
        options=subject.options,
        preset=subject.preset,
        workloads=find_workloads([workload]),
        repeats=subject.repeats,
        against_published=True,
    )
    report = run_bench(plan, _say, _say)
    (subject.out / f"stages-{workload}.json").write_text(to_json(report))
    return _printed([*to_tables(report), notes(report)])


def first_audio(subject: Measured, workload: str) -> str:
    """What a listener of a stream has."""
    flow = replace(subject.options.flow, mode="streaming")
    plan = FirstAudioPlan(
        model=subject.model,
        placement=subject.placement,
        workload=find_workloads([workload])[0],
        options=replace(subject.options, flow=flow),
        preset=subject.preset,
        repeats=subject.repeats,
        megabytes=DEFAULT_FLOW_CACHE,
    )
    report = measure_first_audio(plan, _say, _say)
    (subject.out / "first-audio.json").write_text(first_audio_json(report))
    return _printed([first_audio_table(report), first_audio_notes(report)])


def batches(subject: Measured, workload: str, sizes: Sequence[int]) -> str:
    """Scripts side by side."""
    plan = SweepPlan(
        model=subject.model,
        placement=subject.placement,
        workload=find_workloads([workload])[0],
        batches=sizes,
        presets={subject.preset: Preset("none", subject.options.flow)},
        options=replace(subject.options, retries=0),
    )
    points = list(sweep(plan, _say, _say))
    (subject.out / "sweep.json").write_text(sweep_json(plan, points))
    return _printed([sweep_table(sweep_title(plan), points)])


def profile_parts(subject: Measured) -> str:
    """Kernels, launches and the busy share of the parts of the model."""
    parts = profiles(subject.models(), subject.prompts(), subject.options.flow)
    return _profiled(subject, "profile", parts)


def profile_turn(subject: Measured) -> str:
    """The same of a short turn, with the LLM beside flow and vocoder."""
    turn = workload_profile(subject.models(), WORKLOADS[0], subject.prompts(), subject.options)
    return _profiled(subject, "profile-turn", [turn])


def profile_attention(subject: Measured) -> str:
    """The same of ways to compute the attention of the flow, in a GPU's libraries."""
    return _profiled(subject, "profile-attention", attentions(subject.placement.device))


def _profiled(subject: Measured, name: str, parts: Iterable[Profile]) -> str:
    """Write the profiles so far as JSON after each of them; return all as tables."""
    figures, tables = [], []
    for part in parts:
        figures.append(part.as_json())
        tables.append(part.table())
        _say(tables[-1].splitlines()[0])
        (subject.out / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n")
    return "\n".join(tables)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/gpu"), help="folder of the results")
    parser.add_argument("--model", type=Path, help="a checkpoint; default: random weights")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--preset", default=DEFAULT_PRESET, choices=list(PRESETS))
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--workload", nargs="+", default=["short", "dialogue"], metavar="NAME")
    parser.add_argument("--first-audio", default="dialogue", metavar="NAME", help="its workload")
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 4, 16, 64], metavar="N")
    parser.add_argument("--sweep", default="middle", metavar="NAME", help="its workload")
    parser.add_argument(
        "--only", nargs="+", metavar="STEP", help="these steps alone, in this order"
    )
    arguments = parser.parse_args()
    name = None if arguments.model else "soulx-podcast-1.7b"
    model, placement = LoadedOnce(arguments.model, name), place(arguments.device, arguments.dtype)
    flow = suited(PRESETS[arguments.preset].flow, placement)
    options = SynthesisOptions(sampling=model.sampling(), flow=flow, retries=0)
    steps = Steps(arguments.out)
    subject = Measured(model, placement, options, arguments.preset, arguments.repeat, arguments.out)
    chosen: dict[str, Callable[[], str]] = {
        **{f"stages-{name}": partial(stages, subject, name) for name in arguments.workload},
        "first-audio": partial(first_audio, subject, arguments.first_audio),
        "sweep": partial(batches, subject, arguments.sweep, arguments.batch),
        "profile": partial(profile_parts, subject),
        "profile-turn": partial(profile_turn, subject),
        "profile-attention": partial(profile_attention, subject),
    }
    if unknown := sorted(set(arguments.only or ()) - set(chosen)):
        parser.error(f"no step {', '.join(unknown)}; there are {', '.join(chosen)}")
    steps.run("load", partial(load, subject))
    for step in arguments.only or chosen:
        steps.run(step, chosen[step])
    return steps.exit_code()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _printed(tables: Sequence[RenderableType]) -> str:
    console = Console(width=_COLUMNS)
    with console.capture() as capture:
        for table in tables:
            console.print(table, highlight=False)
    return capture.get()


if __name__ == "__main__":
    sys.exit(main())
