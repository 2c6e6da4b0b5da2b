"""A training loop that may be stopped at any time and continues where it was."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from recipes.mini.muon import Muon
from recipes.mini.steps import Recorded, Sample, Step, Taking

_CHECKPOINT_SECONDS = 60.0
_LOG_SECONDS = 15.0
_LONGEST_STEP_SECONDS = 20.0  # a process that was suspended meanwhile has not trained longer
WARM_UP_STEPS = 100
_LAST_RATE = 0.02  # of the peak


@dataclass(frozen=True)
class Recipe:
    """How a part is optimised."""

    learning_rate: float
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.01
    clip: float = 1.0
    # Muon updates weights whose names contain one of these, AdamW all else.
    layers: tuple[str, ...] = ()
    # Steps ask the device for nothing and put their tensors there themselves, so a GPU can record
    # those of each kind.
    recorded: bool = False


def train(
    module: nn.Module,
    step: Step,
    recipe: Recipe,
    minutes: float,
    path: Path,
    unseen: Callable[[], Tensor] | None = None,
    draw: Callable[[float], Sample] = Sample,
) -> dict[str, float]:
    """Train for so many minutes in all (see `_clock`), over all runs; write `path` every minute.

    draw: gives the step with this progress its sample.
    unseen: the loss of samples that nothing is learnt from, measured once a minute. The result is
    then what had the lowest, and the log has it: a part with little data soon knows it by heart.

    When the minutes are over the optimizers are left out of the file, which is then a third as
    large; training on with more minutes gives it fresh ones.
    Steps whose gradient is not finite are skipped. Returns the last figures.
    """
    device = next(module.parameters()).device
    optimizers = _optimizers(module, recipe)
    elapsed, steps, skipped = 0.0, 0, 0
    best = _Best(math.inf, {})
    if path.is_file():
        state = torch.load(path, map_location=device)
        module.load_state_dict(state["module"])
        for optimizer, kept in zip(optimizers, state["optimizers"] or (), strict=False):
            optimizer.load_state_dict(kept)
        elapsed, steps, skipped = state["elapsed"], state["steps"], state["skipped"]
        best = _Best(*state.get("best") or (math.inf, {}))
    torch.manual_seed(steps)
    module.train()
    recordable = optimizers[: recipe.recorded]  # AdamW; Muon needs its rate on the host
    taking = Taking(module, step, recordable, optimizers[len(recordable) :], recipe.clip)
    take = Recorded(taking) if recipe.recorded and device.type == "cuda" else taking
    budget = 60 * minutes
    sums: dict[str, Tensor] = {}
    summed = torch.zeros((), device=device)
    figures: dict[str, float] = {}
    last_steps, last_log, last_save = steps, elapsed, time.monotonic()
    clock = _clock(device)
    then = clock()
    while elapsed < budget:
        progress = elapsed / budget
        rate = _LAST_RATE + (1 - _LAST_RATE) * (1 + math.cos(math.pi * progress)) / 2
        rate *= min(1, (steps + 1) / WARM_UP_STEPS)
        _set_learning_rate(optimizers, recipe.learning_rate * rate)
        taken = take(draw(progress))
        for name, value in taken.figures.items():
            sums[name] = torch.where(taken.counts, value, 0) + sums.get(name, 0)
        summed = summed + taken.counts
        steps += 1
        now = clock()
        elapsed, then = elapsed + min(now - then, _LONGEST_STEP_SECONDS), now
        over = elapsed >= budget
        if over or elapsed - last_log >= _LOG_SECONDS:
            counted = int(summed)
            skipped += steps - last_steps - counted
            if counted:
                figures = {name: round(float(value) / counted, 4) for name, value in sums.items()}
            _log(path, {"seconds": round(elapsed), "steps": steps, "skipped": skipped, **figures})
            sums, summed, last_steps, last_log = {}, torch.zeros_like(summed), steps, elapsed
        if over or time.monotonic() - last_save >= _CHECKPOINT_SECONDS:
            if unseen is not None:
                best = best.or_now(module, unseen)
                figures["unseen"] = round(best.loss, 4)
                _log(path, {"seconds": round(elapsed), "lowest_unseen": figures["unseen"]})
                if over:
                    module.load_state_dict(best.weights)
            state = {"module": module.state_dict(), "elapsed": elapsed, "steps": steps}
            state |= {"skipped": skipped, "best": None if over else (best.loss, best.weights)}
            state["optimizers"] = None if over else [one.state_dict() for one in optimizers]
            save_whole(state, path)
            then, last_save = clock(), time.monotonic()
    module.eval()
    return figures


def _log(path: Path, line: dict[str, float]) -> None:
    with path.with_suffix(".log").open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")


@dataclass(frozen=True, eq=False)
class _Best:
    """The weights that had the lowest loss on what is not learnt from."""

    loss: float
    weights: dict[str, Tensor]

    @torch.no_grad()
    def or_now(self, module: nn.Module, unseen: Callable[[], Tensor]) -> _Best:
        """These, or the present ones if they are better."""
        module.eval()
        loss = float(unseen())
        module.train()
        if not loss < self.loss and self.weights:
            return self
        return _Best(loss, {name: value.clone() for name, value in module.state_dict().items()})


def _set_learning_rate(optimizers: list[torch.optim.Optimizer], rate: float) -> None:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate


def _clock(device: torch.device) -> Callable[[], float]:
    """Seconds of training: on a CPU of work per thread, since waiting for it trains nothing."""
    if device.type != "cpu":
        return time.monotonic
    threads = torch.get_num_threads()
    return lambda: time.process_time() / threads


def _optimizers(module: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    weights: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            inside = name.endswith(".weight") and any(part in name for part in recipe.layers)
            (weights if inside and parameter.ndim > 1 else rest).append(parameter)
    fused = recipe.recorded
    rate = torch.tensor(recipe.learning_rate, device=rest[0].device) if fused else None
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(
            rest,
            lr=recipe.learning_rate if rate is None else rate,
            betas=recipe.betas,
            weight_decay=recipe.weight_decay,
            fused=fused,
            capturable=rest[0].device.type == "cuda",
        )
    ]
    if weights:
        optimizers.append(Muon(weights, recipe.learning_rate, recipe.weight_decay))
    return optimizers


def save_whole(value: object, path: Path) -> None:
    """Write a file whole or not at all."""
    fresh = path.with_suffix(".new")
    torch.save(value, fresh)
    fresh.replace(path)


def load_trained(module: nn.Module, path: Path, device: torch.device) -> None:
    """Fill a module from a part's checkpoint, ready to be used."""
    module.load_state_dict(torch.load(path, map_location=device)["module"])
    module.to(device).requires_grad_(False).eval()
