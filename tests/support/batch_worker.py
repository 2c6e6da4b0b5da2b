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
    """What a worker with enough memory never calls."""
    raise AssertionError(line)


def new_worker(folder: Path, rows: int = 2, *, warn: Callable[[str], None] = unexpected) -> Worker:
    """A worker that writes to a folder."""
    engine, placement = Engine(models(), rows=rows), place("cpu", "float32")
    return Worker(engine, placement, CHECKPOINT, "small", DAY, folder, warn)


def synthesize(folder: Path, *tasks: Task) -> list[Outcome]:
    """Synthesize tasks, two at a time."""
    worker = new_worker(folder)
    answers = [worker.submit(task) for task in tasks]
    outcomes = [answer.result() for answer in answers]
    worker.close()
    return outcomes
