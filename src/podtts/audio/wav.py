"""Writes WAV files turn by turn: to a stream, or to a file that appears when it is complete."""

from __future__ import annotations

import contextlib
import os
import secrets
import struct
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import torch
from torch import Tensor

from podtts.audio.metadata import NO_METADATA, AudioMetadata, wav_chunks
from podtts.errors import DiskError, UsageError
from podtts.rates import OUTPUT_HZ
from podtts.storage.disk_errors import disk_error
from podtts.storage.streams import rewritable_position

_BYTES_PER_SAMPLE = 2
_RIFF_BYTES = 36  # of a header, after the first 8 bytes of a file
_DS64_BYTES = 36  # of the ds64 chunk, which holds 64-bit sizes (EBU Tech 3306)
_UNKNOWN_SIZE = 0xFFFFFFFF  # means "until the stream ends" in WAV, and "see ds64" in RF64


def to_pcm16(wave: Tensor) -> bytes:
    """Return a wave (float32 [S] on the CPU, clamped to [-1, 1]) as 16-bit little-endian PCM."""
    return (wave.clamp(-1.0, 1.0) * 32767.0).round().to(torch.int16).numpy().astype("<i2").tobytes()


def round_to_pcm16(wave: Tensor) -> Tensor:
    """Round a wave to 16 bits, as a journal stores it; returns float32 [S]."""
    return (wave.clamp(-1.0, 1.0) * 32767.0).round() / 32767.0


def may_need_rf64(samples: int, info_bytes: int = 0) -> bool:
    """Whether this many samples (and bytes of metadata) may exceed a WAV file's 32-bit sizes."""
    size = _RIFF_BYTES + _DS64_BYTES + info_bytes + samples * _BYTES_PER_SAMPLE
    return size > _UNKNOWN_SIZE


class WavStream:
    """Writes a WAV file of unknown length to a stream, such as stdout.

    Every write is flushed, so a player at the other end of a pipe starts with the first turn. The
    header of a pipe states no length; that of a file, which stdout may lead to, gets it at the end.
    The stream stays open. Its errors, such as a closed pipe, reach the caller unchanged.
    """

    def __init__(
        self, stream: BinaryIO, rate_hz: int = OUTPUT_HZ, tags: AudioMetadata = NO_METADATA
    ) -> None:
        self._stream, self._rate_hz, self._info = stream, rate_hz, wav_chunks(tags)
        self._start: int | None = None  # of the header in a file
        self.samples = 0  # written so far

    def __enter__(self) -> Self:
        self._stream.flush()
        self._start = rewritable_position(self._stream)
        self._stream.write(self._header(None))
        self._stream.flush()
        return self

    def write(self, wave: Tensor) -> None:
        """Append a wave: float32 [S] on the CPU."""
        self._stream.write(to_pcm16(wave))
        self._stream.flush()
        self.samples += len(wave)

    def __exit__(self, *raised: object) -> None:
        self._stream.flush()
        if self._start is not None and not may_need_rf64(self.samples, len(self._info)):
            end = self._stream.tell()
            self._stream.seek(self._start)
            self._stream.write(self._header(self.samples))
            self._stream.seek(end)

    def _header(self, samples: int | None) -> bytes:
        return wav_header(samples, rate_hz=self._rate_hz, info=self._info)


