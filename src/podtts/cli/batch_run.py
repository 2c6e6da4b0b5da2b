"""One call of `batch`: starts the workers and reports what they do."""

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
from podtts.text.counting import counted

if TYPE_CHECKING:
    from podtts.batch.plan import Plan
    from podtts.batch.request import Source
    from podtts.batch.summary import Summary
    from podtts.batch.task import Setup
    from podtts.batch.worker_handle import WorkerHandle
    from podtts.prompts.casting import VoiceCasting

    WorkerStarts = Sequence[Callable[[], WorkerHandle]]

_RAY_RESULTS = ("shared", "driver")


@dataclass(frozen=True)
class WorkerFlags:
    """The flags that choose workers. Raises UsageError for flags that exclude each other."""

    device: str
    devices: str | None
    workers: int | None
    threads: int | None
    ray: str | None
    ray_results: str | None

    def __post_init__(self) -> None:
        if self.ray_results is not None:
            one_of(_RAY_RESULTS, "place for results", self.ray_results)
            if self.ray is None:
                raise UsageError("--ray-results needs --ray", "add it, or leave out --ray-results")
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
        """The devices of --devices, else that of --device."""
        if self.devices is None:
            return [self.device]
        return [part.strip() for part in self.devices.split(",")]


def synthesize_all(
    plan: Plan,
    source: Source,
    voices: VoiceCasting,
    setup: Setup,
    flags: WorkerFlags,
    *,
    keep: bool,
    verbose: bool,
) -> None:
    """Synthesize a plan. Raises PartialError when scripts or turns failed."""
    from podtts.batch.run import RunMonitor, locked, run_batch
    from podtts.batch.task_builder import TaskBuilder
    from podtts.episode.fingerprint import recognizer_fingerprint
    from podtts.episode.fingerprint_schema import NUMERICS
    from podtts.weights.digest import checkpoint_digest

    digest = checkpoint_digest(setup.directory, setup.root / "digests")
    common = {
        "numerics": NUMERICS,
        "checkpoint": digest,
        "dtype": setup.dtype,
        "quantize": setup.quantize,
        **recognizer_fingerprint(setup.recognizer, setup.root),
    }

    def new_builder(summary: Summary) -> TaskBuilder:
        return TaskBuilder(source, voices, common, setup.output, summary.before)

    with ExitStack() as stack:
        stack.enter_context(locked(setup.output))
        starts = stack.enter_context(_worker_starts(setup, flags, digest))
        scripts = counted(len(plan.entries), "script")
        say(f"model {setup.directory}, {scripts}, workers {len(starts)}")
        stop = stack.enter_context(GracefulStop("turns in progress are finished and stored"))
        report = stack.enter_context(BatchReport(len(plan.entries), setup.output, verbose))
        monitor = RunMonitor(stop.requested, report.ready, report.ended)
        totals = run_batch(plan, new_builder, starts, setup.output, monitor, keep=keep)
    report.close(totals)
    if stop.received is not None:
        fail(f"stopped ({stop.received.name})", "run the same command again to continue")
        raise typer.Exit(128 + stop.received)
    failures = []
    if totals.failed:
        scripts = counted(len(plan.entries) + len(plan.failed), "script")
        failures.append(f"{totals.failed} of {scripts} failed")
    if totals.failed_turns:
        failures.append(f"{counted(totals.failed_turns, 'turn')} failed a check")
    if failures:
        raise PartialError(", ".join(failures), f"see {setup.output / 'summary.jsonl'}")


@contextmanager
def _worker_starts(setup: Setup, flags: WorkerFlags, digest: str) -> Iterator[WorkerStarts]:
    """Functions that start the workers; a cluster is connected for as long."""
    if flags.ray is None:
        yield _processes(setup, flags)
        return
    try:
        from podtts.batch import ray_workers
    except ImportError:
        raise UsageError("--ray needs Ray", "run: pip install ray") from None
    with ray_workers.connected(flags.ray):
        devices = ray_workers.devices_of_cluster() if flags.device != "cpu" else 0
        workers = flags.workers or max(1, devices)
        cluster = ray_workers.Cluster(
            replace(setup, share=workers if flags.ray == ray_workers.LOCAL else 1),
            digest,
            back_to_driver=flags.ray_results == "driver",
            cpus=flags.threads or 1,
            gpus=min(1, devices),
        )
        yield [cluster.start_worker] * workers


def _processes(setup: Setup, flags: WorkerFlags) -> WorkerStarts:
    """Functions that start a process a device, or as many as the flags say."""
    from podtts.batch.processes import ProcessWorker
    from podtts.device.placement import all_devices, place

    names = list(all_devices()) if flags.named == ["all"] else flags.named
    placements = [place(name, setup.dtype, setup.quantize) for name in names]
    workers = flags.workers or 1
    total = len(names) * workers
    threads = flags.threads
    if threads is None and total > 1 and placements[0].device.type == "cpu":
        threads = max(1, (os.cpu_count() or 1) // total)
    setups = [replace(setup, device=name, share=workers, threads=threads) for name in names]
    return [partial(ProcessWorker, own) for own in setups for _ in range(workers)]
