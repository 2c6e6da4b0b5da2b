"""How torch's threads wait for one another: briefly awake, then asleep."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

_SPIN_COUNT = "2000"  # a fraction of a millisecond


def let_idle_threads_sleep() -> None:
    """Make torch's threads sleep soon after they start to wait. Call it before torch is imported.

    GNU's OpenMP otherwise spins for milliseconds on cores that other programs may need: beside one
    busy program an episode on two cores took twelve times as long. With more threads than cores,
    where the LLM and the renderer each have their own, it otherwise hardly spins at all, and they
    sleep and wake between any two operations. The user's own variables win.
    """
    if {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        return
    os.environ["GOMP_SPINCOUNT"] = _SPIN_COUNT
    torch = find_spec("torch")
    if torch is not None and torch.origin is not None and has_gnu_openmp(Path(torch.origin).parent):
        os.environ["OMP_WAIT_POLICY"] = "active"  # others would take it as: for ever


def has_gnu_openmp(torch: Path) -> bool:
    """Whether the OpenMP of an installed torch is GNU's; torch: its folder."""
    folders = torch / "lib", torch.with_name("torch.libs")
    return any(any(folder.glob("libgomp*")) for folder in folders)
