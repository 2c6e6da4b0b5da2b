"""What people are told: single lines on stderr, so that stdout stays for results."""

import functools
import sys


def say(line: str) -> None:
    """Print one line on stderr."""
    print(" ".join(part.strip() for part in line.splitlines()), file=sys.stderr, flush=True)


def warn(line: str) -> None:
    """Print one line on stderr that something is not as it should be."""
    say(f"podtts: warning: {line}")


@functools.cache
def warn_once(line: str) -> None:
    """As `warn`, but the same line only once."""
    warn(line)


def fail(problem: str, hint: str) -> None:
    """Print the one line of an error: what, where, and what to do next."""
    say(f"podtts: {problem}; {hint}" if hint else f"podtts: {problem}")
