"""Takes what C code writes to a pipe.

C code that writes to the pipe of a reader who does not read waits inside the write, where a signal
cannot end it. It writes to a pipe of our own here, whose content Python code passes on.
"""

from __future__ import annotations

import os
import select
import threading

_PART = 2**16


class Relay:
    """A pipe to write to, which never fills up; `take` gives what was written.

    descriptor: to write to.
    """

    def __init__(self) -> None:
        self._reader, self.descriptor = os.pipe()
        self._content = bytearray()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read_on, daemon=True)
        self._thread.start()

    def take(self) -> bytes:
        """Return all that was written since the last call."""
        with self._lock:
            while select.select([self._reader], [], [], 0)[0]:
                if not (part := os.read(self._reader, _PART)):
                    break
                self._content += part
            content = bytes(self._content)
            self._content.clear()
        return content

    def close(self) -> bytes:
        """Close both ends; return all that was written since the last call of `take`."""
        os.close(self.descriptor)
        self._thread.join()
        content = self.take()
        os.close(self._reader)
        return content

    def _read_on(self) -> None:
        """Make room while the pipe is written to."""
        while True:
            select.select([self._reader], [], [])
            with self._lock:
                if select.select([self._reader], [], [], 0)[0]:  # `take` may have read it
                    part = os.read(self._reader, _PART)
                    if not part:
                        return
                    self._content += part
