"""From noise to mel along the velocity field: cosine time grid, Euler steps, guidance."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]  # (x [B, 80, F], t []) -> [B, 80, F]


def cosine_grid(steps: int, device: torch.device) -> Tensor:
    """Times 0 = t0 < ... < t_steps = 1, dense at the start, float32 [steps + 1]."""
    return 1 - torch.cos(torch.linspace(0, 1, steps + 1, device=device) * (torch.pi / 2))


def solve_euler(velocity: Velocity, x: Tensor, grid: Tensor) -> Tensor:
    """Follow the velocity from noise x at grid[0] to the mel at grid[-1]."""
    for now, following in itertools.pairwise(grid):
        x = x + (following - now) * velocity(x, now)
    return x


def guided(conditional: Tensor, unconditional: Tensor, guidance: float) -> Tensor:
    """Classifier-free guidance (arXiv:2207.12598): away from what is said without conditions."""
    return (1 + guidance) * conditional - guidance * unconditional