class WavWriter:
    """Writes a WAV file turn by turn. The target appears, or changes, only when it is complete.

    partial: file on the same file system that receives the samples and becomes the target at the
             end. When the `with` block fails, it stays and is playable. None uses a hidden file
             beside the target, which is removed on failure. The target itself may be given when
             nobody reads it before it is complete.
    longest: maximum number of samples. Files over 4 GiB become RF64, whose longer header must be
             reserved from the start.
    Raises UsageError for a target that cannot be a file, DiskError when the disk refuses it.
    """

    def __init__(
        self,
        target: Path,
        partial: Path | None = None,
        longest: int = 0,
        *,
        rate_hz: int = OUTPUT_HZ,
        tags: AudioMetadata = NO_METADATA,
    ) -> None:
        """Check the target without changing anything, so that it can be done before any work."""
        if not target.parent.is_dir():
            raise UsageError(f"{target}: there is no folder {target.parent}", "create it first")
        if target.exists() and not target.is_file():  # for example, never replace /dev/null
            raise UsageError(f"{target} is not a regular file", "use -o - to write to stdout")
        self._target = Path(os.path.realpath(target))  # a link stays and leads to the new content
        token = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._partial = partial or self._target.with_name(f".podtts-{token}.part")
        self._keeps_partial = partial is not None
        self._rate_hz, self._info = rate_hz, wav_chunks(tags)
        self._reserve_ds64 = may_need_rf64(longest, len(self._info))
        self._file: BinaryIO | None = None
        self.samples = 0  # written so far

    def __enter__(self) -> Self:
        try:
            self._file = self._partial.open("wb" if self._keeps_partial else "xb")
            self._file.write(self._header(None))
        except OSError as error:
            self._discard()
            raise self._unwritable(error) from error
        return self

    def write(self, wave: Tensor) -> None:
        """Append a wave: float32 [S] on the CPU."""
        assert self._file is not None, "write inside the with block"
        if may_need_rf64(self.samples + len(wave), len(self._info)) and not self._reserve_ds64:
            raise UsageError(f"{self._target}: is longer than expected", "split the script")
        try:
            self._file.write(to_pcm16(wave))
        except OSError as error:
            raise self._unwritable(error) from error
        self.samples += len(wave)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._file is not None
        try:
            if kind is None or self._keeps_partial:
                self._file.seek(0)
                self._file.write(self._header(self.samples))
                self._file.flush()
                os.fsync(self._file.fileno())
            self._file.close()
            if kind is None:
                self._partial.replace(self._target)
        except OSError as failure:
            raise self._unwritable(failure) from failure
        finally:
            self._discard()

    def _header(self, samples: int | None) -> bytes:
        return wav_header(samples, self._reserve_ds64, rate_hz=self._rate_hz, info=self._info)

    def _discard(self) -> None:
        """Close the partial file, and remove it unless the caller named it."""
        with contextlib.suppress(OSError):  # the error before this one is the one to report
            if self._file is not None:
                self._file.close()
        if not self._keeps_partial:
            with contextlib.suppress(OSError):
                self._partial.unlink()

    def _unwritable(self, error: OSError) -> DiskError:
        return disk_error(self._target, error, "choose another output file")


def wav_header(
    samples: int | None,
    reserve_ds64: bool = False,
    *,
    rate_hz: int = OUTPUT_HZ,
    info: bytes = b"",
) -> bytes:
    """Return the header of a mono PCM16 file.

    samples:      None while the length is unknown.
    reserve_ds64: with a chunk for 64-bit sizes, which is padding unless they are needed.
    info:         the chunks of metadata. They come before the samples, so that streams have them.
    """
    format_chunk = struct.pack(
        "<4sIHHIIHH",
        b"fmt ",
        16,
        1,  # PCM
        1,  # channel
        rate_hz,
        rate_hz * _BYTES_PER_SAMPLE,
        _BYTES_PER_SAMPLE,
        8 * _BYTES_PER_SAMPLE,
    )
    payload = None if samples is None else samples * _BYTES_PER_SAMPLE
    name, ds64 = b"RIFF", b""
    riff = None
    if payload is not None:
        riff = _RIFF_BYTES + reserve_ds64 * _DS64_BYTES + len(info) + payload
    if reserve_ds64:
        ds64 = struct.pack("<4sI28x", b"JUNK", 28)
        if riff is not None and samples is not None and may_need_rf64(samples, len(info)):
            ds64 = struct.pack("<4sIQQQI", b"ds64", 28, riff, payload, samples, 0)
            name, riff, payload = b"RF64", None, None
    sizes = [_UNKNOWN_SIZE if size is None else size for size in (riff, payload)]
    return (
        struct.pack("<4sI4s", name, sizes[0], b"WAVE")
        + ds64
        + format_chunk
        + info
        + struct.pack("<4sI", b"data", sizes[1])
    )
