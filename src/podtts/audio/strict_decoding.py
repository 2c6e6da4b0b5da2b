"""Decodes a recording completely, or refuses it with the exact reason."""

import shlex
from pathlib import Path

from podtts.audio.container import FORMATS, missing_part, unsupported_format
from podtts.audio.decoder import AudioDecoder, DecodedAudio, DecodeError
from podtts.errors import AudioError
from podtts.rates import MAX_PROMPT_SECONDS

PROMPT_ADVICE = "use 5 to 20 s of clear speech of one person"
_RECORD_AGAIN = "copy or record it again"

# Telephones use 8 kHz; lower rates lose too much of a voice. No recorder exceeds 384 kHz.
_MIN_HZ, _MAX_HZ = 8_000, 384_000

# The number of frames in a header may include an incomplete last frame, or the encoder's delay.
# A smaller difference is not an error.
_FRAMES_TOLERANCE_SECONDS = 0.1

_BYTES_PER_SAMPLE = 4


def decode_completely(raw: bytes, source: str, decoder: AudioDecoder) -> DecodedAudio:
    """Decode the bytes of an audio file completely; the result may have no samples.

    Raises AudioError, naming `source`, when the bytes are empty, not audio, damaged, cut short or
    longer than 30 s, and when the decoder hangs or crashes on them.
    """
    if not raw:
        raise AudioError(source, "is empty", _RECORD_AGAIN)
    if (name := unsupported_format(raw)) is not None:
        raise AudioError(source, f"is {name}, which podtts cannot read", conversion_hint(source))
    if (missing := missing_part(raw)) is not None:
        raise AudioError(source, f"is cut short: {missing}", _RECORD_AGAIN)
    try:
        decoded = decoder.decode(raw, MAX_PROMPT_SECONDS)
    except DecodeError as error:
        raise AudioError(source, f"cannot be read: {error}", conversion_hint(source)) from error
    _check_header(decoded, source)
    _check_completeness(decoded, source)
    return decoded


def check_header(path: Path, decoder: AudioDecoder) -> None:
    """Check the header of a file without reading its samples; used for large files.

    Raises AudioError when it is not audio, is longer than 30 s, or hangs or crashes the decoder.
    """
    try:
        header = decoder.read_header(path)
    except DecodeError as error:
        raise AudioError(path, f"cannot be read: {error}", conversion_hint(path)) from error
    if header.error:
        raise _unreadable(header, str(path))
    _check_header(header, str(path))


def _check_header(header: DecodedAudio, source: str) -> None:
    if not header.format:
        raise _unreadable(header, source)
    if header.format not in FORMATS:
        raise AudioError(
            source, f"is {header.format}, which podtts cannot read", conversion_hint(source)
        )
    if not _MIN_HZ <= header.rate_hz <= _MAX_HZ:
        raise AudioError(
            source,
            f"has a sample rate of {header.rate_hz} Hz, not between {_MIN_HZ} and {_MAX_HZ}",
            _RECORD_AGAIN,
        )
    if header.seconds is not None and header.seconds > MAX_PROMPT_SECONDS:
        raise AudioError(
            source,
            f"is {header.seconds:.2f} s long, longer than {MAX_PROMPT_SECONDS:g} s",
            PROMPT_ADVICE,
        )


def _check_completeness(decoded: DecodedAudio, source: str) -> None:
    """Raise AudioError when some of the samples are missing."""
    samples = len(decoded.samples) // _BYTES_PER_SAMPLE
    if decoded.error and not samples:
        raise _unreadable(decoded, source)
    tolerance = 0 if decoded.error else _FRAMES_TOLERANCE_SECONDS * decoded.rate_hz
    if decoded.error or (decoded.frames is not None and samples < decoded.frames - tolerance):
        readable = f"{samples / decoded.rate_hz:.2f}"
        total = "" if decoded.seconds is None else f" of {decoded.seconds:.2f}"
        raise AudioError(
            source, f"is cut short or damaged: {readable}{total} s can be read", _RECORD_AGAIN
        )


def _unreadable(header: DecodedAudio, source: str) -> AudioError:
    return AudioError(source, f"cannot be read as audio: {header.error}", conversion_hint(source))


def conversion_hint(source: str | Path) -> str:
    """Return the command that converts an unusable audio file into a usable WAV file."""
    path = Path(source)
    wav = path.with_name(f"{path.stem}-24k.wav" if path.suffix == ".wav" else f"{path.stem}.wav")
    command = f"ffmpeg -i {shlex.quote(str(path))} -ac 1 -ar 24000 {shlex.quote(str(wav))}"
    return f"convert it with: {command}"
