"""Random numbers per turn and stage, so that every turn can be made again alone.

Nothing depends on batch, device, or how many numbers an earlier turn used: each (seed, turn,
stage) has a generator of its own, and all draws are made on the CPU.
"""

import hashlib
from typing import Literal

import torch

Stage = Literal["llm", "flow", "vocoder"]


def attempt_name(index: int, attempt: int) -> str:
    """Name the draws of a turn: its number, and which of them when the first were not kept."""
    return f"{index}+{attempt}" if attempt else str(index)


def stage_rng(seed: int, turn: int | str, stage: Stage) -> torch.Generator:
    """Return the generator of one stage of one turn (a number, a `attempt_name`, or a prompt)."""
    digest = hashlib.sha256(f"{seed}/{turn}/{stage}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
