"""Intro, outro and music: files that are decoded to check them, and again when they are mixed."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from podtts.errors import AudioError
from podtts.publish.publish_options import MusicFile
from podtts.storage.regular_files import read_regular

if TYPE_CHECKING:
    from torch import Tensor

    from podtts.audio.loudness import Loudness

LONGEST_MUSIC_SECONDS = 600
_LONGEST_BYTES = 2**29  # ten minutes of WAV in stereo, 96 kHz and 32 bit
_REMEMBERED = 64  # files of a batch, whose lines mostly name the same ones


@dataclass(frozen=True, eq=False)  # tensors have no truth value to compare
class Music:
    """The sound of a file, and its loudness."""

    wave: Tensor  # float32 [S], 24 kHz, one channel
    loudness: Loudness


def checked_music(path: Path) -> MusicFile:
    """Decode a file once, and name it.

    Raises AudioError if it cannot be read or decoded, is longer than ten minutes, or has no
    loudness.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:  # a name with a NUL
        raise AudioError(str(path), "cannot be the name of a file", "name an audio file") from error
    return _checked(path.absolute(), status.st_mtime_ns, status.st_size)


def load_music(file: MusicFile) -> Music:
    """Decode a file that was checked. Raises AudioError as that did, or if it changed since."""
    path = Path(file.path)
    raw = _read(path)
    if hashlib.sha256(raw).hexdigest() != file.sha256:
        raise AudioError(path, "was changed during the run", "run the same command again")
    return _decode(raw, path)


@lru_cache(_REMEMBERED)
def _checked(path: Path, modified_ns: int, size: int) -> MusicFile:
    del modified_ns, size  # another content is another file
    raw = _read(path)
    _decode(raw, path)
    return MusicFile(str(path), hashlib.sha256(raw).hexdigest())


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, _LONGEST_BYTES)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> AudioError:
    return AudioError(path, f"cannot be read: {error.strerror}", "name an audio file")


def _decode(raw: bytes, path: Path) -> Music:
    from podtts.audio.loudness import measure  # these import torch, which a mistyped flag need not
    from podtts.audio.music import Sound, decode_music

    wave = decode_music(raw, str(path), LONGEST_MUSIC_SECONDS)
    loudness = measure(Sound(wave))
    if not math.isfinite(loudness.lufs):
        raise AudioError(path, "is silent, or shorter than 0.4 s", "choose another file")
    return Music(wave, loudness)
