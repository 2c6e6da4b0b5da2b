"""Decodes audio files in a separate process, so that a hang or a crash affects nothing else.

`podtts.audio.decoder` runs this file as a script. Its only argument is `sys.path` as JSON, so that
it imports soundfile or PyAV, and nothing of podtts. It answers requests on stdin in order, until
stdin ends:

request: a line of JSON {"path": file to open, or null; "bytes": N; "library": "soundfile" or "av";
         "longest_seconds": number; "start_seconds": number; "stop_seconds": number, or null for the
         end; "first_channel": whether to use that alone; "alarm_seconds": whole number}, then the N
         bytes of the file if there is no path
answer:  a line of JSON {"error": text, "format": text, "channels", "rate_hz": numbers,
         "frames": number, or null when the file does not state its length, "used": list of the
         channels that were used, "bytes": M}, then M bytes: float32 samples, of the channel with
         sound, or the mean of those with sound; none when what is asked for exceeds longest_seconds
"""

import io
import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Block = NDArray[Any]  # float32 [frames, channels]

_BLOCK_FRAMES = 2**16
_UNKNOWN_FRAMES = 2**62  # libsndfile reports an unknown length as the largest int64
# FFmpeg's names of formats that state no length: it guesses one from the bitrate of the beginning.
_WITHOUT_LENGTH = frozenset({"aac", "ac3", "eac3", "amr"})
_SILENT_RATIO = 1e-2  # a channel 40 dB below the loudest one has no sound of its own


def main() -> None:
    sys.path[:] = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends this process
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while line := requests.readline():
        request = json.loads(line)
        if hasattr(signal, "alarm"):  # ends a hanging process even when its parent is gone
            signal.alarm(request["alarm_seconds"])
        raw = requests.read(request["bytes"])
        decode = _decode_with_av if request["library"] == "av" else _decode_with_soundfile
        header = {
            "error": "",
            "format": "",
            "channels": 0,
            "rate_hz": 0,
            "frames": None,
            "used": [],
        }
        samples = bytearray()
        decode(request["path"] or io.BytesIO(raw), request, header, samples)
        answers.write(json.dumps(header | {"bytes": len(samples)}).encode() + b"\n")
        answers.write(samples)
        answers.flush()


def _decode_with_soundfile(
    audio: str | IO[bytes], request: dict[str, Any], header: dict[str, Any], samples: bytearray
) -> None:
    import soundfile

    def blocks() -> "Iterator[Block]":
        start, stop = _span(request, file.samplerate)
        if start >= file.frames:
            return
        if start != file.tell():
            file.seek(start)
        while start < stop:
            block = file.read(min(_BLOCK_FRAMES, stop - start), dtype="float32", always_2d=True)
            if not len(block):
                return
            start += len(block)
            yield block

    try:
        with soundfile.SoundFile(audio) as file:
            header["format"] = file.format
            header["channels"] = file.channels
            header["rate_hz"] = file.samplerate
            header["frames"] = file.frames if file.frames < _UNKNOWN_FRAMES else None
            if not _is_too_long(request, header):
                _mix(blocks, soundfile.SoundFileError, request, header, samples)
    except soundfile.SoundFileError as error:
        reason = getattr(error, "error_string", str(error)).rstrip(".")
        header["error"] = reason or "the decoder gave up"


def _decode_with_av(
    audio: str | IO[bytes], request: dict[str, Any], header: dict[str, Any], samples: bytearray
) -> None:
    import av

    def blocks() -> "Iterator[Block]":
        """Decode the file from its beginning: seeking is not exact in every format."""
        if not isinstance(audio, str):
            audio.seek(0)
        start, stop = _span(request, header["rate_hz"])
        at = 0
        with av.open(audio) as container:
            resampler = av.AudioResampler(format="flt", rate=header["rate_hz"])
            frames = container.decode(container.streams.audio[0])
            for frame in _with_end(frames):
                for part in resampler.resample(frame):
                    block = part.to_ndarray().reshape(-1, header["channels"])
                    first, at = at, at + len(block)
                    block = block[max(start - first, 0) : max(stop - first, 0)]
                    if len(block):
                        yield block
                    if at >= stop:
                        return

    try:
        with av.open(audio) as container:
            if not container.streams.audio:
                header["error"] = "there is no sound in it"
                return
            stream = container.streams.audio[0]
            header["format"] = container.format.name
            header["channels"] = stream.codec_context.channels
            header["rate_hz"] = stream.codec_context.sample_rate
            states_length = container.format.name not in _WITHOUT_LENGTH
            if states_length and stream.duration and stream.time_base:
                seconds = float(stream.duration * stream.time_base)
                header["frames"] = round(seconds * header["rate_hz"])
        if not _is_too_long(request, header):
            _mix(blocks, av.FFmpegError, request, header, samples)
    except (av.FFmpegError, ValueError) as error:
        header["error"] = str(getattr(error, "strerror", "") or error) or "the decoder gave up"


def _with_end(frames: Iterator[Any]) -> Iterator[Any]:
    """Yield frames, then None, which makes a resampler give out what it holds."""
    yield from frames
    yield None


def _span(request: dict[str, Any], rate_hz: int) -> tuple[int, int]:
    """The frames [start, stop) that are asked for, and no more than may be answered."""
    start = round(request["start_seconds"] * rate_hz)
    longest = (
        start + int(request["longest_seconds"] * rate_hz) + 1
    )  # one more shows that it is long
    stop = request["stop_seconds"]
    return start, longest if stop is None else min(round(stop * rate_hz), longest)


def _is_too_long(request: dict[str, Any], header: dict[str, Any]) -> bool:
    stop = request["stop_seconds"]
    if stop is None:
        if header["frames"] is None:
            return False
        stop = header["frames"] / header["rate_hz"]
    return bool(stop - request["start_seconds"] > request["longest_seconds"])


def _mix(
    blocks: "Callable[[], Iterator[Block]]",
    failure: type[Exception],
    request: dict[str, Any],
    header: dict[str, Any],
    samples: bytearray,
) -> None:
    """Append the mean of the channels with sound, or the first channel alone, to the samples."""
    used = [0]
    if header["channels"] > 1 and not request["first_channel"]:
        power = [0.0] * header["channels"]
        with suppress(failure):  # the second reading fails at the same place, and is reported
            for block in blocks():
                squares = (block.astype("float64") ** 2).sum(axis=0)
                power = [before + more for before, more in zip(power, squares, strict=True)]
        used = [
            channel for channel, each in enumerate(power) if each >= _SILENT_RATIO**2 * max(power)
        ]
    header["used"] = used
    for block in blocks():
        samples += block[:, used].mean(axis=1, dtype="float32").tobytes()


if __name__ == "__main__":
    main()
