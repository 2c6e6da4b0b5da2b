"""A Python that has imported podtts and torch, and forks for every command; see `warm_start`.

Only modules are imported before that read no variable that a test sets.

usage: python -m support.warm_server NUMBER, of the descriptor of a listening socket
"""

import atexit
import contextlib
import ctypes
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
from importlib import import_module
from typing import Any

from support.imported_modules import import_all
from support.ready_workers import have_workers_ready, hold_at_gate

from podtts.telemetry import turn_off_telemetry

LATER = ("rich.console", "soundfile", "soxr", "pysubs2", "tokenizers")  # what commands import

LONGEST_REQUEST = 2**17
STREAMS = 3


def serve(listener: socket.socket) -> dict[str, Any]:
    """Fork for every request; returns in the forks alone, each with its request.

    The answer to a request is the fork's process id, and at its end its exit code.
    """
    import_all()
    for library in LATER:
        import_module(library)
    gc.collect()
    gc.freeze()  # or each fork copies all objects when it looks for garbage
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not listener:
                    selector.unregister(key.fileobj)
                    _tell_end(key.fileobj, *key.data)
                    continue
                client, _ = listener.accept()
                message, streams, _, _ = socket.recv_fds(client, LONGEST_REQUEST, STREAMS)
                if not message:  # the tests are over
                    sys.exit()
                if not (process := os.fork()):
                    for number, stream in enumerate(streams):
                        os.dup2(stream, number)
                    _open_streams()
                    request: dict[str, Any] = json.loads(message)
                    return request
                for stream in streams:
                    os.close(stream)
                client.sendall(str(process).encode())
                selector.register(os.pidfd_open(process), selectors.EVENT_READ, (process, client))


def _tell_end(descriptor: Any, process: int, client: socket.socket) -> None:
    os.close(descriptor)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    with client, contextlib.suppress(OSError):  # whoever started it may have gone
        client.sendall(str(code).encode())


def _enter(namespace: str) -> None:
    """Enter a namespace by its file, as `nsenter` does."""
    descriptor = os.open(namespace, os.O_RDONLY)
    system = ctypes.CDLL(None, use_errno=True)
    if system.setns(descriptor, 0):
        raise OSError(ctypes.get_errno(), "cannot be entered", namespace)
    os.close(descriptor)


def _open_streams() -> None:
    """Open stdin, stdout and stderr as Python does when it starts; a file and a pipe differ."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        before = getattr(sys, name)
        stream = open(  # noqa: SIM115 (it stays open)
            number,
            before.mode,
            encoding=before.encoding,
            errors=before.errors,
            buffering=1 if name == "stderr" or os.isatty(number) else -1,
            closefd=False,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def main() -> None:
    request = serve(socket.socket(fileno=int(sys.argv[1])))
    # All descriptors of the server but the streams are closed in the forks.
    os.closerange(STREAMS, os.sysconf("SC_OPEN_MAX"))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for namespace in request["namespaces"]:
        _enter(namespace)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["variables"])
    turn_off_telemetry()  # as importing podtts does
    have_workers_ready(request["arguments"])
    hold_at_gate()
    sys.argv = ["podtts", *request["arguments"]]
    sys.path[0] = request["folder"]
    try:
        runpy.run_module("podtts", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            _exit(end.code or 0)
        raise


def _exit(code: int) -> None:
    """End as Python does, but without taking its modules apart, for which a fork copies them all.

    Returns if the output cannot be written, for Python to say so.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return
    os._exit(code)


if __name__ == "__main__":
    main()
