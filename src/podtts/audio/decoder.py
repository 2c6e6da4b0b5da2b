"""Decodes audio files in a worker process, which is killed when it does not answer in time.

A file of 157 bytes makes libsndfile 1.2.2 loop forever (libsndfile/libsndfile issue 1118). A hung
thread cannot be ended, but a process can. Starting one takes about 0.1 s of CPU time, so one
process decodes any number of files.
"""

import contextlib
import json
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

_WORKER = Path(__file__).with_name("decode_worker.py")

# Decoding a prompt takes well under a second, and so does starting the process. The limit allows
# for a machine that is overloaded a hundred times.
_TIMEOUT_SECONDS = 30.0

# How a process ends whose own alarm comes before the kill, because this process was held up.
_ENDED_BY_ALARM = -signal.SIGALRM if hasattr(signal, "SIGALRM") else None


class DecodeError(Exception):
    """The worker process did not answer, or could not be started."""


Library = Literal["soundfile", "av"]


@dataclass(frozen=True)
class Excerpt:
    """What of a recording is decoded.

    first_channel: the first channel alone, as the published code does; else the channel with sound,
                   or the mean of those with sound.
    """

    start_seconds: float = 0.0
    stop_seconds: float | None = None  # None: the end
    first_channel: bool = False


@dataclass(frozen=True)
class DecodedAudio:
    """The header of an audio file, and the samples of its channels, mixed to one."""

    error: str  # the decoder's error message; empty when there was no error
    format: str  # the library's name of the container; empty when it is unknown
    channels: int
    rate_hz: int
    frames: int | None  # according to the header; None when the header does not say
    samples: bytearray  # float32; all that could be read, or none when the file is too long
    used: tuple[int, ...] = (0,)  # the channels (0-based) whose mean the samples are

    @property
    def seconds(self) -> float | None:
        """The length according to the header."""
        return self.frames / self.rate_hz if self.frames is not None and self.rate_hz else None


WHOLE = Excerpt()


class AudioDecoder:
    """A worker process for decoding. The first file starts it; it restarts after a hang or crash.

    Several threads may use it at once; they wait for each other. As a context manager, or after
    `close`, it leaves no process behind.
    """

    def __init__(self, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    @property
    def process_id(self) -> int | None:
        """The id of the worker process, or None when none is running."""
        return self._process.pid if self._process else None

    def decode(
        self,
        raw: bytes,
        longest_seconds: float,
        excerpt: Excerpt = WHOLE,
        library: Library = "soundfile",
    ) -> DecodedAudio:
        """Decode the bytes of a file. Reads no samples when its header states a longer duration.

        Raises DecodeError when the process crashes, or does not answer in time.
        """
        return self._ask(None, raw, longest_seconds, excerpt, library)

    def read_header(self, path: Path, library: Library = "soundfile") -> DecodedAudio:
        """Read the header of a file and no samples. Raises DecodeError as `decode` does."""
        return self._ask(path, b"", 0.0, WHOLE, library)

    def close(self) -> None:
        """End the process. Another file starts a new one."""
        with self._lock:
            self._end()

    def stop(self) -> None:
        """End what is being decoded, and decode nothing more; another thread may wait for it."""
        self._stopped = True
        if process := self._process:
            process.kill()

    def _ask(
        self,
        path: Path | None,
        raw: bytes,
        longest_seconds: float,
        excerpt: Excerpt,
        library: Library,
    ) -> DecodedAudio:
        request = {
            **asdict(excerpt),
            "path": None if path is None else str(path),
            "bytes": len(raw),
            "library": library,
            "longest_seconds": longest_seconds,
            "alarm_seconds": int(self._timeout_seconds) + 1,
        }
        with self._lock:
            process = self._running_process()
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
                if answer is None or expired.is_set():  # also when a signal interrupted it
                    self._end()
            if answer is None:
                is_late = expired.is_set() or process.returncode == _ENDED_BY_ALARM
                raise DecodeError(
                    f"decoding takes more than {self._timeout_seconds:g} s"
                    if is_late
                    else "the decoder crashes"
                )
            return answer

    def _running_process(self) -> subprocess.Popen[bytes]:
        if self._process and self._process.poll() is not None:
            self._end()
        if self._stopped:
            raise DecodeError("decoding was stopped")
        if not self._process:
            try:
                self._process = subprocess.Popen(
                    # The argument replaces sys.path: site packages and environment are not needed.
                    [sys.executable, "-I", "-S", str(_WORKER), json.dumps(sys.path)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,  # libraries print warnings about files there
                )
            except OSError as error:
                raise DecodeError(f"cannot start a process: {error.strerror}") from error
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
    """Return the answer to a request; None when the process ended too early."""
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
    used = tuple(header.pop("used"))
    return DecodedAudio(samples=samples, used=used, **header)
