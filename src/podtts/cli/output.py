"""The target of -o: a file, stdout or a device. It is checked before any work is done."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from podtts.errors import UsageError

if TYPE_CHECKING:
    from podtts.audio.metadata import AudioMetadata
    from podtts.audio.sink import Sink
    from podtts.publish.publish_options import PublishOptions


def check_output(output: str) -> None:
    """Check that -o can be written. Raises UsageError."""
    path = Path(output)
    if output == "-":
        if sys.stdout is None:
            raise UsageError("there is no stdout to write to", "name a file")
        if sys.stdout.isatty():
            raise UsageError("-o - would write audio to the terminal", "pipe it, or name a file")
    elif path.is_dir():
        raise UsageError(f"{path} is a folder", "name an audio file in it")
    elif not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", f"run: mkdir -p {path.parent}")


def is_stream(output: str) -> bool:
    """Whether samples go out as they are synthesized, to stdout, a pipe or a device."""
    return output == "-" or is_device(Path(output))


def is_device(path: Path) -> bool:
    """Whether a path is a pipe or a device, which a file must not replace."""
    return path.exists() and not path.is_file() and not path.is_dir()


@contextmanager
def open_mix(
    output: str, partial: Path | None, options: PublishOptions, tags: AudioMetadata, longest: int
) -> Iterator[Sink]:
    """Open the sink of an episode's samples at 24 kHz.

    partial: file that collects the samples until they are published; None: the samples go at once
             to the stream that -o names. longest: the largest number of samples.
    """
    if partial is not None:
        from podtts.audio.wav import WavWriter

        with WavWriter(partial, partial, longest, tags=tags) as file:
            yield file
        return
    from podtts.publish.audio_files import open_stream

    with ExitStack() as stack:
        stream = sys.stdout.buffer
        if output != "-":
            stream = stack.enter_context(Path(output).open("wb"))
        yield stack.enter_context(open_stream(stream, options.format, options.rate_hz, tags))
