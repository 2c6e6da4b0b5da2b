"""`podtts init`: makes a folder to begin with."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from podtts.cli.flags import named_path
from podtts.errors import UsageError

_NEXT = """\
{folder} has a script (talk.txt), recordings, and README.md. To begin:
  cd {folder}
  podtts check talk.txt
  podtts synth talk.txt -o talk.mp3 --page talk.html
  podtts prep recordings"""


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", parser=named_path, help="A new or empty folder.")
    ],
) -> None:
    """Make a folder with a script, recordings, and the commands to try."""
    from shlex import quote

    from podtts.hub.bundled import bundled_recordings
    from podtts.storage.disk_errors import disk_error

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is no empty folder", "name a new one")
    if not folder.parent.is_dir():
        raise UsageError(f"there is no folder {folder.parent}", f"run: mkdir -p {folder.parent}")
    try:
        with as_file(files("podtts") / "assets" / "start") as start:
            shutil.copytree(start, folder, dirs_exist_ok=True, copy_function=shutil.copyfile)
        shutil.copytree(bundled_recordings(), folder / "recordings", copy_function=shutil.copyfile)
    except OSError as error:
        raise disk_error(folder, error, "choose another folder") from error
    print(_NEXT.format(folder=quote(str(folder))))
