"""One call of `batch`: the workers it hires, and what it tells."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import typer

from podtts.cli.batch_report import BatchReport
from podtts.cli.messages import fail, say
from podtts.cli.signals import GracefulStop
from podtts.errors import PartialError, UsageError
from podtts.options import one_of

if TYPE_CHECKING:
    from podtts.batch.plan import Plan
    from podtts.batch.request import Source
    from podtts.batch.summary import Summary
    from podtts.batch.task import Setup
    from podtts.batch.worker_handle import WorkerHandle
    from podtts.prompts.casting import VoiceCasting

    Hire = Sequence[Callable[[], WorkerHandle]]

_RAY_RESULTS = ("shared", "driver")


@dataclass(frozen=True)
class Crew:
    """Which workers are wanted. Raises UsageError for flags that exclude each other."""

    device: str
    devices: str | None
    workers: int | None
    threads: int | None
    ray: str | None
    ray_results: str

    def __post_init__(self) -> None:
        one_of(_RAY_RESULTS, "place for results", self.ray_results)
        if self.devices is not None and self.device != "auto":
            raise UsageError("--device and --devices exclude each other", "give one of them")
        if self.devices is not None and self.ray is not None:
            raise UsageError(
                "--devices names those of this machine, not of a cluster", "give --workers N"
            )
        if len(set(self.named)) < len(self.named):
            raise UsageError(
                f"--devices {self.devices} names a device twice",
                "for several processes on one device: --workers N",
            )

    @property
    def named(self) -> list[str]:
        """What --devices lists, else what --device is."""
        if self.devices is None:
            return [self.device]
        return [part.strip() for part in self.devices.split(",")]


def speak_all(
    plan: Plan,
    source: Source,
    voices: VoiceCasting,
    setup: Setup,
    crew: Crew,
    *,
    keep: bool,
    verbose: bool,
) -> None:
    """Speak a plan. Raises PartialError when scripts failed or turns came out wrong."""
    from podtts.batch.run import Watch, locked, run_batch
    from podtts.batch.task_builder import TaskBuilder
    from podtts.episode.fingerprint_schema import NUMERICS
    from podtts.weights.digest import checkpoint_digest

    digest = checkpoint_digest(setup.directory, setup.root / "digests")
    asked = {
        "numerics": NUMERICS,
        "checkpoint": digest,
        "dtype": setup.dtype,
        "quantize": setup.quantize,
    }

    def stager(summary: Summary) -> TaskBuilder:
        return TaskBuilder(source, voices, asked, setup.output, summary.before)

    with ExitStack() as stack:
        stack.enter_context(locked(setup.output))
        hire = stack.enter_context(_hired(setup, crew, digest))
        say(f"model {setup.directory}, {len(plan.entries)} scripts, workers {len(hire)}")
        stop = stack.enter_context(GracefulStop("finishing and storing the turns in progress"))
        report = stack.enter_context(BatchReport(len(plan.entries), verbose))
        watch = Watch(stop.requested, report.ready, report.ended)
        totals = run_batch(plan, stager, hire, setup.output, watch, keep=keep)
    report.close(totals)
    if stop.received is not None:
        fail(f"stopped ({stop.received.name})", "the same command goes on")
        raise typer.Exit(128 + stop.received)
    wrong = []
    if totals.failed:
        wrong.append(f"{totals.failed} of {len(plan.entries) + len(plan.failed)} scripts failed")
    if totals.failed_turns:
        wrong.append(f"{totals.failed_turns} turns came out wrong")
    if wrong:
        raise PartialError(", ".join(wrong), f"see {setup.output / 'summary.jsonl'}")


@contextmanager
def _hired(setup: Setup, crew: Crew, digest: str) -> Iterator[Hire]:
    """How each worker is started."""
    if crew.ray is None:
        yield _processes(setup, crew)
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing here calls home
    try:
        from podtts.batch import ray_workers
    except ImportError:
        raise UsageError("--ray needs Ray", "run: pip install ray") from None
    with ray_workers.connected(crew.ray):
        devices = ray_workers.devices_of_cluster() if crew.device != "cpu" else 0
        workers = crew.workers or max(1, devices)
        cluster = ray_workers.Cluster(
            replace(setup, share=workers if crew.ray == ray_workers.LOCAL else 1),
            digest,
            back_to_driver=crew.ray_results == "driver",
            cpus=crew.threads or 1,
            gpus=min(1, devices),
        )
        yield [cluster.hire] * workers


def _processes(setup: Setup, crew: Crew) -> Hire:
    """A process for each device, or as many as are asked for."""
    from podtts.batch.processes import ProcessWorker
    from podtts.device.placement import all_devices, place

    names = list(all_devices()) if crew.named == ["all"] else crew.named
    placements = [place(name, setup.dtype, setup.quantize) for name in names]
    workers = crew.workers or 1
    total = len(names) * workers
    threads = crew.threads
    if threads is None and total > 1 and placements[0].device.type == "cpu":
        threads = max(1, (os.cpu_count() or 1) // total)
    own = [replace(setup, device=name, share=workers, threads=threads) for name in names]
    return [partial(ProcessWorker, one) for one in own for _ in range(workers)]
