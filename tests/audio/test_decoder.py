import fcntl
import io
import os
import signal
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

import podtts
from podtts.audio.decoder import AudioDecoder, DecodeError

SOURCE = Path(podtts.__file__).parents[1]

PATIENT_SECONDS = 600.0  # where no answer is late, however busy the machine is

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def wav(seconds: float, rate_hz: int = 8000) -> bytes:
    file = io.BytesIO()
    samples = np.linspace(-0.5, 0.5, round(seconds * rate_hz), dtype=np.float32)
    soundfile.write(file, samples, rate_hz, format="WAV", subtype="FLOAT")
    return file.getvalue()


def endless_wav() -> bytes:
    """A file on which libsndfile 1.2.2 loops forever: it has a sub-chunk of size -8.

    Built from the description in libsndfile/libsndfile issue 1118.
    """
    layout = b"WAVE" + struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 24_000, 48_000, 2, 16)
    notes = struct.pack("<4sI4s4si", b"LIST", 2**31 - 1, b"INFO", b"abcd", -8) + b"x" * 40
    return b"RIFF" + struct.pack("<I", len(layout + notes)) + layout + notes


def alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_process_decodes_many_files_and_ends_with_the_decoder() -> None:
    with AudioDecoder(PATIENT_SECONDS) as decoder:
        assert decoder.process_id is None  # not started before the first file
        decoded = decoder.decode(wav(1.0), 30.0)
        first = decoder.process_id
        assert first is not None
        assert np.array_equal(
            np.frombuffer(decoded.samples, np.float32),
            np.linspace(-0.5, 0.5, 8000, dtype=np.float32),
        )
        assert (decoded.rate_hz, decoded.channels, decoded.frames) == (8000, 1, 8000)
        assert (decoded.format, decoded.error, decoded.seconds) == ("WAV", "", 1.0)
        assert decoder.decode(b"no audio", 30.0).error == "Format not recognised"
        assert decoder.decode(wav(0.5), 30.0).frames == 4000
        assert decoder.process_id == first
    assert not alive(first)
    assert decoder.process_id is None


def test_only_the_header_of_a_too_long_file_is_read(decoder: AudioDecoder, tmp_path: Path) -> None:
    decoded = decoder.decode(wav(2.0), 1.0)
    assert (decoded.seconds, decoded.samples) == (2.0, bytearray())
    (tmp_path / "größe\n.wav").write_bytes(wav(2.0))
    header = decoder.read_header(tmp_path / "größe\n.wav")
    assert (header.seconds, header.samples) == (2.0, bytearray())


def test_a_process_that_does_not_answer_is_ended() -> None:
    """A stopped process never answers, so the time limit only decides how long this test takes."""
    with AudioDecoder(PATIENT_SECONDS) as decoder:
        decoder.decode(wav(0.1), 30.0)
        stopped = decoder.process_id
        assert stopped is not None
        os.kill(stopped, signal.SIGSTOP)
        decoder._timeout_seconds = 0.5
        with pytest.raises(DecodeError, match=r"decoding takes more than 0\.5 s"):
            decoder.decode(wav(1.0), 30.0)
        assert not alive(stopped)
        assert decoder.process_id is None


@pytest.mark.skipif(
    soundfile.__libsndfile_version__ != "1.2.2", reason="another version may not hang"
)
def test_a_file_that_hangs_the_library_does_not_hang_the_run() -> None:
    with AudioDecoder(timeout_seconds=2.0) as decoder:
        with pytest.raises(DecodeError, match="decoding takes more than 2 s"):
            decoder.decode(endless_wav(), 30.0)
        assert decoder.process_id is None


@linux
@pytest.mark.parametrize(
    ("number", "problem"),
    [
        (signal.SIGKILL, "the decoder crashes"),
        # Its own alarm, when the process that waits for it is too busy to see the time.
        (signal.SIGALRM, "decoding takes more than 600 s"),
    ],
)
def test_a_crash_is_reported_and_the_process_replaced(number: signal.Signals, problem: str) -> None:
    with AudioDecoder(PATIENT_SECONDS) as decoder:
        decoder.decode(wav(0.1), 30.0)
        first = decoder.process_id
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        killer = threading.Thread(target=_kill_on_request, args=(first, number))
        killer.start()
        with pytest.raises(DecodeError, match=problem):
            decoder.decode(wav(20.0, 48_000), 30.0)  # larger than the buffer of a pipe
        killer.join()
        assert decoder.decode(wav(0.5), 30.0).frames == 4000
        assert decoder.process_id != first


def _kill_on_request(process_id: int, number: signal.Signals) -> None:
    """Kill a stopped process as soon as its stdin has unread bytes."""
    unread = bytes(4)
    while not int.from_bytes(unread, sys.byteorder):
        descriptor = os.open(f"/proc/{process_id}/fd/0", os.O_RDONLY | os.O_NONBLOCK)
        unread = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
        os.close(descriptor)
    os.kill(process_id, number)
    os.kill(process_id, signal.SIGCONT)


@linux
def test_a_process_that_died_between_files_is_replaced() -> None:
    with AudioDecoder(PATIENT_SECONDS) as decoder:
        decoder.decode(wav(0.1), 30.0)
        first = decoder.process_id
        assert first is not None
        os.kill(first, signal.SIGKILL)
        while not _is_zombie(first):
            pass
        assert decoder.decode(wav(0.5), 30.0).frames == 4000


def _is_zombie(process_id: int) -> bool:
    return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_threads_share_a_process_and_get_their_own_answers(decoder: AudioDecoder) -> None:
    frames: dict[int, int | None] = {}

    def decode(count: int) -> None:
        frames[count] = decoder.decode(wav(count / 8000), 30.0).frames

    threads = [threading.Thread(target=decode, args=(count,)) for count in range(100, 1100, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert frames == {count: count for count in range(100, 1100, 100)}


def _is_running(process_id: int) -> bool:
    try:
        return not _is_zombie(process_id)
    except FileNotFoundError:
        return False


@linux
def test_the_process_ends_when_its_parent_is_killed() -> None:
    """It ends when its stdin ends."""
    code = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n"
        "from podtts.audio.decoder import AudioDecoder\n"
        f"decoder = AudioDecoder({PATIENT_SECONDS})\n"
        "decoder.decode(b'no audio', 30.0)\n"
        "print(decoder.process_id, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
    while _is_running(worker):
        pass  # the test's time limit fails a process that does not end


def test_a_process_that_cannot_be_started_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with AudioDecoder() as decoder, pytest.raises(DecodeError, match="cannot start a process"):
        decoder.decode(wav(0.1), 30.0)
