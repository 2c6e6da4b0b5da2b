"""Workers within a test, with the small checkpoint, and tasks for them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from support.fingerprint import CHECKPOINT
from support.golden_data import models, trace_prompts

from podtts.batch.task import Outcome, Task
from podtts.batch.worker import Worker
from podtts.device.placement import place
from podtts.engine.engine import Engine
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions
from podtts.publish.publish_options import LayoutOptions, PublishOptions
from podtts.script.parse import parse_script

OPTIONS = SynthesisOptions(
    sampling=SamplingOptions(max_tokens=12), flow=FlowOptions(steps=1), check_length=False
)
GAPLESS = PublishOptions(LayoutOptions(gap_seconds=0))
DAY = "2026-01-02"


def task(name: str, turns: int = 3, text: str = "Turn {}.") -> Task:
    """A script of two speakers."""
    lines = [f"[{'AB'[number % 2]}] {text.format(number)}" for number in range(max(2, turns))]
    script = parse_script("\n".join(lines))
    prompts = tuple(trace_prompts("plain"))
    options = replace(OPTIONS, limit_turns=turns)
    return Task(name, script, prompts, options, GAPLESS, True, f"print of {name}")


def unexpected(line: str) -> None:
    """What a worker that has memory enough is given to warn with."""
    raise AssertionError(line)


def station(folder: Path, rows: int = 2, *, warn: Callable[[str], None] = unexpected) -> Worker:
    """A worker that writes to a folder."""
    ensemble, placement = Engine(models(), rows=rows), place("cpu", "float32")
    return Worker(ensemble, placement, CHECKPOINT, "small", DAY, folder, warn)


def speak(folder: Path, *tasks: Task) -> list[Outcome]:
    """Speak tasks two at a time."""
    working = station(folder)
    answers = [working.submit(one) for one in tasks]
    outcomes = [answer.result() for answer in answers]
    working.close()
    return outcomes
