"""Writes FLAC, MP3, Ogg Vorbis and Opus with libsndfile.

Its default qualities suit speech: at 24 kHz about 60 kbit/s for MP3 (variable), 52 for Vorbis and
36 for Opus. MP3 and Opus can have another bitrate.
"""

from __future__ import annotations

import errno
import os
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import soundfile
from torch import Tensor

from podtts.audio.bitrates import bitrates
from podtts.audio.metadata import NO_METADATA, AudioMetadata
from podtts.audio.relay import Relay
from podtts.audio.wav import to_pcm16
from podtts.rates import OUTPUT_HZ

ENCODINGS = {  # name -> libsndfile's container and encoding
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
}
_BLOCK_SAMPLES = 32_768  # libsndfile's Vorbis encoder puts all samples of a write on its stack
_PROBE = bytes(4096)


def _quality(encoding: str, rate_hz: int, kbps: int | None) -> dict[str, Any]:
    """Return the options of libsndfile for a bitrate, which it takes as a number from 1 to 0."""
    if kbps is None or (limits := bitrates(encoding, rate_hz)) is None:
        return {}
    low, high = limits
    mode = {"bitrate_mode": "CONSTANT"} if encoding == "mp3" else {}
    return {"compression_level": 1 - (kbps - low) / (high - low), **mode}


class EncodedStream:
    """Encodes waves into an open file, pipe or device and leaves it open.

    A pipe cannot seek: FLAC then has no length in its header, and MP3 no padding. No chapters and
    no cover are written. A signal ends the wait for a reader of the pipe.
    kbps: bitrate within `bitrates`; None for the default quality.
    Raises OSError when the stream cannot be written.
    """

    def __init__(
        self,
        stream: BinaryIO,
        encoding: str,
        rate_hz: int = OUTPUT_HZ,
        tags: AudioMetadata = NO_METADATA,
        kbps: int | None = None,
    ) -> None:
        self._stream, self._rate_hz = stream, rate_hz
        self._container, self._subtype = ENCODINGS[encoding]
        self._texts = {
            "title": tags.title,
            "artist": tags.artist,
            "date": tags.date[:4] if encoding == "mp3" else tags.date,  # MP3 stores the year alone
            "comment": tags.marked_comment,
            "software": tags.software,
        }
        self._quality = _quality(encoding, rate_hz, kbps)
        self._file: soundfile.SoundFile | None = None
        self._relay: Relay | None = None  # of a pipe
        self.samples = 0  # written so far

    def __enter__(self) -> Self:
        self._stream.flush()
        self._relay = None if self._stream.seekable() else Relay()
        try:
            # A descriptor, not the object: its callbacks would lose an exception from a signal.
            self._file = soundfile.SoundFile(
                self._relay.descriptor if self._relay else self._stream.fileno(),
                "w",
                samplerate=self._rate_hz,
                channels=1,
                format=self._container,
                subtype=self._subtype,
                closefd=False,
                **self._quality,
            )
            for name, text in self._texts.items():
                if text:
                    setattr(self._file, name, text)
        except soundfile.LibsndfileError as error:
            if self._relay:
                self._relay.close()
            raise self._os_error(error) from error
        return self

    def write(self, wave: Tensor) -> None:
        """Append a wave: float32 [S] on the CPU."""
        assert self._file is not None, "write inside the with block"
        samples = np.frombuffer(to_pcm16(wave), "<i2")
        try:
            for start in range(0, len(samples), _BLOCK_SAMPLES):
                self._file.write(samples[start : start + _BLOCK_SAMPLES])
                if self._relay:
                    self._stream.write(self._relay.take())
        except soundfile.LibsndfileError as error:
            raise self._os_error(error) from error
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
            if kind is None:  # else the first error is the one to report
                raise self._os_error(failure) from failure
        finally:
            rest = self._relay.close() if self._relay else b""
        if kind is None:
            self._stream.write(rest)

    def _os_error(self, error: soundfile.LibsndfileError) -> OSError:
        """Write once more to learn the system's error, which libsndfile does not pass on."""
        try:
            os.write(self._stream.fileno(), _PROBE)
        except OSError as reason:
            return reason
        return OSError(errno.EIO, f"libsndfile cannot write {self._container}: {error}")
