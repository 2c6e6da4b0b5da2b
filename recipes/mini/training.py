"""A training loop that may be stopped at any time and continues where it was."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

_CHECKPOINT_SECONDS = 60.0
_LOG_SECONDS = 15.0
_WARM_UPS = 3  # in their first calls libraries choose kernels and allocate memory
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
    # Steps have fixed shapes and ask the device for nothing, so a GPU can record them. What they
    # compute may change when the progress passes one of these shares.
    recorded: bool = False
    turns: tuple[float, ...] = ()


def train(
    module: nn.Module,
    step: Step,
    recipe: Recipe,
    minutes: float,
    path: Path,
    unseen: Callable[[], Tensor] | None = None,
) -> dict[str, float]:
    """Train for so many minutes in all (see `_clock`), over all runs; write `path` every minute.

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
    taking = _Taking(module, step, optimizers, recipe)
    records = recipe.recorded and device.type == "cuda"
    take = _Recorded(taking, recipe.turns) if records else taking
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
        taken = take(progress)
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


@dataclass(frozen=True, eq=False)
class _Taken:
    """What a step gave, on its device."""

    counts: Tensor  # bool: the gradient was finite
    figures: dict[str, Tensor]


class _Taking:
    """Takes one step after the other."""

    def __init__(
        self,
        module: nn.Module,
        step: Step,
        optimizers: list[torch.optim.Optimizer],
        recipe: Recipe,
    ) -> None:
        self.module, self.step, self.optimizers, self.recipe = module, step, optimizers, recipe

    def __call__(self, progress: float) -> _Taken:
        loss, figures = self.step(progress)
        self.module.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        finite = nn.utils.clip_grad_norm_(self.module.parameters(), self.recipe.clip).isfinite()
        if self.recipe.recorded:
            for optimizer in self.optimizers:
                # Fused optimizers read this on the device, where it makes them skip the step.
                optimizer.found_inf = (~finite).float()  # type: ignore[attr-defined]
                optimizer.step()
        elif bool(finite):
            for optimizer in self.optimizers:
                optimizer.step()
        return _Taken(finite, {name: value.detach() for name, value in figures.items()})


class _Recorded:
    """Takes steps that a GPU repeats by itself, a recording for each stretch of the progress."""

    def __init__(self, take: _Taking, turns: tuple[float, ...]) -> None:
        self.take, self.turns = take, turns
        self.stretch = -1
        self.warm = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.taken: _Taken | None = None

    def __call__(self, progress: float) -> _Taken:
        if (stretch := sum(progress > turn for turn in self.turns)) != self.stretch:
            self.stretch, self.warm, self.graph = stretch, 0, None
        if self.graph is not None and self.taken is not None:
            self.graph.replay()
            # Steps are timed, and the host could launch a thousand before the first has ended.
            torch.cuda.current_stream().synchronize()
            return self.taken
        if self.warm < _WARM_UPS:
            self.warm += 1
            side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                taken = self.take(progress)
            torch.cuda.current_stream().wait_stream(side)
            return taken
        self.take.module.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self.taken = self.take(progress)
        except RuntimeError as error:  # slower, but the same
            sys.stderr.write(f"steps are not recorded: {error}\n")
            self.warm = -sys.maxsize
            self.take.module.zero_grad(set_to_none=True)
            return self.take(progress)
        self.graph = graph
        graph.replay()
        return self.taken


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
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            stacked = recipe.layers is not None and recipe.layers in name and parameter.ndim == 2
            (matrices if stacked else rest).append(parameter)
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


def save_whole(value: object, path: Path) -> None:
    """Write a file whole or not at all."""
    fresh = path.with_suffix(".new")
    torch.save(value, fresh)
    fresh.replace(path)


def load_trained(module: nn.Module, path: Path, device: torch.device) -> None:
    """Fill a module from a part's checkpoint, ready to be used."""
    module.load_state_dict(torch.load(path, map_location=device)["module"])
    module.to(device).requires_grad_(False).eval()
