"""Sizes and ages as people write them: 500M, 2G, 30d, 12h."""

import re

from podtts.errors import UsageError

_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)")
_BYTES = {"": 1, "B": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}


def parse_bytes(text: str) -> int:
    """Return the bytes of a size such as 500M or 1.5G (K, M, G, T: powers of 1024).

    Raises UsageError for anything else.
    """
    matched = _AMOUNT.fullmatch(text.strip())
    unit = matched[2].upper() if matched else ""
    if not matched or unit not in _BYTES:
        raise UsageError(f"{text!r} is no size", "write it as 500M or 2G")
    return int(float(matched[1]) * _BYTES[unit])


def parse_age(text: str) -> float:
    """Return the seconds of an age such as 30d or 12h (s, m, h, d, w).

    Raises UsageError for anything else, also for a number without a unit.
    """
    matched = _AMOUNT.fullmatch(text.strip())
    if not matched or matched[2] not in _SECONDS:
        raise UsageError(f"{text!r} is no age", "write it as 30d or 12h")
    return float(matched[1]) * _SECONDS[matched[2]]


def shown_bytes(size: int) -> str:
    """Return a size as people read it."""
    amount = float(size)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"
