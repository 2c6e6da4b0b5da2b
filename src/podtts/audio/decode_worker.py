"""Decodes audio files in a separate process, so that a hang or a crash affects nothing else.

`podtts.audio.decoder` runs this file as a script. Its only argument is `sys.path` as JSON, so that
it imports soundfile and nothing of podtts. It answers requests on stdin in order, until stdin ends:

request: a line of JSON {"path": file to open, or null; "bytes": N; "longest_seconds": number;
         "alarm_seconds": whole number}, then the N bytes of the file if there is no path
answer:  a line of JSON {"error": text, "format": text, "channels", "rate_hz": numbers,
         "frames": number, or null when the file does not state its length, "bytes": M}, then M
         bytes: float32 samples of the first channel; none when the file exceeds longest_seconds
"""

import io
import json
import signal
import sys
from typing import IO

_BLOCK_FRAMES = 2**16
_UNKNOWN_FRAMES = 2**62  # libsndfile reports an unknown length as the largest int64


def main() -> None:
    sys.path[:] = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends this process
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while line := requests.readline():
        request = json.loads(line)
        if hasattr(signal, "alarm"):  # ends a hanging process even when its parent is gone
            signal.alarm(request["alarm_seconds"])
        path = request["path"]
        audio: str | IO[bytes] = path or io.BytesIO(requests.read(request["bytes"]))
        header, samples = _decode(audio, request["longest_seconds"])
        answers.write(json.dumps(header | {"bytes": len(samples)}).encode() + b"\n")
        answers.write(samples)
        answers.flush()


def _decode(audio: str | IO[bytes], longest_seconds: float) -> tuple[dict[str, object], bytes]:
    import soundfile

    header: dict[str, object] = {"format": "", "channels": 0, "rate_hz": 0, "frames": None}
    samples = bytearray()
    try:
        with soundfile.SoundFile(audio) as file:
            frames = file.frames if file.frames < _UNKNOWN_FRAMES else None
            header["format"] = file.format
            header["channels"] = file.channels
            header["rate_hz"] = file.samplerate
            header["frames"] = frames
            longest = int(longest_seconds * file.samplerate)
            if frames is None or frames <= longest:
                while len(samples) <= 4 * longest:
                    block = file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)
                    if not len(block):
                        break
                    samples += block[:, 0].tobytes()
    except soundfile.SoundFileError as error:
        reason = getattr(error, "error_string", str(error)).rstrip(".")
        return header | {"error": reason or "the decoder gave up"}, bytes(samples)
    return header | {"error": ""}, bytes(samples)


if __name__ == "__main__":
    main()
