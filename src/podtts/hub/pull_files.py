"""Bringing the files of a plan into the partial folder, every one checked against its digest."""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from podtts import __version__
from podtts.errors import ModelError
from podtts.hub.client import GO_ON, HubFile, NotOnHubError, fetch_file
from podtts.hub.pull_record import RECORD_FILE, PullRecord, holds
from podtts.hub.store import pulled_records

PARTS_FOLDER = ".parts"  # in the partial folder: files that are not complete, named by digest
_SPARE_BYTES = 256 * 2**20  # what a pull leaves free on the disk


@dataclass(frozen=True)
class PullProgress:
    """How far a pull is; told every quarter of a megabyte, so a display draws at its own pace."""

    step: Literal["fetching", "checking"]
    file: str  # the file at hand
    done_bytes: int  # of all files, what an earlier call brought included
    total_bytes: int


class _WrongContentError(ModelError):
    """A file on this disk is not what the hub announced, or not the one that is known."""


def fetch_and_check(
    plan: PullRecord, partial: Path, models_dir: Path, progress: Callable[[PullProgress], None]
) -> PullRecord:
    """Bring every file of the plan into the partial folder; return the plan with all SHA-256s."""
    parts = partial / PARTS_FOLDER
    parts.mkdir(exist_ok=True)
    _sweep(partial, keep={file.path for file in plan.files} | {RECORD_FILE, PARTS_FOLDER})
    _sweep(parts, keep={_part_name(file) for file in plan.files})
    copies = _copies(plan, partial, models_dir)
    _require_space(plan, partial, copies)
    checked: list[HubFile] = []
    done_bytes = 0
    for file in plan.files:
        meter = _Meter(progress, file, done_bytes, plan.total_bytes)
        try:
            checked.append(_bring(file, plan.commits[file.repo], partial, copies, meter))
        except (NotOnHubError, _WrongContentError):
            # The commit is gone or was published wrong: the next call must not insist on it.
            (partial / RECORD_FILE).unlink()
            raise
        done_bytes += file.size
    return replace(plan, files=tuple(checked), podtts=__version__)


@dataclass(frozen=True)
class _Meter:
    """Reports the bytes of one file as bytes of the whole pull."""

    progress: Callable[[PullProgress], None]
    file: HubFile
    done_before: int
    total_bytes: int

    def fetching(self, here_bytes: int) -> None:
        self._tell("fetching", here_bytes)

    def checking(self) -> None:
        self._tell("checking", self.file.size)

    def _tell(self, step: Literal["fetching", "checking"], here_bytes: int) -> None:
        done = self.done_before + min(here_bytes, self.file.size)
        self.progress(PullProgress(step, self.file.path, done, self.total_bytes))


def _bring(
    file: HubFile, commit: str, partial: Path, copies: Mapping[str, Path], meter: _Meter
) -> HubFile:
    """Have one file in the partial folder: from an earlier call, another model, or the hub."""
    target = partial / file.path
    if target.exists():
        meter.checking()
        with suppress(_WrongContentError):
            return _check(target, file)
        target.unlink()
    if (copy := copies.get(file.path)) is not None:
        meter.checking()
        with suppress(_WrongContentError, OSError):  # damaged, or a disk without links: fetch it
            checked = _check(copy, file)
            target.hardlink_to(copy)
            return checked
    part = partial / PARTS_FOLDER / _part_name(file)
    fetch_file(commit, file, part, meter.fetching)
    meter.checking()
    try:
        checked = _check(part, file)
    except _WrongContentError:
        part.unlink()
        raise
    part.replace(target)
    return checked


def _part_name(file: HubFile) -> str:
    return file.sha256 or file.git_sha1 or ""


def _check(path: Path, file: HubFile) -> HubFile:
    """Return `file` with its SHA-256 when the content of `path` is what it must be."""
    size = path.stat().st_size
    if size != file.size:
        raise _differs(file, "size", f"{size} bytes", f"{file.size} bytes")
    with path.open("rb") as source:
        sha256 = hashlib.file_digest(source, "sha256").hexdigest()
    if file.sha256 not in (None, sha256):
        raise _differs(file, "SHA-256", sha256, file.sha256)
    if file.git_sha1 is not None:
        # git hashes a header with the content; only small files are told by their blob id.
        blob = b"blob %d\0" % size + path.read_bytes()
        git_sha1 = hashlib.sha1(blob, usedforsecurity=False).hexdigest()
        if git_sha1 != file.git_sha1:
            raise _differs(file, "git blob id", git_sha1, file.git_sha1)
    return replace(file, sha256=sha256)


def _differs(file: HubFile, what: str, found: str, expected: str | None) -> _WrongContentError:
    return _WrongContentError(
        f"{file.path} of {file.repo} arrived damaged: {what} is {found}, expected {expected}",
        hint="run the same command again to fetch it anew; if that does not help, the hub or "
        "mirror (HF_ENDPOINT) serves a wrong file",
    )


def _copies(plan: PullRecord, partial: Path, models_dir: Path) -> dict[str, Path]:
    """Map files of the plan to files of other pulled models that are recorded as the same."""
    elsewhere = {
        twin.sha256: folder / twin.path
        for folder, record in pulled_records(models_dir)
        if folder != partial
        for twin in record.files
        if twin.sha256 is not None and holds(folder / twin.path, twin)
    }
    return {file.path: elsewhere[file.sha256] for file in plan.files if file.sha256 in elsewhere}


def _require_space(plan: PullRecord, partial: Path, copies: Mapping[str, Path]) -> None:
    missing_bytes = 0
    for file in plan.files:
        part = partial / PARTS_FOLDER / _part_name(file)
        if not (holds(partial / file.path, file) or file.path in copies):
            missing_bytes += file.size - (part.stat().st_size if part.is_file() else 0)
    free_bytes = shutil.disk_usage(partial).free
    if missing_bytes and free_bytes < missing_bytes + _SPARE_BYTES:
        raise ModelError(
            f"{plan.name} needs {_gigabytes(missing_bytes + _SPARE_BYTES)} more on the disk of "
            f"{partial.parent}, where {_gigabytes(free_bytes)} are free",
            hint=f"make room there and {GO_ON}",
        )


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"


def _sweep(folder: Path, keep: set[str]) -> None:
    """Remove what an earlier plan left behind."""
    for path in folder.iterdir():
        if path.name in keep:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
