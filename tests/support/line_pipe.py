"""A pipe that holds one line: whoever writes to it cannot get ahead of whoever reads from it."""

import fcntl
import os
import sys


def line_pipe() -> tuple[int, int]:
    """Return the ends to read from and to write to.

    With every write the writer waits until the write before has been read. So a test that does not
    read stops the process that writes, for as long as it likes, however fast or slow both are.
    Read with `os.read` and room for a page: the rest of a write that is read in part is lost.
    Linux alone has such pipes; elsewhere this is a pipe like any other.
    """
    if sys.platform != "linux":
        return os.pipe()
    reader, writer = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 1)  # the kernel rounds up to a page: one write
    return reader, writer
