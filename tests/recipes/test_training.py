from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from recipes.mini.muon import Muon
from recipes.mini.steps import Sample, Step
from recipes.mini.training import Recipe, load_trained, train
from torch import Tensor, nn

_RECIPE = Recipe(learning_rate=0.05)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step takes a hundredth of a second of training, whatever it takes."""
    ticks = count()
    own = SimpleNamespace(
        process_time=lambda: torch.get_num_threads() * next(ticks) / 100, monotonic=lambda: 0.0
    )
    monkeypatch.setattr("recipes.mini.training.time", own)


def _fit(module: nn.Linear, calls: list[float]) -> Step:
    def step(sample: Sample) -> tuple[Tensor, dict[str, Tensor]]:
        calls.append(sample.progress)
        x = torch.randn(16, 2)
        loss = (module(x) - x.sum(dim=1, keepdim=True)).square().mean()
        return loss, {"loss": loss}

    return step


def test_muon_updates_a_matrix_as_torch_does() -> None:
    ours, theirs = (nn.Parameter(torch.linspace(-1, 1, 40).view(8, 5)) for _ in range(2))
    own = Muon([ours], lr=0.1, weight_decay=0.01)
    other = torch.optim.Muon([theirs], lr=0.1, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
    for _ in range(5):
        gradient = torch.randn(8, 5)
        ours.grad, theirs.grad = gradient.clone(), gradient
        own.step()
        other.step()  # type: ignore[no-untyped-call]
    assert torch.allclose(ours, theirs, atol=0.02)


def test_muon_takes_a_convolution_as_a_matrix_with_a_row_for_each_output() -> None:
    start, gradient = torch.randn(8, 5, 3), torch.randn(8, 5, 3)
    conv, matrix = nn.Parameter(start.clone()), nn.Parameter(start.flatten(1))
    conv.grad, matrix.grad = gradient, gradient.flatten(1)
    Muon([conv], lr=0.1).step()
    Muon([matrix], lr=0.1).step()
    assert torch.equal(conv.flatten(1), matrix)


def test_finished_training_is_not_repeated(tmp_path: Path) -> None:
    module, calls, path = nn.Linear(2, 1), list[float](), tmp_path / "part.pt"
    train(module, _fit(module, calls), _RECIPE, 0.01, path)
    steps = len(calls)
    assert steps > 0
    fresh = nn.Linear(2, 1)
    train(fresh, _fit(fresh, calls), _RECIPE, 0.01, path)
    assert len(calls) == steps
    assert torch.equal(fresh.weight, module.weight)


def test_longer_training_continues(tmp_path: Path) -> None:
    module, calls, path = nn.Linear(2, 1), list[float](), tmp_path / "part.pt"
    train(module, _fit(module, calls), _RECIPE, 0.005, path)
    again: list[float] = []
    train(module, _fit(module, again), _RECIPE, 0.01, path)
    assert again[0] >= 0.5


@pytest.mark.parametrize("recorded", [False, True])
def test_a_step_that_is_not_finite_is_skipped(tmp_path: Path, recorded: bool) -> None:
    module = nn.Linear(1, 1)

    def step(_: Sample) -> tuple[Tensor, dict[str, Tensor]]:
        loss = module(torch.ones(1, 1)).sum() * torch.inf
        return loss, {"loss": loss}

    before = module.weight.clone()
    recipe = Recipe(learning_rate=0.05, recorded=recorded)
    train(module, step, recipe, 0.001, tmp_path / "part.pt")
    assert torch.equal(module.weight, before)


def test_the_result_is_what_was_best_on_unseen_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recipes.mini.training._CHECKPOINT_SECONDS", 0.0)
    module, path = nn.Linear(2, 1), tmp_path / "part.pt"
    losses = iter((3.0, 1.0, 2.0))
    seen: list[Tensor] = []

    def unseen() -> Tensor:
        seen.append(module.weight.detach().clone())
        return torch.tensor(next(losses, 4.0))

    figures = train(module, _fit(module, []), _RECIPE, 0.001, path, unseen)
    assert len(seen) > 3
    assert figures["unseen"] == 1.0
    assert torch.equal(module.weight, seen[1])
    assert torch.equal(torch.load(path)["module"]["weight"], seen[1])


def test_steps_for_a_recording_learn_the_same(tmp_path: Path) -> None:
    """On a CPU nothing is recorded, but the optimizer is the one that a recording needs."""
    learnt = []
    for recorded in (False, True):
        torch.manual_seed(0)
        module = nn.Linear(2, 1)
        recipe = Recipe(learning_rate=0.05, recorded=recorded)
        train(module, _fit(module, []), recipe, 0.005, tmp_path / f"{recorded}.pt")
        learnt.append(module.weight.detach().clone())
    first, second = learnt
    assert torch.allclose(first, second, atol=1e-4)


def test_a_trained_part_is_loaded_without_gradients(tmp_path: Path) -> None:
    module, path = nn.Linear(2, 1), tmp_path / "part.pt"
    train(module, _fit(module, []), _RECIPE, 0.002, path)
    loaded = nn.Linear(2, 1)
    load_trained(loaded, path, torch.device("cpu"))
    assert torch.equal(loaded.weight, module.weight)
    assert not loaded.weight.requires_grad


def test_an_unknown_checkpoint_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_trained(nn.Linear(1, 1), tmp_path / "none.pt", torch.device("cpu"))
