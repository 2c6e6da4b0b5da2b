"""Verifies the seals of all files in a folder of the cache."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from podtts.storage.quarantine import Quarantine
from podtts.storage.regular_files import is_unusable, map_regular
from podtts.storage.sealed import KEYED_NAME, SealError, unseal_views

_MAX_BYTES = 2**40


def verify_sealed(root: Path, folder: str) -> Iterator[tuple[Path, str | None]]:
    """Check the seal of every keyed file in a folder under a root.

    Yields the path and the problem of each, None for no problem; moves damaged files to quarantine.
    """
    for path in sorted((root / folder).glob("*.safetensors")):
        if not KEYED_NAME.fullmatch(path.name):
            continue
        try:
            unseal_views(map_regular(path, _MAX_BYTES))
        except FileNotFoundError:  # removed in the meantime
            continue
        except SealError as error:
            yield path, _move_to_quarantine(root, path, str(error))
        except OSError as error:
            problem = str(error.strerror)
            yield path, _move_to_quarantine(root, path, problem) if is_unusable(error) else problem
        else:
            yield path, None


def _move_to_quarantine(root: Path, path: Path, problem: str) -> str:
    with contextlib.suppress(OSError):
        Quarantine(root).move(path)
    return problem
