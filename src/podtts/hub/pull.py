"""Pulls a published model: downloads it completely, or leaves no model.

The steps: plan (which commit, which files), download missing files, check every file, and rename
the folder to the model's name. The plan is stored in the partial folder first, so a pull that was
killed continues with the same commit, and files of two revisions are never mixed.
"""

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from podtts import __version__
from podtts.errors import DiskError, ModelError
from podtts.hub.client import RESUME_HINT, Hub, HubFile, HubOfflineError, Listing
from podtts.hub.download import PARTS_FOLDER, PullProgress, download_files
from podtts.hub.hugging_face import HuggingFace
from podtts.hub.pull_record import PullRecord, has_size, read_record, write_record
from podtts.hub.registry import PinnedFile, Source
from podtts.hub.store import REPLACED_SUFFIX, model_folder, partial_folder

__all__ = ["PullProgress", "PullResult", "pull_model"]


@dataclass(frozen=True)
class PullResult:
    """A pulled model."""

    path: Path
    revision: str  # commit of the checkpoint's repository
    size_bytes: int
    already_here: bool  # no file was downloaded


def pull_model(
    source: Source,
    models_dir: Path,
    *,
    hub: Hub | None = None,
    revision: str | None = None,
    progress: Callable[[PullProgress], None] = lambda _: None,
) -> PullResult:
    """Download a published model into `models_dir/NAME`: a checkpoint with its speech tokenizer.

    source: also a recognizer, which needs no other file.
    hub: where its repositories are; None for Hugging Face.
    revision: branch, tag or commit of the model's repository; None for its main branch.
    progress: called while files are downloaded and checked.
    The settings of huggingface_hub apply: HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, proxies.
    An interrupted pull continues with the same commit. Large files that another model in
    `models_dir` already has are linked from there. A complete newer revision replaces an older one.
    Raises ModelError when the hub cannot be reached, a repository or file is missing, or the
    content of a file is wrong; DiskError when the disk is full. `models_dir/NAME` never holds an
    incomplete model.
    """
    hub = hub or HuggingFace()
    final = model_folder(models_dir, source.name)
    partial = partial_folder(models_dir, source.name)
    with _disk_errors(models_dir), _exclusive(models_dir, source.name):
        pulled = read_record(final)
        if pulled is None and final.exists():
            raise ModelError(
                f"{final} was not pulled by podtts, so podtts does not replace it",
                hint="use it as a directory, or move it away and pull again",
            )
        plan = _unfinished_plan(hub, source, revision, partial)
        if plan is None:
            try:
                listing = hub.list_repo(source.repo, revision)
            except HubOfflineError:
                if pulled is not None and revision in (None, pulled.revision):
                    return _result(final, pulled, already_here=True)
                raise
            if pulled is not None and _is_intact(pulled, hub, source, listing.commit, final):
                return _result(final, pulled, already_here=True)
            plan = _make_plan(hub, source, revision, listing)
            partial.mkdir(exist_ok=True)
            write_record(partial, plan)
        record = download_files(hub, plan, partial, models_dir, progress)
        write_record(partial, record)
        _publish(partial, final)
        return _result(final, record, already_here=False)


def _unfinished_plan(
    hub: Hub, source: Source, revision: str | None, partial: Path
) -> PullRecord | None:
    """Return the plan of an interrupted pull of the same source and revision, if there is one."""
    plan = read_record(partial)
    asked = (hub.name, source.repo, revision)
    if plan is None or (plan.hub, plan.repo, plan.asked_revision) != asked:
        return None
    return plan if _has_pinned_files(plan, source) else None


def _has_pinned_files(record: PullRecord, source: Source) -> bool:
    recorded = {(file.repo, file.path, file.sha256) for file in record.files}
    return all((file.repo, file.path, file.sha256) in recorded for file in source.pinned_files)


def _is_intact(pulled: PullRecord, hub: Hub, source: Source, commit: str, final: Path) -> bool:
    """Return whether a pulled model still has every file of this commit, and the pinned ones."""
    return (
        pulled.hub == hub.name
        and pulled.commits.get(source.repo) == commit
        and _has_pinned_files(pulled, source)
        and all(has_size(final / file.path, file) for file in pulled.files)
    )


def _make_plan(hub: Hub, source: Source, revision: str | None, listing: Listing) -> PullRecord:
    """List the files to download, small files first, so that errors show early."""
    files = [hub.listed_file(listing, path) for path in source.wanted_files(listing.files)]
    commits = {source.repo: listing.commit}
    for pinned in source.pinned_files:
        other = hub.list_repo(pinned.repo, None)
        files.append(_pinned_file(hub, pinned, other))
        commits[pinned.repo] = other.commit
    return PullRecord(
        name=source.name,
        repo=source.repo,
        asked_revision=revision,
        commits=commits,
        licence=source.licence,
        podtts=__version__,
        files=tuple(sorted(files, key=lambda file: (file.size, file.path))),
        hub=hub.name,
    )


def _pinned_file(hub: Hub, pinned: PinnedFile, listing: Listing) -> HubFile:
    """Return a pinned file. Raises ModelError if the hub lists another SHA-256."""
    if pinned.path not in listing.files:
        raise ModelError(
            f"{pinned.repo} lacks {pinned.path}", hint=f"check {hub.endpoint_variable}"
        )
    listed = hub.listed_file(listing, pinned.path)
    if listed.sha256 not in (None, pinned.sha256):
        raise ModelError(
            f"{pinned.repo} now has another {pinned.path}: its SHA-256 is {listed.sha256}, "
            f"but podtts expects {pinned.sha256}",
            hint=f"check {hub.endpoint_variable}; a newer podtts may support the new file",
        )
    return replace(listed, sha256=pinned.sha256)


def _result(final: Path, record: PullRecord, already_here: bool) -> PullResult:
    return PullResult(final, record.revision, record.total_bytes, already_here)


def _publish(partial: Path, final: Path) -> None:
    """Rename the complete folder to the model's name, and remove an older revision."""
    shutil.rmtree(partial / PARTS_FOLDER)
    replaced = final.with_name(final.name + REPLACED_SUFFIX)
    if replaced.exists():  # an earlier pull was killed in this function
        shutil.rmtree(replaced)
    if final.exists():
        final.rename(replaced)
    partial.rename(final)
    if replaced.exists():
        shutil.rmtree(replaced)


@contextmanager
def _exclusive(models_dir: Path, name: str) -> Iterator[None]:
    """Refuse a second pull of the same model, because both would append to the same files."""
    from filelock import Timeout

    from podtts.storage.locks import file_lock

    models_dir.mkdir(parents=True, exist_ok=True)
    lock = file_lock(models_dir / f".{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ModelError(
            f"another podtts is pulling {name} into {models_dir}", hint="wait until it has finished"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _disk_errors(models_dir: Path) -> Iterator[None]:
    """Convert errors of the disk into DiskError, and ModelError for a folder that is unusable."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskError(
                f"the disk of {models_dir} is full", hint=f"make room there and {RESUME_HINT}"
            ) from error
        raise ModelError(
            f"cannot use {error.filename or models_dir}: {error.strerror or error}",
            hint="choose a folder for models that you can write to",
        ) from error
