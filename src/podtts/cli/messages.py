"""Messages for people: single lines on stderr, because results go to stdout."""

import functools
import sys

from podtts.errors import UsageError


class _Loudness:
    """Which messages of this process are printed; `check_loudness` sets it once."""

    quiet = False


def check_loudness(*, quiet: bool, verbose: bool) -> None:
    """With --quiet, print warnings and errors alone from now on.

    Raises UsageError for --quiet with --verbose.
    """
    if quiet and verbose:
        raise UsageError("--quiet and --verbose exclude each other", "give one of them")
    _Loudness.quiet = quiet


def shows_progress() -> bool:
    """Whether bars are shown: at a terminal, unless only warnings and errors are printed."""
    return sys.stderr.isatty() and not _Loudness.quiet


def is_quiet() -> bool:
    """Whether only warnings and errors are printed."""
    return _Loudness.quiet


def say(line: str) -> None:
    """Print one line on stderr."""
    if not _Loudness.quiet:
        _print(line)


def warn(line: str) -> None:
    """Print a warning in one line on stderr."""
    _print(f"podtts: warning: {line}")


@functools.cache
def warn_once(line: str) -> None:
    """Print a warning, but the same one only once."""
    warn(line)


def fail(problem: str, hint: str) -> None:
    """Print an error in one line on stderr. problem: what and where; hint: what to do next."""
    _print(f"podtts: {problem}; {hint}" if hint else f"podtts: {problem}")


def _print(line: str) -> None:
    print(" ".join(part.strip() for part in line.splitlines()), file=sys.stderr, flush=True)
