"""Positions in recordings as people write them: 12.5, 0:12, 1:02:03.4."""

import re

_TIME = re.compile(r"(?:(?:([0-9]+):)?([0-9]{1,2}):)?([0-9]+(?:\.[0-9]+)?)")


def parse_time(text: str) -> float | None:
    """Return the seconds of a position; None for a text that is none."""
    if (match := _TIME.fullmatch(text.strip())) is None:
        return None
    hours, minutes, seconds = match.groups()
    if minutes is not None and float(seconds) >= 60:
        return None
    return 3600 * int(hours or 0) + 60 * int(minutes or 0) + float(seconds)


def written_time(seconds: float) -> str:
    """Return a position to hundredths of a second: 0:12.50, 1:02:03.40."""
    minutes, rest = divmod(round(seconds * 100), 6000)
    clock = f"{minutes}:" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:"
    return f"{clock}{rest / 100:05.2f}"
