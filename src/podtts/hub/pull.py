"""`podtts model pull`: bring a published checkpoint to this machine, whole or not at all.

Plan (which commit, which files) -> fetch what is missing -> check every file -> publish the folder
under its name. The plan is written into the partial folder first, so a pull that was killed goes on
with the commit it began with, and files of two revisions never meet.
"""

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from podtts.errors import ModelError
from podtts.hub.client import GO_ON, HubOfflineError, list_repo
from podtts.hub.pull_files import PARTS_FOLDER, PullProgress, fetch_and_check
from podtts.hub.pull_plan import is_intact, make_plan, unfinished_plan
from podtts.hub.pull_record import PullRecord, read_record, write_record
from podtts.hub.registry import ModelSource
from podtts.hub.store import REPLACED_SUFFIX, model_folder, partial_folder

__all__ = ["PullProgress", "PullResult", "pull_model"]


@dataclass(frozen=True)
class PullResult:
    """A model that is on this machine now."""

    path: Path
    revision: str  # commit of the checkpoint's repository
    size_bytes: int
    already_here: bool  # no file was fetched


def pull_model(
    source: ModelSource,
    models_dir: Path,
    *,
    revision: str | None = None,
    progress: Callable[[PullProgress], None] = lambda _: None,
) -> PullResult:
    """Fetch a published checkpoint and its speech tokenizer into `models_dir/NAME`.

    revision: branch, tag or commit of the checkpoint's repository; None for its main branch.
    huggingface_hub's own settings hold: HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, proxies.
    A pull that was interrupted goes on where it stood, with the commit it began with. Large files
    that another model in `models_dir` holds already are linked from there. A newer revision takes
    the place of an older one when it is complete.
    Raises ModelError: hub not reachable, repository or file not there, a file that is not what the
    hub announces, no space. Nothing unfinished ever stands under `models_dir/NAME`.
    """
    final = model_folder(models_dir, source.name)
    partial = partial_folder(models_dir, source.name)
    with _disk_errors_in_words(models_dir), _only_one_pull(models_dir, source.name):
        pulled = read_record(final)
        if pulled is None and final.exists():
            raise ModelError(
                f"{final} was not pulled by podtts and is left as it is",
                hint="use it as a directory, or move it away and pull again",
            )
        plan = unfinished_plan(source, revision, partial)
        if plan is None:
            try:
                listing = list_repo(source.repo, revision)
            except HubOfflineError:
                if pulled is not None and revision in (None, pulled.revision):
                    return _result(final, pulled, already_here=True)
                raise
            if pulled is not None and is_intact(pulled, source, listing.commit, final):
                return _result(final, pulled, already_here=True)
            plan = make_plan(source, revision, listing)
            partial.mkdir(exist_ok=True)
            write_record(partial, plan)
        record = fetch_and_check(plan, partial, models_dir, progress)
        write_record(partial, record)
        _publish(partial, final)
        return _result(final, record, already_here=False)


def _result(final: Path, record: PullRecord, already_here: bool) -> PullResult:
    return PullResult(final, record.revision, record.total_bytes, already_here)


def _publish(partial: Path, final: Path) -> None:
    """Give the complete folder its name; an older revision steps aside first and is removed."""
    shutil.rmtree(partial / PARTS_FOLDER)
    replaced = final.with_name(final.name + REPLACED_SUFFIX)
    if replaced.exists():  # a pull was killed in this very function
        shutil.rmtree(replaced)
    if final.exists():
        final.rename(replaced)
    partial.rename(final)
    if replaced.exists():
        shutil.rmtree(replaced)


@contextmanager
def _only_one_pull(models_dir: Path, name: str) -> Iterator[None]:
    """Refuse a second pull of the same model: both would append to the same files."""
    from filelock import FileLock, Timeout

    models_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(models_dir / f".{name}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise ModelError(
            f"another podtts is pulling {name} into {models_dir}", hint="wait until it is done"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _disk_errors_in_words(models_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ModelError(
                f"the disk of {models_dir} is full", hint=f"make room there and {GO_ON}"
            ) from error
        raise ModelError(
            f"cannot use {error.filename or models_dir}: {error.strerror or error}",
            hint="the model folder must be on a disk this account may write to",
        ) from error
