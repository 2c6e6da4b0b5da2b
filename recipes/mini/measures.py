"""Figures with their count."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median


def share(flags: Sequence[bool]) -> dict[str, float]:
    """Share of true flags, with n."""
    return {"share": round(fmean(flags), 4) if flags else 0.0, "n": len(flags)}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Mean and median, with n."""
    if not values:
        return {"mean": 0.0, "median": 0.0, "n": 0}
    return {
        "mean": round(fmean(values), 4),
        "median": round(median(values), 4),
        "n": len(values),
    }
