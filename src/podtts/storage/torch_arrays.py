"""Converts tensors to arrays that can be sealed, and back, sharing memory where possible."""

import numpy as np
import torch
from torch import Tensor

from podtts.storage.sealed import BFLOAT16, Array

_ALIGNMENT = 64  # bytes


def to_array(tensor: Tensor) -> Array:
    """Return the values of a tensor as an array on the CPU."""
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(BFLOAT16)
    array: Array = tensor.numpy()
    return array


def to_tensor(array: Array) -> Tensor:
    """Return a tensor on the CPU that shares the memory of the array."""
    if array.dtype == BFLOAT16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def to_aligned_tensor(array: Array) -> Tensor:
    """Like `to_tensor`, but copies an array whose memory is not aligned to 64 bytes.

    Kernels for packed weights crash on memory that is not aligned like torch's own.
    """
    tensor = to_tensor(array)
    return tensor if tensor.data_ptr() % _ALIGNMENT == 0 else tensor.clone()
