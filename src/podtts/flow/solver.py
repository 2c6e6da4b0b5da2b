"""From noise to mel along the velocity field: time grid, solvers, guidance.

Cost is counted in evaluations of the field. Euler is the published solver; at equal cost the others
are closer to the exact solution (docs/performance.md has the figures).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from podtts.options import Solver

Velocity = Callable[[Tensor, Tensor], Tensor]  # (x [B, 80, F], t []) -> [B, 80, F]


def cosine_grid(steps: int) -> Tensor:
    """Times 0 = t0 < ... < t_steps = 1, dense at the start, float32 [steps + 1] on the CPU."""
    return 1 - torch.cos(torch.linspace(0, 1, steps + 1) * (torch.pi / 2))


def solve(solver: Solver, velocity: Velocity, x: Tensor, grid: Tensor) -> Tensor:
    """Integrate the velocity from noise x at grid[0] to the mel at grid[-1]."""
    return _SOLVERS[solver](velocity, x, grid)


def _euler(velocity: Velocity, x: Tensor, grid: Tensor) -> Tensor:
    """One evaluation a step: the velocity at its start."""
    for now, following in itertools.pairwise(grid):
        x = x + (following - now) * velocity(x, now)
    return x


def _midpoint(velocity: Velocity, x: Tensor, grid: Tensor) -> Tensor:
    """Two evaluations a step: the velocity after half a step of Euler."""
    for now, following in itertools.pairwise(grid):
        half = (following - now) / 2
        x = x + 2 * half * velocity(x + half * velocity(x, now), now + half)
    return x


def _heun(velocity: Velocity, x: Tensor, grid: Tensor) -> Tensor:
    """Two evaluations a step: the mean of the velocities before and after a step of Euler."""
    for now, following in itertools.pairwise(grid):
        step = following - now
        here = velocity(x, now)
        x = x + step / 2 * (here + velocity(x + step * here, following))
    return x


def _adams_bashforth(velocity: Velocity, x: Tensor, grid: Tensor) -> Tensor:
    """One evaluation a step, extrapolated with the one before; the first step is Euler."""
    last: Tensor | None = None
    last_step = grid.new_ones(())
    for now, following in itertools.pairwise(grid):
        step, here = following - now, velocity(x, now)
        change = 0 if last is None else (here - last) * (step / last_step / 2)
        x = x + step * (here + change)
        last, last_step = here, step
    return x


_SOLVERS: dict[Solver, Callable[[Velocity, Tensor, Tensor], Tensor]] = {
    "euler": _euler,
    "midpoint": _midpoint,
    "heun": _heun,
    "ab2": _adams_bashforth,
}


def guided(conditional: Tensor, unconditional: Tensor, guidance: float) -> Tensor:
    """Classifier-free guidance (arXiv:2207.12598): away from the unconditional velocity."""
    return (1 + guidance) * conditional - guidance * unconditional
