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

_CHECKPOINT_SECONDS = 60.0
_LOG_SECONDS = 15.0
_LONGEST_STEP_SECONDS = 20.0  # a process that was suspended meanwhile has not trained longer
WARM_UP_STEPS = 100
_LAST_RATE = 0.02  # of the peak

Step = Callable[[float], tuple[Tensor, dict[str, Tensor]]]  # progress 0 to 1 -> loss, figures


@dataclass(frozen=True)
class Recipe:
    """How a part is optimised."""

    learning_rate: float
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.01
    clip: float = 1.0
    # Names that contain this belong to stacked layers, whose matrices Muon updates; none: AdamW.
    layers: str | None = None


def train(
    module: nn.Module, step: Step, recipe: Recipe, minutes: float, path: Path
) -> dict[str, float]:
    """Train for so many minutes in all (see `_clock`), over all runs; write `path` every minute.

    When the minutes are over the optimizers are left out of the file, which is then a third as
    large; training on with more minutes gives it fresh ones.
    Steps whose loss or gradient is not finite are skipped. Returns the last figures.
    """
    optimizers = _optimizers(module, recipe)
    elapsed, steps, skipped = 0.0, 0, 0
    if path.is_file():
        state = torch.load(path, map_location=next(module.parameters()).device)
        module.load_state_dict(state["module"])
        for optimizer, kept in zip(optimizers, state["optimizers"] or (), strict=False):
            optimizer.load_state_dict(kept)
        elapsed, steps, skipped = state["elapsed"], state["steps"], state["skipped"]
    torch.manual_seed(steps)
    module.train()
    budget = 60 * minutes
    sums: dict[str, Tensor] = {}
    summed = 0
    figures: dict[str, float] = {}
    last_log, last_save = elapsed, time.monotonic()
    clock = _clock(next(module.parameters()).device)
    then = clock()
    while elapsed < budget:
        progress = elapsed / budget
        rate = _LAST_RATE + (1 - _LAST_RATE) * (1 + math.cos(math.pi * progress)) / 2
        rate *= min(1, (steps + 1) / WARM_UP_STEPS)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * rate
        loss, parts = step(progress)
        module.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(module.parameters(), recipe.clip)
        if bool(torch.isfinite(norm)):
            for optimizer in optimizers:
                optimizer.step()
            for name, value in parts.items():
                sums[name] = value.detach() + sums.get(name, 0)
            summed += 1
        else:
            skipped += 1
        steps += 1
        now = clock()
        elapsed, then = elapsed + min(now - then, _LONGEST_STEP_SECONDS), now
        over = elapsed >= budget
        if summed and (over or elapsed - last_log >= _LOG_SECONDS):
            figures = {name: round(float(value) / summed, 4) for name, value in sums.items()}
            line = {"seconds": round(elapsed), "steps": steps, "skipped": skipped, **figures}
            with path.with_suffix(".log").open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
            sums, summed, last_log = {}, 0, elapsed
        if over or time.monotonic() - last_save >= _CHECKPOINT_SECONDS:
            _save(path, module, None if over else optimizers, elapsed, steps, skipped)
            last_save = time.monotonic()
    module.eval()
    return figures


def _clock(device: torch.device) -> Callable[[], float]:
    """Seconds of training: on a CPU of work per thread, since waiting for it trains nothing."""
    if device.type != "cpu":
        return time.monotonic
    threads = torch.get_num_threads()
    return lambda: time.process_time() / threads


def _optimizers(module: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            stacked = recipe.layers is not None and recipe.layers in name and parameter.ndim == 2
            (matrices if stacked else rest).append(parameter)
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(
            rest, lr=recipe.learning_rate, betas=recipe.betas, weight_decay=recipe.weight_decay
        )
    ]
    if matrices:
        optimizers.append(
            torch.optim.Muon(
                matrices,
                lr=recipe.learning_rate,
                weight_decay=recipe.weight_decay,
                adjust_lr_fn="match_rms_adamw",  # so that one learning rate serves both
            )
        )
    return optimizers


def _save(
    path: Path,
    module: nn.Module,
    optimizers: list[torch.optim.Optimizer] | None,
    elapsed: float,
    steps: int,
    skipped: int,
) -> None:
    state = {
        "module": module.state_dict(),
        "optimizers": None if optimizers is None else [one.state_dict() for one in optimizers],
        "elapsed": elapsed,
        "steps": steps,
        "skipped": skipped,
    }
    save_whole(state, path)


def save_whole(value: object, path: Path) -> None:
    """Write a file whole or not at all."""
    fresh = path.with_suffix(".new")
    torch.save(value, fresh)
    fresh.replace(path)


def load_trained(module: nn.Module, path: Path, device: torch.device) -> None:
    """Fill a module from a part's checkpoint, ready to be used."""
    module.load_state_dict(torch.load(path, map_location=device)["module"])
    module.to(device).requires_grad_(False).eval()
