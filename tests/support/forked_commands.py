"""Runs every call of every_command.py, each in a fork of this process.

All modules are imported before, once: a process that starts with Python would import torch anew for
every call, and unload it.

usage: python forked_commands.py RESULTS
RESULTS gets a line of JSON for each call: its exit code, and how long the files are that stdout and
stderr of this process are written to (null: no files).
"""

import fcntl
import gc
import json
import os
import stat
import sys

from support.ready_workers import have_workers_ready

from podtts.cli.app import main as podtts_main


def main() -> None:
    # A low number may be that of a stream which is closed in this environment.
    streams = sys.stdin, sys.stdout, sys.stderr
    low = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
    results = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(low)
    from support.every_command import CALLS
    from support.imported_modules import import_all

    import_all()
    sys.stdin, sys.stdout, sys.stderr = streams  # transformers replaces a closed one
    gc.freeze()  # or each fork copies all objects when it looks for garbage
    for call in CALLS:
        if not (child := os.fork()):
            _run(call)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        line = {"call": call, "code": code, "stdout": _size(1), "stderr": _size(2)}
        os.write(results, json.dumps(line).encode() + b"\n")


def _run(call: str) -> None:
    sys.argv = ["podtts", *call.split()]
    have_workers_ready(sys.argv[1:])
    try:
        podtts_main()
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)


def _size(stream: int) -> int | None:
    try:
        state = os.fstat(stream)
    except OSError:
        return None
    return state.st_size if stat.S_ISREG(state.st_mode) else None


if __name__ == "__main__":
    main()
