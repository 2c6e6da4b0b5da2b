"""Where an episode of a batch stands, and what its files are."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from podtts.episode.journal import journal_folder
from podtts.publish.episode_files import episode_files
from podtts.publish.publish_options import FORMATS, PublishOptions


def episode_file(folder: Path, name: str, ending: str) -> Path:
    """The file of an episode; all others it has stand beside it and are named after it."""
    return folder / f"{name}.{ending}"


def file_digests(file: Path, options: PublishOptions) -> dict[str, str]:
    """SHA-256 of all files of an episode that was published, by name in its folder.

    file: the episode's own, which comes first. Raises OSError.
    """
    paths = episode_files(file, options)
    return {path.relative_to(file.parent).as_posix(): file_sha256(path) for path in paths}


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_journals(folder: Path, name: str) -> None:
    """Delete what is kept of an episode's turns, whatever format it was begun in."""
    for ending in FORMATS:
        journal = journal_folder(episode_file(folder, name, ending))
        shutil.rmtree(journal, ignore_errors=True)
