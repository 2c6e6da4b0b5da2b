"""Compressed audio out: FLAC, MP3, Ogg Vorbis and Opus, through libsndfile.

Its default qualities suit speech: at 24 kHz about 60 kbit/s for MP3 (variable), 52 for Vorbis and
36 for Opus.
"""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import soundfile
from torch import Tensor

from podtts.audio.metadata import NO_METADATA, AudioMetadata
from podtts.audio.wav import to_pcm16
from podtts.rates import OUTPUT_HZ

ENCODINGS = {  # name -> libsndfile's container and encoding
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
}
_BLOCK_SAMPLES = 32_768  # libsndfile's Vorbis encoder keeps a whole write on its stack
_PROBE = bytes(4096)


class EncodedStream:
    """Encodes waves into an open file, pipe or device, which is left open.

    A pipe cannot be gone back in: FLAC then does not tell its length, MP3 not its padding.
    Raises OSError when the stream cannot be written.
    """

    def __init__(
        self,
        stream: BinaryIO,
        encoding: str,
        rate_hz: int = OUTPUT_HZ,
        tags: AudioMetadata = NO_METADATA,
    ) -> None:
        self._stream, self._rate_hz, self._tags = stream, rate_hz, tags
        self._container, self._subtype = ENCODINGS[encoding]
        if encoding == "mp3":
            self._tags = replace(tags, date=tags.date[:4])  # its date is a year
        self._file: soundfile.SoundFile | None = None
        self.samples = 0  # taken so far

    def __enter__(self) -> Self:
        self._stream.flush()
        try:
            # The descriptor, not the object: a signal's exception would be lost in a callback.
            self._file = soundfile.SoundFile(
                self._stream.fileno(),
                "w",
                samplerate=self._rate_hz,
                channels=1,
                format=self._container,
                subtype=self._subtype,
                closefd=False,
            )
            for name, text in vars(self._tags).items():
                if text:
                    setattr(self._file, name, text)
        except soundfile.LibsndfileError as error:
            raise self._reason(error) from error
        return self

    def write(self, wave: Tensor) -> None:
        """Append a wave: float32 [S] on the CPU."""
        assert self._file is not None, "write inside the with block"
        samples = np.frombuffer(to_pcm16(wave), "<i2")
        try:
            for start in range(0, len(samples), _BLOCK_SAMPLES):
                self._file.write(samples[start : start + _BLOCK_SAMPLES])
        except soundfile.LibsndfileError as error:
            raise self._reason(error) from error
        self.samples += len(samples)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._file is not None
        try:
            self._file.close()
        except soundfile.LibsndfileError as failure:
            if kind is None:  # else what led here is the error to report
                raise self._reason(failure) from failure

    def _reason(self, error: soundfile.LibsndfileError) -> OSError:
        """Ask the system again what libsndfile does not pass on: why nothing can be written."""
        try:
            os.write(self._stream.fileno(), _PROBE)
        except OSError as reason:
            return reason
        return OSError(errno.EIO, f"libsndfile cannot write {self._container}: {error}")
