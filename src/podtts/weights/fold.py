"""Prepares the vocoder's published tensors: removes the prefix and folds weight norm.

Weight norm stores a direction v and a length g of every output row: weight = g·v/|v|. Checkpoints
name the pair `parametrizations.weight.original0/1` or, older, as `weight_g/_v`.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from podtts.errors import ModelError
from podtts.weights.checkpoint import StoredTensor, Tensors

_LENGTH = re.compile(r"\.(?:parametrizations\.weight\.original0|weight_g)$")
_DIRECTION = {
    ".parametrizations.weight.original0": ".parametrizations.weight.original1",
    ".weight_g": ".weight_v",
}


def hift_tensors(stored: Tensors) -> Tensors:
    """Tensors by the vocoder's names. Raises ModelError for half a pair and for equal names."""
    plain: Tensors = {}
    others = dict(stored)
    for name in stored:
        if (match := _LENGTH.search(name)) is None:
            continue
        stem, ending = name[: match.start()], match[0]
        direction = stored.get(stem + _DIRECTION[ending])
        if direction is None:
            raise ModelError(f"{stored[name].file}: tensor {stem}{_DIRECTION[ending]} is missing")
        del others[name], others[stem + _DIRECTION[ending]]
        _add(plain, f"{stem}.weight", _folded(name, stored[name], direction))
    for name, tensor in others.items():
        if name.endswith((".parametrizations.weight.original1", ".weight_v")):
            raise ModelError(f"{tensor.file}: tensor {name} has no tensor of lengths")
        _add(plain, name, tensor)
    return plain


def _add(plain: Tensors, name: str, tensor: StoredTensor) -> None:
    name = name.removeprefix("generator.")
    if name in plain:
        raise ModelError(f"{tensor.file}: tensor {name} occurs twice")
    plain[name] = tensor


def _folded(name: str, length: StoredTensor, direction: StoredTensor) -> StoredTensor:
    rows = (direction.shape[0], *[1] * (len(direction.shape) - 1))
    if length.shape != rows:
        raise ModelError(f"{length.file}: tensor {name} has shape {length.shape}, expected {rows}")

    def fold() -> Tensor:
        v = direction.read().float()
        norm: Tensor = torch.linalg.vector_norm(v, dim=tuple(range(1, v.ndim)), keepdim=True)
        return length.read().float() * v / norm

    return StoredTensor(direction.file, direction.shape, fold)
