"""Linear layers whose weights lie as the CPU's kernel reads them.

torch lays them out anew at every call otherwise, which costs a seventh of a layer's time.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_ROWS = 1024  # the layout hardly depends on how many rows of input there are


class PackedLinear(nn.Module):
    """What a linear layer computes; its weight is no part of the state."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), _ROWS)
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")
        return out

    def __deepcopy__(self, memo: object) -> PackedLinear:
        """Return the layer itself: it never changes, and torch cannot copy its weight."""
        return self


def pack(module: nn.Module) -> None:
    """Replace the linear layers in a module on the CPU, where this torch has the kernel."""
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return
    for part in list(module.modules()):
        for name, child in part.named_children():
            if isinstance(child, nn.Linear) and child.weight.device.type == "cpu":
                setattr(part, name, PackedLinear(child))
