"""Writes MP3 files with chapters, a cover and XMP: LAME's own tags have no place for them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from podtts.audio.encoded import EncodedStream
from podtts.audio.id3 import id3_tag
from podtts.audio.metadata import AudioMetadata


@contextmanager
def mp3_file(
    path: Path, rate_hz: int, tags: AudioMetadata, kbps: int | None = None
) -> Iterator[EncodedStream]:
    """Write waves of `rate_hz` to a new file. kbps: bitrate; None: variable. Raises OSError.

    The frames are in a file beside it first: LAME writes its first frame last, and the tag, which
    must be before it, is not known to LAME.
    """
    frames = path.with_name(f"{path.name}.frames")
    try:
        with (
            frames.open("x+b") as file,
            EncodedStream(file, "mp3", rate_hz, kbps=kbps) as encoded,
        ):
            yield encoded
        with path.open("xb") as target, frames.open("rb") as source:
            target.write(id3_tag(tags))
            shutil.copyfileobj(source, target)
    finally:
        frames.unlink(missing_ok=True)
