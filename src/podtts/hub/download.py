"""Downloads the files of a plan into the partial folder, and checks each against its digest."""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from podtts import __version__
from podtts.errors import DiskError, ModelError
from podtts.hub.client import RESUME_HINT, Hub, HubFile, NotOnHubError, download_file
from podtts.hub.pull_record import RECORD_FILE, PullRecord, has_size
from podtts.hub.store import pulled_records

PARTS_FOLDER = ".parts"  # in the partial folder: incomplete files, named by digest
_RESERVED_BYTES = 256 * 2**20  # a pull leaves these free on the disk


@dataclass(frozen=True)
class PullProgress:
    """The progress of a pull, reported every 256 KiB; a display need not show every report."""

    step: Literal["downloading", "checking"]
    file: str  # the current file
    done_bytes: int  # of all files, including those of earlier calls
    total_bytes: int


class _WrongContentError(ModelError):
    """The content of a file does not match the digest of the hub, or the known digest."""


def download_files(
    hub: Hub,
    plan: PullRecord,
    partial: Path,
    models_dir: Path,
    progress: Callable[[PullProgress], None],
) -> PullRecord:
    """Get every file of the plan into the partial folder; return the plan with all SHA-256s.

    Raises ModelError when a file cannot be downloaded or is damaged, DiskError when the files do
    not fit on the disk.
    """
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
            checked.append(_get(hub, file, plan.commits[file.repo], partial, copies, meter))
        except (NotOnHubError, _WrongContentError):
            # The commit is gone or its files are wrong: the next call must make a new plan.
            (partial / RECORD_FILE).unlink()
            raise
        done_bytes += file.size
    return replace(plan, files=tuple(checked), podtts=__version__)


@dataclass(frozen=True)
class _Meter:
    """Reports the progress of one file as progress of the pull."""

    progress: Callable[[PullProgress], None]
    file: HubFile
    done_before: int
    total_bytes: int

    def downloading(self, file_bytes: int) -> None:
        self._report("downloading", file_bytes)

    def checking(self) -> None:
        self._report("checking", self.file.size)

    def _report(self, step: Literal["downloading", "checking"], file_bytes: int) -> None:
        done = self.done_before + min(file_bytes, self.file.size)
        self.progress(PullProgress(step, self.file.path, done, self.total_bytes))


def _get(
    hub: Hub,
    file: HubFile,
    commit: str,
    partial: Path,
    copies: Mapping[str, Path],
    meter: _Meter,
) -> HubFile:
    """Get a file into the partial folder: from an earlier call, another model, or the hub."""
    target = partial / file.path
    if target.exists():
        meter.checking()
        with suppress(_WrongContentError):
            return _check(target, file)
        target.unlink()
    if (copy := copies.get(file.path)) is not None:
        meter.checking()
        with suppress(_WrongContentError, OSError):  # damaged, or a disk without links: download
            checked = _check(copy, file)
            target.hardlink_to(copy)
            return checked
    part = partial / PARTS_FOLDER / _part_name(file)
    download_file(hub, commit, file, part, meter.downloading)
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
    """Return `file` with its SHA-256. Raises _WrongContentError when the content is wrong."""
    size = path.stat().st_size
    if size != file.size:
        raise _wrong_content(file, "size", f"{size} bytes", f"{file.size} bytes")
    with path.open("rb") as source:
        sha256 = hashlib.file_digest(source, "sha256").hexdigest()
    if file.sha256 not in (None, sha256):
        raise _wrong_content(file, "SHA-256", sha256, file.sha256)
    if file.git_sha1 is not None:
        # git hashes a header before the content. Only small files have a blob id.
        blob = b"blob %d\0" % size + path.read_bytes()
        git_sha1 = hashlib.sha1(blob, usedforsecurity=False).hexdigest()
        if git_sha1 != file.git_sha1:
            raise _wrong_content(file, "git blob id", git_sha1, file.git_sha1)
    return replace(file, sha256=sha256)


def _wrong_content(
    file: HubFile, what: str, actual: str, expected: str | None
) -> _WrongContentError:
    return _WrongContentError(
        f"{file.path} of {file.repo} arrived damaged: {what} is {actual}, expected {expected}",
        hint="run the same command again to download it again; if that does not help, the hub or "
        "mirror serves a wrong file",
    )


def _copies(plan: PullRecord, partial: Path, models_dir: Path) -> dict[str, Path]:
    """Map files of the plan to equal files of other pulled models, by their records."""
    available = {
        other.sha256: folder / other.path
        for folder, record in pulled_records(models_dir)
        if folder != partial
        for other in record.files
        if other.sha256 is not None and has_size(folder / other.path, other)
    }
    return {file.path: available[file.sha256] for file in plan.files if file.sha256 in available}


def _require_space(plan: PullRecord, partial: Path, copies: Mapping[str, Path]) -> None:
    missing_bytes = 0
    for file in plan.files:
        part = partial / PARTS_FOLDER / _part_name(file)
        if not (has_size(partial / file.path, file) or file.path in copies):
            missing_bytes += file.size - (part.stat().st_size if part.is_file() else 0)
    free_bytes = shutil.disk_usage(partial).free
    if missing_bytes and free_bytes < missing_bytes + _RESERVED_BYTES:
        raise DiskError(
            f"{plan.name} needs {_gigabytes(missing_bytes + _RESERVED_BYTES)} more on the disk of "
            f"{partial.parent}, where {_gigabytes(free_bytes)} are free",
            hint=f"make room there and {RESUME_HINT}",
        )


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"


def _sweep(folder: Path, keep: set[str]) -> None:
    """Remove the files of an earlier plan."""
    for path in folder.iterdir():
        if path.name in keep:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
