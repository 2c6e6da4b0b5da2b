"""What `podtts batch` reads and where it writes: scripts, voices, the folder of the episodes."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from podtts.cli.messages import warn_once
from podtts.errors import InputError, UsageError
from podtts.storage.permissions import check_folder_writable

if TYPE_CHECKING:
    from podtts.batch.request import EpisodeSettings, Source
    from podtts.prompts.casting import VoiceCasting


def check_folder(folder: Path) -> None:
    """Raise UsageError for a path that is not a folder and cannot become one."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", "name a folder for the episodes")
    if not folder.parent.is_dir():
        raise UsageError(f"there is no folder {folder.parent}", f"run: mkdir -p {folder.parent}")
    try:
        check_folder_writable(folder)
    except PermissionError as error:
        raise UsageError(
            f"the folder {error.filename} is read-only", "choose another folder"
        ) from error


@contextmanager
def opened(scripts: str, defaults: EpisodeSettings) -> Iterator[Source]:
    """The folder or manifest that SCRIPTS names. Raises InputError, UsageError."""
    from podtts.batch.folder import ScriptFolder
    from podtts.batch.manifest import Manifest

    path = Path(scripts)
    if scripts != "-" and path.is_dir():
        yield ScriptFolder(path, defaults)
    elif scripts == "-":
        if sys.stdin is None:  # closed by whoever started this
            raise UsageError("there is no stdin to read the manifest from", "name a file")
        with tempfile.TemporaryFile() as file:  # lines are read again when a worker needs them
            shutil.copyfileobj(sys.stdin.buffer, file)
            yield Manifest(file, "<stdin>", Path(), defaults)
    else:
        with _manifest_file(path) as file:
            yield Manifest(file, scripts, path.parent, defaults)


def _manifest_file(path: Path) -> BinaryIO:
    try:
        if path.exists() and not path.is_file():  # a pipe can be read only once
            raise UsageError(f"{path} is no regular file", "pipe it to: podtts batch -")
        return path.open("rb")
    except FileNotFoundError:
        raise InputError(f"{path}: no such folder or manifest", "check the path") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def find_voices(directory: Path, root: Path, speakers: Path | None) -> VoiceCasting:
    """The voices for a checkpoint. Raises ModelError for a checkpoint that is incomplete."""
    from podtts.prompts.casting import VoiceCasting
    from podtts.weights.voices import checkpoint_voices

    return VoiceCasting(checkpoint_voices(directory, root, speakers, warn_once))
