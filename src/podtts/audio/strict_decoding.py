"""Decodes a recording completely, or refuses it with the exact reason."""

import shlex
from importlib.util import find_spec
from pathlib import Path

from podtts.audio.container import FORMATS, format_of_ffmpeg, missing_part
from podtts.audio.decoder import WHOLE, AudioDecoder, DecodedAudio, DecodeError, Excerpt, Library
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
_MAGIC_BYTES = 64  # of a file: enough to know its format


class TooLongError(AudioError):
    """A recording that is longer than a prompt may be."""


def decode_completely(
    raw: bytes,
    source: str,
    decoder: AudioDecoder,
    excerpt: Excerpt = WHOLE,
    longest_seconds: float = MAX_PROMPT_SECONDS,
) -> DecodedAudio:
    """Decode an excerpt of an audio file completely; the result may have no samples.

    Raises AudioError, naming `source`, when the bytes are empty, not audio, damaged or cut short,
    and when the decoder hangs or crashes on them; TooLongError when the excerpt is longer than
    `longest_seconds`.
    """
    if not raw:
        raise AudioError(source, "is empty", _RECORD_AGAIN)
    library = _library_for(raw, source)
    if (missing := missing_part(raw)) is not None:
        raise AudioError(source, f"is cut short: {missing}", _RECORD_AGAIN)
    try:
        decoded = decoder.decode(raw, longest_seconds, excerpt, library)
    except DecodeError as error:
        raise AudioError(source, f"cannot be read: {error}", conversion_hint(source)) from error
    _check_header(decoded, source, library, excerpt, longest_seconds)
    samples = len(decoded.samples) // _BYTES_PER_SAMPLE
    if samples > longest_seconds * decoded.rate_hz:  # the header did not say how long it is
        raise TooLongError(source, f"is longer than {longest_seconds:g} s", PROMPT_ADVICE)
    _check_completeness(decoded, source, excerpt)
    return decoded


def has_av() -> bool:
    """Whether PyAV is installed, which reads M4A, AAC, WMA, WebM, video and more."""
    return find_spec("av") is not None


def without_av(source: str | Path, what: str) -> AudioError:
    """Return the error for a file that PyAV could read, but is not installed."""
    return AudioError(
        source, f"{what} needs the package av", f"run: pip install av, or {conversion_hint(source)}"
    )


def _library_for(raw: bytes, source: str) -> Library:
    """Return what reads the bytes. Raises AudioError if it is not installed."""
    if (name := format_of_ffmpeg(raw)) is None:
        return "soundfile"
    if not has_av():
        raise without_av(source, f"is {name}, which")
    return "av"


def check_header(path: Path, decoder: AudioDecoder) -> None:
    """Check the header of a file without reading its samples; used for large files.

    Raises AudioError when it is not audio, is longer than 30 s, or hangs or crashes the decoder;
    OSError.
    """
    with path.open("rb") as file:
        library = _library_for(file.read(_MAGIC_BYTES), str(path))
    try:
        header = decoder.read_header(path, library)
    except DecodeError as error:
        raise AudioError(path, f"cannot be read: {error}", conversion_hint(path)) from error
    if header.error:
        raise _unreadable(header, str(path))
    _check_header(header, str(path), library, WHOLE, MAX_PROMPT_SECONDS)


def _check_header(
    header: DecodedAudio, source: str, library: Library, excerpt: Excerpt, longest_seconds: float
) -> None:
    if not header.format:
        raise _unreadable(header, source)
    if library == "soundfile" and header.format not in FORMATS:
        raise AudioError(
            source, f"is {header.format}, which podtts cannot read", conversion_hint(source)
        )
    if not _MIN_HZ <= header.rate_hz <= _MAX_HZ:
        raise AudioError(
            source,
            f"has a sample rate of {header.rate_hz} Hz, not between {_MIN_HZ} and {_MAX_HZ}",
            _RECORD_AGAIN,
        )
    seconds = _seconds(header, excerpt)
    if seconds is not None and seconds > longest_seconds:
        raise TooLongError(
            source, f"is {seconds:.2f} s long, longer than {longest_seconds:g} s", PROMPT_ADVICE
        )


def _seconds(header: DecodedAudio, excerpt: Excerpt) -> float | None:
    """The length of an excerpt according to the header; None when that does not say."""
    if header.seconds is None:
        return None
    stop = excerpt.stop_seconds
    end = header.seconds if stop is None else min(stop, header.seconds)
    return max(end - excerpt.start_seconds, 0.0)


def _check_completeness(decoded: DecodedAudio, source: str, excerpt: Excerpt) -> None:
    """Raise AudioError when some of the samples are missing."""
    samples = len(decoded.samples) // _BYTES_PER_SAMPLE
    if decoded.error and not samples:
        raise _unreadable(decoded, source)
    tolerance = 0 if decoded.error else _FRAMES_TOLERANCE_SECONDS * decoded.rate_hz
    seconds = _seconds(decoded, excerpt)
    if decoded.error or (
        seconds is not None and samples < round(seconds * decoded.rate_hz) - tolerance
    ):
        readable = f"{samples / decoded.rate_hz:.2f}"
        total = "" if seconds is None else f" of {seconds:.2f}"
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
