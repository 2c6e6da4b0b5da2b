"""SIGINT and SIGTERM: stop at once, or finish what is being computed and then stop.

Python calls a handler only in the main thread and between two of its own instructions. While that
thread is in compiled code, a thread of this module cancels the work, so that the thread comes back.
"""

from __future__ import annotations

import concurrent.futures
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from podtts.cli.messages import say
from podtts.device.cancellation import Cancellation, work_under

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_IMPORT_SYSTEM = "<frozen importlib._bootstrap>"  # the name of its file in every frame
_LOCKING = (threading.__file__, str(Path(concurrent.futures.__file__).parent))  # files and folder
_WAIT = threading.Condition.wait.__code__
# Where a thread's end is waited for: before Python 3.13, not in join itself.
_JOIN = getattr(threading.Thread, "_wait_for_tstate_lock", threading.Thread.join).__code__


class Stopped(BaseException):
    """SIGINT or SIGTERM arrived. Unwinds the stack, so that temporary files are removed.

    Takes the place of KeyboardInterrupt, which typer's versions handle in different ways.
    """

    def __init__(self, number: int) -> None:
        self.signal = signal.Signals(number)
        self.exit_code = 128 + number
        super().__init__(f"stopped ({self.signal.name})")


def stop_on_signals() -> None:
    """Make SIGINT and SIGTERM raise Stopped in the main thread, and cancel what it computes."""
    for number in _STOP_SIGNALS:
        if not _is_ignored(number):
            signal.signal(number, _raise_stopped)
    cancellation = Cancellation()
    work_under(cancellation)
    sockets = socket.socketpair()  # the interpreter writes a signal's number to the second
    sockets[1].setblocking(False)
    signal.set_wakeup_fd(sockets[1].fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=_cancel_on_signal, args=(sockets, cancellation), daemon=True)
    watcher.start()


def _cancel_on_signal(
    sockets: tuple[socket.socket, socket.socket], cancellation: Cancellation
) -> None:
    """Cancel as soon as a signal has arrived. Holds both ends, so that they stay open."""
    while numbers := sockets[0].recv(1):
        if numbers[0] in _STOP_SIGNALS:
            cancellation.cancel()


class GracefulStop:
    """While entered, the first SIGINT or SIGTERM only asks to stop; the second stops at once.

    finishing: what is still finished after the first signal; a clause for the message.
    """

    def __init__(self, finishing: str) -> None:
        self._finishing = finishing
        self._previous_handlers: dict[int, Callable[[int, FrameType | None], object] | int] = {}
        self._announced = False
        self._wakeup = -1
        self.received: signal.Signals | None = None

    def __enter__(self) -> GracefulStop:
        for number in _STOP_SIGNALS:
            handler = signal.getsignal(number)
            if handler is not None and not _is_ignored(number):
                self._previous_handlers[number] = handler
                signal.signal(number, self._receive)
        self._wakeup = signal.set_wakeup_fd(-1)  # the first signal cancels nothing
        return self

    def __exit__(self, *raised: object) -> None:
        self._restore_handlers()

    def requested(self) -> bool:
        """Return whether a signal arrived; the first call after it prints a message."""
        if self.received is not None and not self._announced:
            self._announced = True
            say(f"{self.received.name}: {self._finishing}; send it again to stop at once")
        return self.received is not None

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number)
        self._restore_handlers()

    def _restore_handlers(self) -> None:
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)
        if self._wakeup >= 0:
            signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
            self._wakeup = -1
        self._previous_handlers.clear()


def _is_ignored(number: signal.Signals) -> bool:
    """Whether a signal is ignored, as shells set it for background jobs."""
    return signal.getsignal(number) is signal.SIG_IGN


def _raise_stopped(number: int, frame: FrameType | None) -> None:
    if sys.gettrace() is None:  # a second signal does not wait
        if importer := _importer(frame):
            _raise_later(number, importer)
            return
        if caller := _caller_of_locks(frame):
            _raise_later(number, caller, frame)
            return
    _stop(number)


def _stop(number: int) -> None:
    work_under(None)  # from here on, what unwinds the stack is not to be cancelled
    raise Stopped(number)


def _raise_later(number: int, caller: FrameType, locking: FrameType | None = None) -> None:
    """Raise Stopped as soon as a frame goes on behind its import statement or its call.

    Libraries take any exception in an import for a library that is missing, and go on. And an
    exception between the instruction that takes a lock and the block that gives it back leaves it
    locked: what unwinds the stack would wait for ever for a thread that needs it.

    locking: the frame that takes a lock; Stopped is raised sooner where it waits, which may last.
    """

    def trace(frame: FrameType, event: str, argument: object) -> None:
        sys.settrace(None)
        _raise_stopped(number, frame)

    def trace_wait(frame: FrameType, event: str, argument: object) -> None:
        if frame.f_code is _WAIT and (event == "call" or _is_waiting(frame)):
            sys.settrace(None)
            _stop(number)

    caller.f_trace = trace
    if locking is None:
        sys.settrace(lambda *_: None)
    else:
        locking.f_trace = trace_wait
        sys.settrace(trace_wait)


def _importer(frame: FrameType | None) -> FrameType | None:
    """The frame that imports a module while others are called by that; None: none does."""
    importer = None
    while frame is not None:
        if frame.f_code.co_filename == _IMPORT_SYSTEM:
            importer = frame.f_back
        frame = frame.f_back
    return importer


def _caller_of_locks(frame: FrameType | None) -> FrameType | None:
    """The frame that called what takes and gives back locks; None: nothing does, or it waits."""
    if frame is None or not _is_locking(frame) or _is_waiting(frame):
        return None
    while frame is not None and _is_locking(frame):
        frame = frame.f_back
    return frame


def _is_locking(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_LOCKING)


def _is_waiting(frame: FrameType) -> bool:
    """Whether a condition or the end of a thread is waited for; an exception there ends it well."""
    return frame.f_code is _JOIN or (frame.f_code is _WAIT and "gotit" in frame.f_locals)
