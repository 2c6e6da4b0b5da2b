"""Writes FLAC files with a cover, which libsndfile does not write."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from podtts.audio.encoded import EncodedStream
from podtts.audio.metadata import AudioMetadata
from podtts.audio.pictures import flac_picture_block

_FIRST_BLOCK_BYTES = 4 + 4 + 34  # the mark fLaC, and STREAMINFO with its header


@contextmanager
def flac_file(path: Path, rate_hz: int, tags: AudioMetadata) -> Iterator[EncodedStream]:
    """Write waves of `rate_hz` to a new file. Raises OSError."""
    if tags.cover is None:
        with path.open("x+b") as file, EncodedStream(file, "flac", rate_hz, tags) as encoded:
            yield encoded
        return
    plain = path.with_name(f"{path.name}.plain")
    try:
        with plain.open("x+b") as file, EncodedStream(file, "flac", rate_hz, tags) as encoded:
            yield encoded
        with path.open("xb") as target, plain.open("rb") as source:
            target.write(source.read(_FIRST_BLOCK_BYTES))  # libsndfile's tags follow: not the last
            target.write(flac_picture_block(tags.cover, is_last=False))
            shutil.copyfileobj(source, target)
    finally:
        plain.unlink(missing_ok=True)
