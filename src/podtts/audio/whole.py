"""A recording whole or not at all: every way in which a file can fall short is refused by name."""

import shlex
from pathlib import Path

from podtts.audio.container import FORMATS, foreign_format, missing_part
from podtts.audio.decoder import AudioDecoder, DecodedAudio, DecodeError
from podtts.errors import AudioError
from podtts.rates import MAX_PROMPT_SECONDS

PROMPT_ADVICE = "use 5 to 20 s of clear speech of one person"
_RECORD_AGAIN = "copy or record it again"

# Telephones use 8 kHz; below, too little of a voice is left. Above 384 kHz nothing records.
_MIN_HZ, _MAX_HZ = 8_000, 384_000

# An encoder may write a last frame that is not full, or count the frames it needs to start: no
# decoder is held to less than this.
_FRAMES_TOLERANCE_SECONDS = 0.1

_BYTES_PER_SAMPLE = 4


def decode_whole(raw: bytes, source: str, decoder: AudioDecoder) -> DecodedAudio:
    """Decode the bytes of an audio file, all of it; it may still hold no samples.

    Raises AudioError naming `source` when they are empty, not audio, broken, cut short or longer
    than 30 s, and when the decoder hangs or crashes on them.
    """
    if not raw:
        raise AudioError(source, "is empty", _RECORD_AGAIN)
    if (name := foreign_format(raw)) is not None:
        raise AudioError(source, f"is {name}, which podtts does not read", convert_hint(source))
    if (missing := missing_part(raw)) is not None:
        raise AudioError(source, f"is cut short: {missing}", _RECORD_AGAIN)
    try:
        decoded = decoder.decode(raw, MAX_PROMPT_SECONDS)
    except DecodeError as error:
        raise AudioError(source, f"cannot be read: {error}", convert_hint(source)) from error
    _refuse_by_header(decoded, source)
    _refuse_part(decoded, source)
    return decoded


def check_header(path: Path, decoder: AudioDecoder) -> None:
    """Look at no more than the header of a file, for one too large to be read without need.

    Raises AudioError when it is not audio, is longer than 30 s, or hangs or crashes the decoder.
    """
    try:
        header = decoder.read_header(path)
    except DecodeError as error:
        raise AudioError(path, f"cannot be read: {error}", convert_hint(path)) from error
    if header.error:
        raise _unreadable(header, str(path))
    _refuse_by_header(header, str(path))


def _refuse_by_header(header: DecodedAudio, source: str) -> None:
    if not header.format:
        raise _unreadable(header, source)
    if header.format not in FORMATS:
        raise AudioError(
            source, f"is {header.format}, which podtts does not read", convert_hint(source)
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


def _refuse_part(decoded: DecodedAudio, source: str) -> None:
    """Never take a part for the whole."""
    samples = len(decoded.samples) // _BYTES_PER_SAMPLE
    if decoded.error and not samples:
        raise _unreadable(decoded, source)
    tolerance = 0 if decoded.error else _FRAMES_TOLERANCE_SECONDS * decoded.rate_hz
    if decoded.error or (decoded.frames is not None and samples < decoded.frames - tolerance):
        there = f"{samples / decoded.rate_hz:.2f}"
        of = "" if decoded.seconds is None else f" of {decoded.seconds:.2f}"
        raise AudioError(
            source, f"is cut short or damaged: {there}{of} s can be read", _RECORD_AGAIN
        )


def _unreadable(header: DecodedAudio, source: str) -> AudioError:
    return AudioError(source, f"cannot be read as audio: {header.error}", convert_hint(source))


def convert_hint(source: str | Path) -> str:
    """Return the advice how to make a WAV file that serves of one that does not."""
    path = Path(source)
    wav = path.with_name(f"{path.stem}-24k.wav" if path.suffix == ".wav" else f"{path.stem}.wav")
    given, made = shlex.quote(str(path)), shlex.quote(str(wav))
    return f"convert it with: ffmpeg -i {given} -ac 1 -ar 24000 {made}"
