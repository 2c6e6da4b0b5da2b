"""Writes M4A and M4B files (AAC) with PyAV: chapters, a cover and XMP included."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import Tensor

from podtts.audio.metadata import AudioMetadata
from podtts.audio.pictures import Picture
from podtts.audio.xmp import xmp_packet

_DEFAULT_KBPS = 64  # mono speech without audible loss
_XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # of a box `uuid` (XMP, part 3)
_MILLISECOND = Fraction(1, 1000)


class _AacSink:
    """Encodes waves into an open container."""

    def __init__(self, container: Any, stream: Any, rate_hz: int) -> None:
        self._container, self._stream, self._rate_hz = container, stream, rate_hz
        self.samples = 0  # written so far

    def write(self, wave: Tensor) -> None:
        """Append a wave: float32 [S] on the CPU."""
        import av

        samples = wave.clamp(-1.0, 1.0).numpy()[None]
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = self._rate_hz, self.samples
        frame.time_base = Fraction(1, self._rate_hz)
        self._container.mux(self._stream.encode(frame))
        self.samples += len(wave)


@contextmanager
def m4a_file(
    path: Path, rate_hz: int, tags: AudioMetadata, kbps: int | None = None
) -> Iterator[_AacSink]:
    """Write waves of `rate_hz` to a new file. kbps: bitrate. Raises OSError."""
    import av

    # The format mp4 takes pictures, as PyAV has it, and `ipod` does not; they differ in the brand.
    # Nothing in the file tells when it was written.
    options = {"brand": "M4A ", "movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        stream: Any = container.add_stream("aac", rate=rate_hz, layout="mono")
        stream.bit_rate = 1000 * (kbps or _DEFAULT_KBPS)
        _set_texts(container, tags)
        if tags.cover is not None:
            _write_cover(container, tags.cover)
        sink = _AacSink(container, stream, rate_hz)
        yield sink
        container.mux(stream.encode(None))
    if tags.source_type:
        _append_xmp(path, xmp_packet(tags.source_type))


def _set_texts(container: Any, tags: AudioMetadata) -> None:
    texts = {
        "title": tags.title,
        "artist": tags.artist,
        "date": tags.date,
        "comment": tags.marked_comment,
        "encoding_tool": tags.software,
    }
    container.metadata.update({name: text for name, text in texts.items() if text})
    container.set_chapters(
        [
            {
                "id": number,
                "start": mark.start_ms,
                "end": mark.stop_ms,
                "time_base": _MILLISECOND,
                "metadata": {"title": mark.title},
            }
            for number, mark in enumerate(tags.chapters)
        ]
    )


def _write_cover(container: Any, cover: Picture) -> None:
    import av

    with av.open(io.BytesIO(cover.data)) as picture:
        stream = container.add_stream_from_template(picture.streams.video[0])
        stream.disposition = av.stream.Disposition.attached_pic
        for packet in picture.demux(video=0):
            if packet.size:  # the last one is empty: the end
                packet.stream = stream
                container.mux(packet)


def _append_xmp(path: Path, packet: bytes) -> None:
    """Append a box at the top level, where readers of XMP look for it."""
    size = 8 + len(_XMP_BOX) + len(packet)
    with path.open("ab") as file:
        file.write(struct.pack(">I", size) + b"uuid" + _XMP_BOX + packet)
