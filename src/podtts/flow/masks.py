"""Masks of padding and of the keys that a query sees."""

from __future__ import annotations

import torch
from torch import Tensor


def valid_positions(
    lengths: Tensor, size: int, device: torch.device | None = None
) -> Tensor | None:
    """Bool [B, size], True on the first lengths[b]; None when no row is padded.

    lengths: on the CPU, so that nobody waits for a device. device: of the result; None: theirs.
    """
    if bool((lengths == size).all()):
        return None
    return (torch.arange(size) < lengths[:, None]).to(device)


def visible_keys(
    valid: Tensor | None, size: int, chunk: int, device: torch.device
) -> Tensor | None:
    """Bool [B or 1, 1, size or 1, size] for attention; None when every query sees every key.

    chunk: 0 for full attention, else a query sees all keys up to the end of its chunk.
    """
    keys = None if valid is None else valid[:, None, None, :]
    if not chunk:
        return keys
    position = torch.arange(size, device=device)
    causal = position[None, :] < ((position // chunk + 1) * chunk)[:, None]
    return causal[None, None] if keys is None else keys & causal


def added_to_scores(visible: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """A bool mask of keys as what attention adds to its scores: 0, or -infinity.

    Attention makes the same of a bool mask, in each layer anew.
    """
    if visible is None:
        return None
    zeros = torch.zeros(visible.shape, dtype=dtype, device=visible.device)
    return zeros.masked_fill_(~visible, -torch.inf)


def zero_padding(x: Tensor, valid: Tensor | None) -> Tensor:
    """Zero the padding of x [B, positions, channels], as a convolution pads a single row."""
    return x if valid is None else x * valid[:, :, None]
