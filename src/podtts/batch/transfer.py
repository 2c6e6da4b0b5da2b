"""Sends an episode's files as bytes, from a worker that does not see the output folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from podtts.storage.staging import Staging


def packed(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Return the contents of files of a folder and delete the files. Raises OSError."""
    contents = {name: (folder / name).read_bytes() for name in names}
    for first in {PurePosixPath(name).parts[0] for name in contents}:
        path = folder / first
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return contents


def unpack(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write packed files to a folder, all at once; their subfolders replace those that are there.

    Raises OSError.
    """
    with Staging() as staging:
        staged: dict[str, Path] = {}
        for name, content in contents.items():
            first, *deeper = PurePosixPath(name).parts
            if first not in staged:
                staged[first] = staging.path_for(folder / first)
                if deeper:
                    staged[first].mkdir()
            staged[first].joinpath(*deeper).write_bytes(content)
