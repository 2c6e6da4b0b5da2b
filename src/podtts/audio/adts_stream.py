"""Writes AAC as a stream (ADTS) with PyAV; the mark that a program spoke stands before it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, BinaryIO, Self

from torch import Tensor

from podtts.audio.id3 import id3_tag
from podtts.audio.metadata import NO_METADATA, AudioMetadata
from podtts.rates import OUTPUT_HZ

_KBPS = 64  # mono speech without audible loss


class AdtsStream:
    """Encodes waves into a stream and leaves it open. Needs the package av.

    ADTS has no place for metadata. Players skip an ID3 tag before it, as they do for MP3.
    """

    def __init__(
        self, stream: BinaryIO, rate_hz: int = OUTPUT_HZ, tags: AudioMetadata = NO_METADATA
    ) -> None:
        self._stream, self._rate_hz, self._tags = stream, rate_hz, tags
        self._container: Any = None
        self._encoder: Any = None
        self.samples = 0  # written so far

    def __enter__(self) -> Self:
        import av

        self._stream.write(id3_tag(self._tags))
        self._container = av.open(self._stream, "w", format="adts")
        self._encoder = self._container.add_stream("aac", rate=self._rate_hz, layout="mono")
        self._encoder.bit_rate = 1000 * _KBPS
        return self

    def write(self, wave: Tensor) -> None:
        """Append a wave: float32 [S] on the CPU."""
        import av

        if not len(wave):
            return
        samples = wave.clamp(-1.0, 1.0).numpy()[None]
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = self._rate_hz, self.samples
        frame.time_base = Fraction(1, self._rate_hz)
        self._container.mux(self._encoder.encode(frame))
        self.samples += len(wave)

    def __exit__(self, *raised: object) -> None:
        self._container.mux(self._encoder.encode(None))
        self._container.close()
