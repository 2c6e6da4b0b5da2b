"""Tensors as arrays that can be sealed, and back, sharing memory where they can."""

import numpy as np
import torch
from torch import Tensor

from podtts.storage.sealed import BFLOAT16, Array

_ALIGNMENT = 64  # bytes


def to_array(tensor: Tensor) -> Array:
    """A tensor's numbers on the CPU."""
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(BFLOAT16)
    array: Array = tensor.numpy()
    return array


def to_tensor(array: Array) -> Tensor:
    """A tensor on the CPU that shares the array's memory."""
    if array.dtype == BFLOAT16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def to_aligned_tensor(array: Array) -> Tensor:
    """As `to_tensor`, but with memory of its own where the array's begins at an odd place.

    Kernels for packed weights crash on memory that is not aligned as torch aligns its own.
    """
    tensor = to_tensor(array)
    return tensor if tensor.data_ptr() % _ALIGNMENT == 0 else tensor.clone()
