"""Pipes and devices: every write is complete, and nobody waits for a reader for ever."""

import contextlib
import os
import stat
import threading
from pathlib import Path

import pytest

from podtts.errors import UsageError
from podtts.storage.streams import WholeWriter, open_stream, takes_more


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def test_a_pipe_that_nobody_reads_from_is_refused(pipe: Path) -> None:
    with pytest.raises(UsageError, match=f"nobody reads from the pipe {pipe}"):
        open_stream(pipe, patience_seconds=0)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_reader_may_come_later(pipe: Path) -> None:
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    with open_stream(pipe, patience_seconds=float("inf")) as stream:
        stream.write(b"first")
        stream.write(b" and last")
    reader.join()
    assert read == [b"first and last"]


def test_a_slow_reader_gets_everything(pipe: Path) -> None:
    """More than a pipe holds: the writer waits until the reader goes on."""
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    data = bytes(range(256)) * 4096
    stream = open_stream(pipe, patience_seconds=0)

    def write() -> None:
        with stream:
            stream.write(data)

    writer = threading.Thread(target=write)
    writer.start()
    read = b""
    while part := os.read(reader, 1000):
        read += part
    writer.join()
    os.close(reader)
    assert read == data


def test_a_full_pipe_takes_no_more() -> None:
    reader, writer = os.pipe()
    with WholeWriter(writer, "wb") as stream:
        assert takes_more(stream)
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while os.write(writer, bytes(4096)):
                pass
        assert not takes_more(stream)
        os.read(reader, 2**16)
        assert takes_more(stream)
    os.close(reader)


def test_files_are_emptied_or_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for append, content in ((False, b"one"), (True, b"onetwo"), (False, b"two")):
        with open_stream(path, append=append) as stream:
            stream.write(content[-3:])
            assert takes_more(stream)
        assert path.read_bytes() == content


def test_other_errors_are_those_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        open_stream(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_stream(tmp_path / "missing" / "file")
