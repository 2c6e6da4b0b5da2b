"""`podtts bench --first-audio`: how soon a listener hears something, and whether it goes on.

A player starts with the first samples and needs each second of audio when the one before is over.
How long it would have to wait at the worst place is how long it must wait at the beginning: its
prebuffer.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import podtts
from podtts.bench.measure import WARM_UP
from podtts.bench.model_under_test import ModelUnderTest
from podtts.bench.speakers import speaker_prompts
from podtts.bench.workload import Workload
from podtts.device.memory import peak_memory_bytes, reset_peak_memory
from podtts.device.placement import Placement, device_label
from podtts.device.stopwatch import synchronize
from podtts.errors import UsageError
from podtts.flow.prompt_states import PromptStates
from podtts.llm.prefix import PrefixStore
from podtts.llm.quantized import quantize_llm
from podtts.options import SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.prompts.cache import PromptCache
from podtts.rates import OUTPUT_HZ
from podtts.values import SpeakerPrompt

SCHEMA = "podtts-first-audio/1"


@dataclass(frozen=True)
class FirstAudioPlan:
    """What is measured."""

    model: ModelUnderTest
    placement: Placement
    workload: Workload
    options: SynthesisOptions
    preset: str  # what the report calls them
    repeats: int
    megabytes: int  # for the voices that the flow has solved

    def __post_init__(self) -> None:
        if self.options.flow.mode != "streaming":
            raise UsageError(
                "--first-audio measures sound inside a turn", "add --flow-mode streaming"
            )


@dataclass(frozen=True)
class Listening:
    """What a listener of one run had. Seconds on the clock, except `audio_seconds`."""

    first_seconds: float  # from the request to the first samples
    prebuffer_seconds: float  # how long a player must wait with these so that it never stops
    audio_seconds: float
    wall_seconds: float
    peak_memory_bytes: int = 0

    @property
    def rtf(self) -> float:
        """Seconds on the clock per second of audio."""
        return self.wall_seconds / self.audio_seconds


@dataclass(frozen=True)
class FirstAudioReport:
    """All runs.

    cold: no voice is solved yet. warm: the voices are known from the run before. In both, models
    are loaded, and the LLM's state after the prompts is on disk.
    """

    plan: FirstAudioPlan
    cold: tuple[Listening, ...]
    warm: tuple[Listening, ...]


def measure_first_audio(
    plan: FirstAudioPlan, warn: Callable[[str], None], progress: Callable[[str], None]
) -> FirstAudioReport:
    """Measure every repeat cold, then warm. progress: gets a line before every run."""
    progress(f"loading {plan.model.name}")
    models, _ = plan.model.load(plan.placement)
    quantize_llm(models.llm, plan.placement.quantize)
    with tempfile.TemporaryDirectory(prefix="podtts-bench-") as folder:
        speakers = plan.model.speakers(models, PromptCache(Path(folder), warn))
        prompts = speaker_prompts(speakers.cached())
        states = PromptStates(plan.megabytes)
        prefixes = PrefixStore(Path(folder), {}, warn)
        synthesizer = Synthesizer(models, prefixes, prompt_states=states)
        progress("warm-up")
        _listen(synthesizer, plan, WARM_UP, prompts)
        cold: list[Listening] = []
        warm: list[Listening] = []
        for repeat in range(1, plan.repeats + 1):
            states.clear()
            for kind, runs in (("cold", cold), ("warm", warm)):
                progress(f"{plan.workload.name} {repeat}/{plan.repeats}: {kind}")
                runs.append(_listen(synthesizer, plan, plan.workload, prompts))
    return FirstAudioReport(plan, tuple(cold), tuple(warm))


def _listen(
    synthesizer: Synthesizer,
    plan: FirstAudioPlan,
    workload: Workload,
    prompts: Sequence[SpeakerPrompt],
) -> Listening:
    device = synthesizer.models.device
    options = workload.prescribed(plan.options) if plan.model.is_random else plan.options
    reset_peak_memory(device)
    synchronize(device)
    started = time.perf_counter()
    arrivals = [
        (time.perf_counter() - started, len(chunk.samples) / OUTPUT_HZ)
        for chunk in synthesizer.stream(workload.script, prompts, options)
    ]
    return listening(arrivals, peak_memory_bytes(device))


def listening(arrivals: Iterable[tuple[float, float]], peak_bytes: int = 0) -> Listening:
    """What a listener had of chunks: when each arrived, and its length, in seconds.

    Silence between turns, which gives a player time, does not count.
    """
    heard, latest, first, arrived = 0.0, 0.0, None, 0.0
    for arrived, length in arrivals:
        if not length:
            continue
        first = arrived if first is None else first
        latest = max(latest, arrived - first - heard)
        heard += length
    return Listening(first or 0.0, latest, heard, arrived, peak_bytes)


def first_audio_json(report: FirstAudioReport) -> str:
    """Return the figures as JSON (schema in docs/bench.md)."""
    plan = report.plan
    content = {
        "schema": SCHEMA,
        "podtts": podtts.__version__,
        "model": plan.model.name,
        "random_weights": plan.model.is_random,
        "device": device_label(plan.placement.device),
        "llm_dtype": plan.placement.dtype_name,
        "preset": plan.preset,
        "workload": plan.workload.name,
        "seed": plan.options.seed,
        **{
            kind: [asdict(run) | {"rtf": run.rtf} for run in runs]
            for kind, runs in (("cold", report.cold), ("warm", report.warm))
        },
    }
    return json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
