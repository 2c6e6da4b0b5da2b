"""Reads sizes and ages as people write them: 500M, 2G, 30d, 12h."""

import re

from podtts.errors import UsageError

_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)")
_BYTES = {"": 1, "B": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}


def parse_bytes(text: str) -> int:
    """Return the bytes of a size such as 500M or 1.5G (K, M, G, T: powers of 1024).

    Raises UsageError for a text that is no size.
    """
    match = _AMOUNT.fullmatch(text.strip())
    unit = match[2].upper() if match else ""
    if not match or unit not in _BYTES:
        raise UsageError(f"{text!r} is no size", "examples of sizes: 500M, 2G")
    return int(float(match[1]) * _BYTES[unit])


def parse_age(text: str) -> float:
    """Return the seconds of an age such as 30d or 12h (s, m, h, d, w).

    Raises UsageError for a text that is no age, such as a number without a unit.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if not match or match[2] not in _SECONDS:
        raise UsageError(f"{text!r} is no age", "examples of ages: 30d, 12h")
    return float(match[1]) * _SECONDS[match[2]]


def format_bytes(size: int) -> str:
    """Return a size in words for people, such as 1.5 GiB."""
    amount = float(size)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"
