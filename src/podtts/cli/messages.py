"""Messages for people: single lines on stderr, because results go to stdout."""

import functools
import sys


def say(line: str) -> None:
    """Print one line on stderr."""
    print(" ".join(part.strip() for part in line.splitlines()), file=sys.stderr, flush=True)


def warn(line: str) -> None:
    """Print a warning in one line on stderr."""
    say(f"podtts: warning: {line}")


@functools.cache
def warn_once(line: str) -> None:
    """Print a warning, but the same one only once."""
    warn(line)


def fail(problem: str, hint: str) -> None:
    """Print an error in one line on stderr. problem: what and where; hint: what to do next."""
    say(f"podtts: {problem}; {hint}" if hint else f"podtts: {problem}")
