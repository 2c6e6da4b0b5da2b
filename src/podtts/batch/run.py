"""Runs a batch, from the first script to the last line of the summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout

from podtts.batch.dispatch import Dispatcher
from podtts.batch.plan import Plan
from podtts.batch.summary import Summary, Totals
from podtts.batch.task import Outcome, Ready, failed
from podtts.batch.task_builder import TaskBuilder
from podtts.batch.worker_handle import WorkerHandle
from podtts.episode.journal_choice import remove_journals
from podtts.errors import DiskError, UsageError
from podtts.publish.episode_files import episode_file
from podtts.publish.publish_options import FORMATS
from podtts.storage.disk_errors import disk_error
from podtts.storage.locks import file_lock

_LOCK = ".podtts-batch.lock"


@dataclass(frozen=True)
class RunMonitor:
    """Says when to stop, and is called with what happens."""

    stopped: Callable[[], bool]
    ready: Callable[[Ready], None]
    ended: Callable[[Outcome], None]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder of episodes for one run; creates it. Raises UsageError when it is locked.

    Raises DiskError when it cannot be written.
    """
    try:
        folder.mkdir(exist_ok=True)
        lock = file_lock(folder / _LOCK)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UsageError(
            f"another run is writing to {folder}", "wait for it, or choose another folder"
        ) from error
    except OSError as error:
        raise disk_error(folder, error, "choose another folder") from error
    try:
        yield
    finally:
        lock.release()


def run_batch(
    plan: Plan,
    new_builder: Callable[[Summary], TaskBuilder],
    starts: Sequence[Callable[[], WorkerHandle]],
    output: Path,
    monitor: RunMonitor,
    *,
    keep: bool,
) -> Totals:
    """Synthesize a plan and record every outcome. The caller holds the lock, see `locked`.

    starts: functions that start a worker, one for each worker that runs at the same time.
    keep:   whether the journals of finished episodes stay.
    Raises DiskError when the disk refuses a file, after the turns in progress are finished, and
    the error that keeps workers from their work.
    """
    totals, refused = Totals(), list[Outcome]()

    def stopped() -> bool:
        return monitor.stopped() or bool(refused)

    with Summary(output) as summary:
        dispatcher = Dispatcher(new_builder(summary).build, starts, stopped, monitor.ready)
        for entry, error in plan.failed:  # `fail` was called when the plan was made
            outcome = failed(entry.id, error)
            summary.add(outcome)
            totals.add(outcome)
        for outcome in dispatcher.run(plan.entries):
            if outcome.unwritable:
                refused.append(outcome)
            if not outcome.skipped and outcome.state != "stopped":
                summary.add(outcome)
            if outcome.state == "done" and not keep:
                remove_journals(episode_file(output, outcome.id, FORMATS[0]), FORMATS)
            totals.add(outcome)
            monitor.ended(outcome)
    if refused:
        raise DiskError(refused[0].error, refused[0].hint)
    return totals
