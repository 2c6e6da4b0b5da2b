"""Audio files: recordings in, episodes out."""

import contextlib
import math
import os
import secrets
import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import torch
from torch import Tensor

from podtts.audio import lazy_torchaudio
from podtts.audio.decoder import Decoder
from podtts.audio.whole import convert_hint, decode_whole
from podtts.errors import AudioError, InputError, UsageError
from podtts.rates import OUTPUT_HZ

# torchaudio builds one filter for every phase of the ratio. Usual rates need fewer than 100,000
# taps; 44,101 Hz to 16 kHz would need 700 million and a minute.
_MAX_RESAMPLING_TAPS = 2**22

_BYTES_PER_SAMPLE = 2
_HEADER_BYTES = 44
_UNKNOWN_SIZE = 0xFFFFFFFF  # what players take as "until the stream ends"
_MAX_WAV_SAMPLES = (0xFFFFFFFF - _HEADER_BYTES) // _BYTES_PER_SAMPLE  # a little over 24 hours


@dataclass(frozen=True, eq=False)  # tensors have no truth value to compare
class Recording:
    """The first channel of an audio file. Raises AudioError when no sample, or no number, is in."""

    source: str  # names it in messages
    wave: Tensor  # float32 [samples at rate_hz], within [-1, 1] unless the file says otherwise
    rate_hz: int

    def __post_init__(self) -> None:
        if not len(self.wave):
            raise AudioError(self.source, "holds no samples", "record it again")
        if not self.wave.isfinite().all():
            raise AudioError(
                self.source, "holds samples that are NaN or infinite", convert_hint(self.source)
            )

    @property
    def seconds(self) -> float:
        return len(self.wave) / self.rate_hz


def decode_audio(raw: bytes, source: str, decoder: Decoder | None = None) -> Recording:
    """Decode the bytes of an audio file (WAV, FLAC, MP3, Ogg Vorbis, Opus; first channel).

    decoder: the process to decode in; without one, a process is started for this file alone.
    Raises AudioError naming `source` when they are empty, not audio, broken, cut short or longer
    than 30 s, and when the decoder hangs or crashes on them.
    """
    with contextlib.nullcontext(decoder) if decoder else Decoder() as process:
        decoded = decode_whole(raw, source, process)
    if not decoded.samples:
        raise AudioError(source, "holds no samples", "record it again")
    return Recording(
        source, torch.frombuffer(decoded.samples, dtype=torch.float32), decoded.rate_hz
    )


def can_resample(from_hz: int, to_hz: int) -> bool:
    """Return whether the two rates share enough of a divisor for `resample`."""
    divisor = math.gcd(from_hz, to_hz)
    return (from_hz // divisor) * (to_hz // divisor) <= _MAX_RESAMPLING_TAPS


def resample(wave: Tensor, from_hz: int, to_hz: int) -> Tensor:
    """Change the sample rate of a wave (float32 [S]) by windowed sinc interpolation.

    Raises InputError when the two rates share too small a divisor to be worth it.
    """
    if from_hz == to_hz:
        return wave
    if not can_resample(from_hz, to_hz):
        raise InputError(
            f"a sample rate of {from_hz} Hz is not supported", "use 16000, 24000, 44100 or 48000 Hz"
        )
    # In float64 because torchaudio computes the filters in the wave's own precision here, but the
    # published code computes them in float64: 44.1 to 16 kHz then agrees 5 times better with it.
    resampled: Tensor = lazy_torchaudio.functional().resample(wave.double(), from_hz, to_hz)
    return resampled.float()


def to_pcm16(wave: Tensor) -> bytes:
    """Return a wave (float32 [S] on the CPU, clamped to [-1, 1]) as 16-bit little-endian PCM."""
    return (wave.clamp(-1.0, 1.0) * 32767.0).round().to(torch.int16).numpy().astype("<i2").tobytes()


def _wav_header(payload_bytes: int | None) -> bytes:
    """Return the header of a 24 kHz mono PCM16 WAV file; None for a length not known yet."""
    riff_bytes = _UNKNOWN_SIZE if payload_bytes is None else _HEADER_BYTES - 8 + payload_bytes
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        riff_bytes,
        b"WAVE",
        b"fmt ",
        16,  # bytes of the format chunk
        1,  # PCM
        1,  # channel
        OUTPUT_HZ,
        OUTPUT_HZ * _BYTES_PER_SAMPLE,
        _BYTES_PER_SAMPLE,
        8 * _BYTES_PER_SAMPLE,
        b"data",
        _UNKNOWN_SIZE if payload_bytes is None else payload_bytes,
    )


class WavStream:
    """Writes a WAV file of unknown length to a stream that cannot seek, such as stdout.

    Every write is flushed, so a player behind a pipe starts with the first turn. The stream is
    left open; its errors (a closed pipe) reach the caller as they are.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.samples = 0  # written so far

    def __enter__(self) -> Self:
        self._stream.write(_wav_header(None))
        self._stream.flush()
        return self

    def write(self, wave: Tensor) -> None:
        """Append a wave: float32 [S] on the CPU, 24 kHz."""
        self._stream.write(to_pcm16(wave))
        self._stream.flush()
        self.samples += len(wave)

    def __exit__(self, *raised: object) -> None:
        self._stream.flush()


class WavWriter:
    """Writes a WAV file turn by turn; the target appears, or changes, only when all is written.

    The samples go to a hidden sibling of the target that replaces it at the end, and is removed
    when the `with` block fails. Raises UsageError when the target cannot be written.
    """

    def __init__(self, target: Path) -> None:
        """Check the target without touching it: cheap enough to do before any work."""
        if not target.parent.is_dir():
            raise UsageError(f"{target}: there is no folder {target.parent}", "create it first")
        if target.exists() and not target.is_file():  # replacing /dev/null would be a bad surprise
            raise UsageError(f"{target} is not a regular file", "use -o - to write to stdout")
        self._target = Path(os.path.realpath(target))  # a link stays a link to the new content
        token = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._partial = self._target.with_name(f".podtts-{token}.part")
        self._file: BinaryIO | None = None
        self.samples = 0  # written so far

    def __enter__(self) -> Self:
        try:
            self._file = self._partial.open("xb")
            self._file.write(_wav_header(None))
        except OSError as error:
            self._discard()
            raise self._unwritable(error) from error
        return self

    def write(self, wave: Tensor) -> None:
        """Append a wave: float32 [S] on the CPU, 24 kHz."""
        assert self._file is not None, "write inside the with block"
        if self.samples + len(wave) > _MAX_WAV_SAMPLES:
            raise UsageError(
                f"{self._target}: a WAV file holds at most 24 hours", "split the script"
            )
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
            if kind is None:
                self._file.seek(0)
                self._file.write(_wav_header(self.samples * _BYTES_PER_SAMPLE))
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                self._partial.replace(self._target)
        except OSError as failure:
            raise self._unwritable(failure) from failure
        finally:
            self._discard()

    def _discard(self) -> None:
        """Close and remove the partial file, if it is still there."""
        with contextlib.suppress(OSError):  # what led here is the error to report
            if self._file is not None:
                self._file.close()
        with contextlib.suppress(OSError):
            self._partial.unlink()

    def _unwritable(self, error: OSError) -> UsageError:
        return UsageError(
            f"{self._target}: cannot be written: {error.strerror}", "choose another output file"
        )
