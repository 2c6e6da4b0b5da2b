"""Checking sealed files that nobody has asked for."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from podtts.storage.quarantine import Quarantine
from podtts.storage.regular import is_in_the_way, map_regular
from podtts.storage.sealed import KEYED_NAME, SealError, unseal_views

_LONGEST_BYTES = 2**40


def verify_sealed(root: Path, folder: str) -> Iterator[tuple[Path, str | None]]:
    """Check the seal of every keyed file in a folder under a root; yield its path and its problem.

    A damaged one is in quarantine by then.
    """
    for path in sorted((root / folder).glob("*.safetensors")):
        if not KEYED_NAME.fullmatch(path.name):
            continue
        try:
            unseal_views(map_regular(path, _LONGEST_BYTES))
        except FileNotFoundError:  # gone in between
            continue
        except SealError as error:
            yield path, _put_aside(root, path, str(error))
        except OSError as error:
            problem = str(error.strerror)
            yield path, _put_aside(root, path, problem) if is_in_the_way(error) else problem
        else:
            yield path, None


def _put_aside(root: Path, path: Path, problem: str) -> str:
    with contextlib.suppress(OSError):
        Quarantine(root).take(path)
    return problem
