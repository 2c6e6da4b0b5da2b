"""Files of an episode as bytes, on their way from a worker without a folder in common."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from podtts.storage.staging import Staging


def packed(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Take files of a folder, and parts in folders of it, out of it. Raises OSError."""
    contents = {name: (folder / name).read_bytes() for name in names}
    for first in {PurePosixPath(name).parts[0] for name in contents}:
        path = folder / first
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return contents


def unpack(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write what was packed to a folder: all at once, folders in place of those that are there.

    Raises OSError.
    """
    with Staging() as staging:
        places: dict[str, Path] = {}
        for name, content in contents.items():
            first, *deeper = PurePosixPath(name).parts
            if first not in places:
                places[first] = staging.path_for(folder / first)
                if deeper:
                    places[first].mkdir()
            places[first].joinpath(*deeper).write_bytes(content)
