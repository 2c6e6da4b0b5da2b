"""Random numbers for each attempt and stage, so that every turn can be synthesized again alone.

They do not depend on batch, device or earlier turns: each (seed, attempt, stage) has a generator of
its own, and all numbers are drawn on the CPU.
"""

import hashlib
from typing import Literal

import torch

Stage = Literal["llm", "flow", "vocoder"]


def attempt_name(turn: int, attempt: int) -> str:
    """Name the random draws of an attempt: `Request.draws`, or the turn's index, and its number."""
    return f"{turn}+{attempt}" if attempt else str(turn)


def stage_rng(seed: int, turn: int | str, stage: Stage) -> torch.Generator:
    """Return a stage's generator for a turn: its index, an `attempt_name` or a prompt's name."""
    digest = hashlib.sha256(f"{seed}/{turn}/{stage}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
