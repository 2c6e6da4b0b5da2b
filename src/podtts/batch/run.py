"""A batch from the first script to the summary's last line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from podtts.batch.dispatch import Dispatcher
from podtts.batch.plan import Plan
from podtts.batch.summary import Summary, Totals
from podtts.batch.task import Outcome, Ready, failed
from podtts.batch.task_builder import TaskBuilder
from podtts.batch.worker_handle import WorkerHandle
from podtts.episode.journal_choice import remove_journals
from podtts.errors import UsageError
from podtts.publish.episode_files import episode_file
from podtts.publish.publish_options import FORMATS

_LOCK = ".podtts-batch.lock"


@dataclass(frozen=True)
class Watch:
    """Who is told what happens, and says when to stop."""

    stopped: Callable[[], bool]
    ready: Callable[[Ready], None]
    ended: Callable[[Outcome], None]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Have a folder of episodes to oneself; makes it. Raises UsageError when another run has it."""
    lock = FileLock(folder / _LOCK)
    try:
        folder.mkdir(exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UsageError(
            f"another run is writing to {folder}", "wait for it, or choose another folder"
        ) from error
    except OSError as error:
        raise UsageError(
            f"{folder}: cannot be written: {error.strerror}", "choose another folder"
        ) from error
    try:
        yield
    finally:
        lock.release()


def run_batch(
    plan: Plan,
    stager: Callable[[Summary], TaskBuilder],
    hire: Sequence[Callable[[], WorkerHandle]],
    output: Path,
    watch: Watch,
    *,
    keep: bool,
) -> Totals:
    """Speak what is planned, and note every outcome; the folder is the caller's, see `locked`.

    keep: whether the journals of finished episodes stay.
    Raises UsageError when the disk refuses what was spoken, after what is spoken has been tried to
    be written, and what else keeps workers from working.
    """
    totals, refusal = Totals(), list[Outcome]()

    def stopped() -> bool:
        return watch.stopped() or bool(refusal)

    with Summary(output) as summary:
        dispatcher = Dispatcher(stager(summary).stage, hire, stopped, watch.ready)
        for entry, error in plan.failed:  # told when the plan was made
            outcome = failed(entry.id, error)
            summary.add(outcome)
            totals.add(outcome)
        for outcome in dispatcher.run(plan.entries):
            if outcome.unwritable:
                refusal.append(outcome)
            if not outcome.skipped and outcome.state != "stopped":
                summary.add(outcome)
            if outcome.state == "done" and not keep:
                remove_journals(episode_file(output, outcome.id, FORMATS[0]), FORMATS)
            totals.add(outcome)
            watch.ended(outcome)
    if refusal:
        raise UsageError(refusal[0].error, refusal[0].hint or "make room, and run it again")
    return totals
