"""Muon for weights of any shape: a convolution's are a matrix with a row for each output channel.

Source: Keller Jordan, "Muon: An optimizer for hidden layers in neural networks", 2024, with the
step sizes of arXiv:2502.16982. Implemented anew, because torch's own takes matrices alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

_MOMENTUM = 0.95
_ITERATIONS = 5
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic; singular values end between .7 and 1.2
_FLOOR = 1e-7
_ADAMW_SIZE = 0.2  # root mean square of an update of AdamW, so that one learning rate serves both


class Muon(torch.optim.Optimizer):
    """Updates along the gradient's momentum, all of whose singular values are made nearly equal."""

    def __init__(
        self, parameters: Iterable[nn.Parameter], lr: float, weight_decay: float = 0.0
    ) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update all parameters that have a gradient; weights of one shape together."""
        with torch.no_grad():
            for group in self.param_groups:
                self._update(group["params"], group["lr"], group["weight_decay"])

    def _update(self, parameters: Iterable[nn.Parameter], lr: float, weight_decay: float) -> None:
        alike: defaultdict[torch.Size, list[tuple[nn.Parameter, Tensor]]] = defaultdict(list)
        for parameter in parameters:
            if parameter.grad is not None:
                direction = self._direction(parameter).flatten(1)
                alike[direction.shape].append((parameter, direction))
        for shape, some in alike.items():
            size = _ADAMW_SIZE * max(shape) ** 0.5
            updates = orthogonalised(torch.stack([direction for _, direction in some]))
            for (parameter, _), update in zip(some, updates, strict=True):
                parameter.mul_(1 - lr * weight_decay)
                parameter.add_(update.view_as(parameter), alpha=-lr * size)

    def _direction(self, parameter: nn.Parameter) -> Tensor:
        """Nesterov's momentum."""
        gradient, state = parameter.grad, self.state[parameter]
        assert gradient is not None
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum: Tensor = state["momentum"].lerp_(gradient, 1 - _MOMENTUM)
        return gradient.lerp(momentum, _MOMENTUM)


def orthogonalised(matrices: Tensor) -> Tensor:
    """The nearest matrices with equal singular values, roughly: float32 [N, rows, columns]."""
    high = matrices.shape[1] > matrices.shape[2]
    x = (matrices.mT if high else matrices).bfloat16()
    x = x / (x.norm(dim=(1, 2), keepdim=True) + _FLOOR)
    one, cubic, quintic = _COEFFICIENTS
    for _ in range(_ITERATIONS):
        square = x @ x.mT
        x = one * x + (cubic * square + quintic * square @ square) @ x
    found: Tensor = (x.mT if high else x).float()
    return found
