"""Decodes audio files into recordings, and changes their sample rate."""

import contextlib
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from podtts.audio import lazy_torchaudio
from podtts.audio.decoder import WHOLE, AudioDecoder, DecodedAudio, Excerpt
from podtts.audio.strict_decoding import conversion_hint, decode_completely
from podtts.errors import AudioError, InputError
from podtts.rates import MAX_PROMPT_SECONDS

# torchaudio builds one filter for every phase of the ratio. Common rates need fewer than 100,000
# taps; 44,101 Hz to 16 kHz would need 700 million taps and a minute.
_MAX_RESAMPLING_TAPS = 2**22


@dataclass(frozen=True, eq=False)  # tensors have no truth value to compare
class Recording:
    """The sound of an audio file, in one channel.

    Raises AudioError when it has no samples, or samples that are not finite.
    """

    source: str  # name of the recording in messages
    wave: Tensor  # float32 [samples at rate_hz], within [-1, 1] unless the file says otherwise
    rate_hz: int
    channels_used: str = ""  # which of several channels it is; empty for one channel

    def __post_init__(self) -> None:
        if not len(self.wave):
            raise AudioError(self.source, "contains no samples", "record it again")
        if not self.wave.isfinite().all():
            raise AudioError(
                self.source,
                "contains samples that are NaN or infinite",
                conversion_hint(self.source),
            )

    @property
    def seconds(self) -> float:
        return len(self.wave) / self.rate_hz


def decode_audio(
    raw: bytes,
    source: str,
    decoder: AudioDecoder | None = None,
    excerpt: Excerpt = WHOLE,
    longest_seconds: float = MAX_PROMPT_SECONDS,
) -> Recording:
    """Decode the bytes of an audio file: WAV, FLAC, MP3, Ogg Vorbis, Opus; with PyAV many others.

    Of several channels it takes the one with sound, or the mean of those with sound.
    decoder: the process to decode in; None starts a process for this file alone.
    excerpt: what of the recording is decoded.
    Raises AudioError, naming `source`, when the bytes are empty, not audio, damaged, cut short or
    longer than `longest_seconds`, and when the decoder hangs or crashes on them.
    """
    with contextlib.nullcontext(decoder) if decoder else AudioDecoder() as process:
        decoded = decode_completely(raw, source, process, excerpt, longest_seconds)
    if not decoded.samples and excerpt.start_seconds:
        problem = f"ends before {excerpt.start_seconds:g} s"
        raise AudioError(source, problem, "name an earlier beginning")
    if not decoded.samples:
        raise AudioError(source, "contains no samples", "record it again")
    wave = torch.frombuffer(decoded.samples, dtype=torch.float32)
    return Recording(source, wave, decoded.rate_hz, _channels_used(decoded))


def _channels_used(decoded: DecodedAudio) -> str:
    """Say which of several channels were used."""
    if decoded.channels == 1:
        return ""
    numbers = [str(channel + 1) for channel in decoded.used]
    if len(numbers) == 1:
        return f"channel {numbers[0]} of {decoded.channels}"
    of = "both" if decoded.channels == 2 else f"{', '.join(numbers)} of {decoded.channels}"
    return f"the mean of {of} channels"


def can_resample(from_hz: int, to_hz: int) -> bool:
    """Return whether the common divisor of the two rates is large enough for `resample`."""
    divisor = math.gcd(from_hz, to_hz)
    return (from_hz // divisor) * (to_hz // divisor) <= _MAX_RESAMPLING_TAPS


def resample(wave: Tensor, from_hz: int, to_hz: int) -> Tensor:
    """Change the sample rate of a wave (float32 [S]) by windowed sinc interpolation.

    Raises InputError when the common divisor of the two rates is too small (`can_resample`).
    """
    if from_hz == to_hz:
        return wave
    if not can_resample(from_hz, to_hz):
        raise InputError(
            f"a sample rate of {from_hz} Hz is not supported", "use 16000, 24000, 44100 or 48000 Hz"
        )
    # torchaudio computes the filters in the precision of the wave, the published code in float64.
    # With a float64 wave, the result for 44.1 to 16 kHz agrees 5 times better with that code.
    resampled: Tensor = lazy_torchaudio.functional().resample(wave.double(), from_hz, to_hz)
    return resampled.float()
