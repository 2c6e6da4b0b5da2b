import math

import pytest
import torch
from torch import Tensor

from podtts.flow.solver import cosine_grid, guided, solve
from podtts.options import Solver

EVALUATIONS: dict[Solver, int] = {"euler": 1, "midpoint": 2, "heun": 2, "ab2": 1}
ORDERS: dict[Solver, int] = {"euler": 1, "midpoint": 2, "heun": 2, "ab2": 2}


def decay(x: Tensor, t: Tensor) -> Tensor:
    return -x * (1 + t)  # x(1) = x(0) * exp(-1.5)


def error(solver: Solver, steps: int) -> float:
    grid = cosine_grid(steps).double()
    end = solve(solver, decay, torch.ones((), dtype=torch.float64), grid)
    return abs(float(end) - math.exp(-1.5))


@pytest.mark.parametrize("solver", EVALUATIONS)
def test_twice_the_steps_divide_the_error_by_two_to_the_power_of_the_order(solver: Solver) -> None:
    ratio = error(solver, 64) / error(solver, 128)
    assert math.log2(ratio) == pytest.approx(ORDERS[solver], abs=0.2)


@pytest.mark.parametrize("solver", EVALUATIONS)
def test_every_step_has_its_number_of_evaluations(solver: Solver) -> None:
    times = []

    def constant(x: Tensor, t: Tensor) -> Tensor:
        times.append(float(t))
        return torch.full_like(x, 2.0)

    grid = cosine_grid(5)
    end = solve(solver, constant, torch.zeros(3), grid)
    assert torch.allclose(end, torch.full((3,), 2.0))  # exact for a constant velocity
    assert len(times) == 5 * EVALUATIONS[solver]
    assert min(times) == 0
    assert max(times) <= 1


def test_the_grid_is_dense_at_the_start() -> None:
    grid = cosine_grid(4)
    assert grid[0] == 0
    assert grid[-1] == pytest.approx(1)
    steps = grid.diff()
    assert torch.equal(steps, steps.sort().values)


def test_guidance_moves_away_from_the_unconditional_velocity() -> None:
    assert guided(torch.tensor(2.0), torch.tensor(1.0), 0.7) == pytest.approx(2.7)
    assert guided(torch.tensor(2.0), torch.tensor(1.0), 0) == 2
