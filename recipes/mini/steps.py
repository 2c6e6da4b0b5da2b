"""Steps of training: drawn, taken, and on a GPU recorded, which spares it thousands of launches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_WARM_UPS = 3  # in their first calls libraries choose kernels and allocate memory


@dataclass(frozen=True, eq=False)
class Sample:
    """What a step learns from; steps that draw on their device need only the progress.

    Steps of one kind have tensors of the same shapes and compute the same, so that one recording
    serves all of them.
    """

    progress: float  # 0 to 1
    kind: Hashable = None
    tensors: tuple[Tensor, ...] = ()


Step = Callable[[Sample], tuple[Tensor, dict[str, Tensor]]]  # gives loss and figures


@dataclass(frozen=True, eq=False)
class Taken:
    """What a step gave, on its device."""

    counts: Tensor  # bool: the gradient was finite
    figures: dict[str, Tensor]


class Taking:
    """Takes one step after the other.

    recordable: optimizers that a recording may hold; they read on the device whether to skip a
    step. others: of the remaining parameters, called when the step has ended.
    """

    def __init__(
        self,
        module: nn.Module,
        step: Step,
        recordable: Sequence[torch.optim.Optimizer],
        others: Sequence[torch.optim.Optimizer],
        clip: float,
    ) -> None:
        self.module, self.step, self.clip = module, step, clip
        self.recordable, self.others = recordable, others

    def __call__(self, sample: Sample) -> Taken:
        taken = self.on_device(sample)
        self.finish(taken)
        return taken

    def on_device(self, sample: Sample) -> Taken:
        """All that a recording may hold."""
        loss, figures = self.step(sample)
        self.module.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        finite = nn.utils.clip_grad_norm_(self.module.parameters(), self.clip).isfinite()
        for optimizer in self.recordable:
            optimizer.found_inf = (~finite).float()  # type: ignore[attr-defined]
            optimizer.step()
        return Taken(finite, {name: value.detach() for name, value in figures.items()})

    def finish(self, taken: Taken) -> None:
        """What is left."""
        if self.others and bool(taken.counts):
            for optimizer in self.others:
                optimizer.step()


@dataclass(frozen=True, eq=False)
class _Recording:
    graph: torch.cuda.CUDAGraph
    tensors: tuple[Tensor, ...]  # a sample's are copied into these
    taken: Taken
    gradients: list[Tensor | None]


class Recorded:
    """Takes steps that a GPU repeats by itself, a recording for each kind."""

    def __init__(self, take: Taking) -> None:
        self.take = take
        self.device = next(take.module.parameters()).device
        self.warm: dict[Hashable, int] = {}
        self.recordings: dict[Hashable, _Recording] = {}
        self.pool = torch.cuda.graph_pool_handle()  # recordings run one after the other
        self.fails = False

    def __call__(self, sample: Sample) -> Taken:
        kept = self.recordings.get(sample.kind)
        if kept is None and not self.fails and self.warm.get(sample.kind, 0) == _WARM_UPS:
            kept = self._record(sample)
        if kept is None:
            return self._unrecorded(sample)
        for ours, theirs in zip(kept.tensors, sample.tensors, strict=True):
            ours.copy_(theirs)
        kept.graph.replay()
        for parameter, gradient in zip(self.take.module.parameters(), kept.gradients, strict=True):
            parameter.grad = gradient
        # Steps are timed, and the host could launch a thousand before the first has ended.
        torch.cuda.current_stream().synchronize()
        self.take.finish(kept.taken)
        return kept.taken

    def _unrecorded(self, sample: Sample) -> Taken:
        self.warm[sample.kind] = self.warm.get(sample.kind, 0) + 1
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            taken = self.take(sample)
        torch.cuda.current_stream().wait_stream(side)
        return taken

    def _record(self, sample: Sample) -> _Recording | None:
        tensors = tuple(tensor.to(self.device, copy=True) for tensor in sample.tensors)
        self.take.module.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, pool=self.pool):
                taken = self.take.on_device(Sample(sample.progress, sample.kind, tensors))
        except RuntimeError as error:  # slower, but the same
            sys.stderr.write(f"steps are not recorded: {error}\n")
            self.fails = True
            self.take.module.zero_grad(set_to_none=True)
            return None
        gradients = [parameter.grad for parameter in self.take.module.parameters()]
        self.recordings[sample.kind] = recording = _Recording(graph, tensors, taken, gradients)
        return recording
