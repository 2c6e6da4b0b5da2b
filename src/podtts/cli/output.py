"""What -o names: a file, stdout, or a device; checked before any work is done."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from podtts.errors import UsageError

if TYPE_CHECKING:
    from podtts.audio.wav import WavStream, WavWriter


def check_output(output: str) -> None:
    """Refuse what cannot be written before any work is done. Raises UsageError."""
    path = Path(output)
    if output == "-":
        if sys.stdout is None:
            raise UsageError("there is no stdout to write to", "name a file")
        if sys.stdout.isatty():
            raise UsageError("-o - would write audio to the terminal", "pipe it, or name a file")
    elif path.is_dir():
        raise UsageError(f"{path} is a folder", "name a .wav file in it")
    elif not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", f"run: mkdir -p {path.parent}")
    elif path.suffix.lower() != ".wav" and not is_device(path):
        raise UsageError(
            f"{output} does not end in .wav", "write .wav, or pipe it: -o - | ffmpeg -i - OUT"
        )


def open_output(output: str, partial: Path | None, longest: int) -> WavStream | WavWriter:
    """Open what -o names: stdout, a device or pipe, or a file that appears when it is whole.

    partial: where a file's samples are until then. longest: samples that may come.
    """
    from podtts.audio.wav import WavStream, WavWriter

    if output == "-":
        return WavStream(sys.stdout.buffer)
    if is_device(Path(output)):
        return WavStream(Path(output).open("wb"))
    return WavWriter(Path(output), partial, longest)


def is_device(path: Path) -> bool:
    """Whether something is there that must not be replaced by a file."""
    return path.exists() and not path.is_file() and not path.is_dir()
