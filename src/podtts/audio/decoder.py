"""Audio files decoded in another process, which is ended when it does not answer.

A file of 157 bytes makes libsndfile 1.2.2 loop for good (libsndfile/libsndfile issue 1118), and a
thread that hangs cannot be ended: hence a process. It costs about 0.1 s of CPU time to start, so
one serves any number of files.
"""

import contextlib
import json
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_WORKER = Path(__file__).with_name("decode_worker.py")

# A prompt takes well under a second, and so does starting the process: this is for machines with
# a hundred times more to do than they can.
_TIMEOUT_SECONDS = 30.0

# How a process ends whose own alarm comes before the kill, because this process was held up.
_ENDED_BY_ALARM = -signal.SIGALRM if hasattr(signal, "SIGALRM") else None


class DecodeError(Exception):
    """The process did not answer, or could not be started."""


@dataclass(frozen=True)
class DecodedAudio:
    """What a file's header says, and the samples of its first channel."""

    error: str  # what the decoder says is wrong; empty when nothing is
    format: str  # libsndfile's name of the container; empty when it knows none
    channels: int
    rate_hz: int
    frames: int | None  # as the header says; None when it does not
    samples: bytearray  # float32; as many as could be read, none when the file is too long

    @property
    def seconds(self) -> float | None:
        """The length that the header tells."""
        return self.frames / self.rate_hz if self.frames is not None and self.rate_hz else None


class AudioDecoder:
    """A process that decodes, started by the first file and after one that hung or crashed.

    May be used from several threads at once; they wait for each other. Used as a context manager,
    or closed, it leaves no process behind.
    """

    def __init__(self, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._one_file = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    @property
    def process_id(self) -> int | None:
        """The process at work, if one is."""
        return self._process.pid if self._process else None

    def decode(self, raw: bytes, longest_seconds: float) -> DecodedAudio:
        """Decode a file's bytes, unless its header says that it is longer.

        Raises DecodeError when the process crashes, or does not answer in time.
        """
        return self._ask(None, raw, longest_seconds)

    def read_header(self, path: Path) -> DecodedAudio:
        """Read what a file's header says; no samples. Raises DecodeError as `decode` does."""
        return self._ask(path, b"", 0.0)

    def close(self) -> None:
        """End the process; another file starts another one."""
        with self._one_file:
            self._end()

    def _ask(self, path: Path | None, raw: bytes, longest_seconds: float) -> DecodedAudio:
        request = {
            "path": None if path is None else str(path),
            "bytes": len(raw),
            "longest_seconds": longest_seconds,
            "alarm_seconds": int(self._timeout_seconds) + 1,
        }
        with self._one_file:
            process = self._started()
            expired = threading.Event()

            def expire() -> None:
                expired.set()
                process.kill()

            timer = threading.Timer(self._timeout_seconds, expire)
            timer.start()
            answer = None
            try:
                answer = _exchange(process, json.dumps(request).encode() + b"\n" + raw)
            finally:
                timer.cancel()
                timer.join()
                if answer is None or expired.is_set():  # also when a signal broke the exchange off
                    self._end()
            if answer is None:
                is_late = expired.is_set() or process.returncode == _ENDED_BY_ALARM
                raise DecodeError(
                    f"decoding it takes more than {self._timeout_seconds:g} s"
                    if is_late
                    else "the decoder crashes on it"
                )
            return answer

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process and self._process.poll() is not None:
            self._end()
        if not self._process:
            try:
                self._process = subprocess.Popen(
                    # Neither site packages nor the environment are looked at: the path is given.
                    [sys.executable, "-I", "-S", str(_WORKER), json.dumps(sys.path)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,  # libraries write there what they think of files
                )
            except OSError as error:
                raise DecodeError(f"no process can be started for it: {error.strerror}") from error
        return self._process

    def _end(self) -> None:
        if not (process := self._process):
            return
        self._process = None
        process.kill()
        assert process.stdin
        assert process.stdout
        with contextlib.suppress(OSError):  # half a request may still be in the buffer
            process.stdin.close()
        process.stdout.close()
        process.wait()


def _exchange(process: subprocess.Popen[bytes], request: bytes) -> DecodedAudio | None:
    """Return the answer to a request; None when the process ended before it was whole."""
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(request)
        process.stdin.flush()
    except OSError:
        return None
    line = process.stdout.readline()
    if not line.endswith(b"\n"):
        return None
    header: dict[str, Any] = json.loads(line)
    samples = bytearray(header.pop("bytes"))
    if process.stdout.readinto(samples) < len(samples):  # type: ignore[attr-defined]  # buffered
        return None
    return DecodedAudio(samples=samples, **header)
