"""Lets a device's libraries compute float32 in float32, and the same twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def exact_float32() -> None:
    """Let convolutions on CUDA use all bits of float32, as they do on a CPU.

    By default cuDNN rounds their factors to 10 bits (TF32). The phase of the vocoder's source sums
    up a pitch that convolutions compute, so its error would grow with the length of a turn. It
    holds for the whole process. Some of cuDNN's kernels add in any order, so that the same turn has
    other bits when it is rendered again: these are not taken.
    """
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True


@contextmanager
def default_float32() -> Iterator[None]:
    """Within the context, convolutions on CUDA compute as torch lets them by default."""
    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32, cudnn.deterministic
    cudnn.allow_tf32, cudnn.deterministic = True, False
    try:
        yield
    finally:
        cudnn.allow_tf32, cudnn.deterministic = before
