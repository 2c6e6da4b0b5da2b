"""The smallest Triton kernel, to see whether a device compiles and runs any."""

from __future__ import annotations

import torch
import triton
import triton.language as tl


@triton.jit
def add_one(numbers, BLOCK: tl.constexpr):
    places = numbers + tl.arange(0, BLOCK)
    tl.store(places, tl.load(places) + 1)


def adds_one(device: torch.device) -> bool:
    """Whether a kernel that adds 1 does so. Raises what Triton raises."""
    numbers = torch.zeros(16, device=device)
    with torch.get_device_module(device).device(device):
        add_one[(1,)](numbers, BLOCK=16)
    return bool((numbers == 1).all())
