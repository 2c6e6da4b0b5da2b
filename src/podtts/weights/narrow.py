"""Quantized layers of a checkpoint: computed once, kept, and mapped into memory afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor, nn

from podtts.llm.quantized import linear_layers, narrow_kind, quantize_llm
from podtts.llm.qwen3 import Qwen3
from podtts.options import Quantization
from podtts.storage.keyed import KeyedStore
from podtts.storage.sealed import Array, SealError
from podtts.storage.torch_arrays import to_aligned_tensor, to_array

FOLDER = "quantized"
_FORM = "podtts-quantized-1"
_LIMIT_BYTES = 6 * 2**30  # two models of the published size, in 8 and in 4 bits


def quantized_store(
    root: Path, identity: Mapping[str, str], warn: Callable[[str], None]
) -> KeyedStore:
    """The folder `quantized` under a root; identity: the LLM's digest, dtype, the machine."""
    return KeyedStore(root, FOLDER, _FORM, identity, warn, _LIMIT_BYTES)


def quantize_kept(llm: Qwen3, kind: Quantization, store: KeyedStore | None) -> None:
    """Quantize the linear layers of a model in place, from the store if they are there."""
    if kind == "none":
        return
    if store is not None and store.read(kind, lambda tensors: _fill(llm, kind, tensors)):
        return
    quantize_llm(llm, kind)
    if store is not None:
        layers = {path: getattr(parent, name) for parent, name, path in linear_layers(llm)}
        store.write(
            kind,
            {
                f"{path}.{name}": to_array(tensor)
                for path, layer in layers.items()
                for name, tensor in layer.named_buffers()
            },
        )


def _fill(llm: Qwen3, kind: Quantization, tensors: Mapping[str, Array]) -> bool:
    """Put all kept layers into a model, or raise SealError and leave it as it is."""
    made: list[tuple[nn.Module, str, nn.Module]] = []
    for parent, name, path in list(linear_layers(llm)):
        weight: Tensor = getattr(parent, name).weight
        layer = narrow_kind(weight, kind)
        try:
            kept = [tensors[f"{path}.weight"], tensors[f"{path}.scale"]]
        except KeyError as error:
            raise SealError(f"it lacks {error}") from error
        numbers, scale = (to_aligned_tensor(array).to(weight.device) for array in kept)
        if scale.shape[layer.OUTPUTS_OF_SCALE] != weight.shape[0] or scale.dtype != weight.dtype:
            raise SealError(f"its {path} is of another size or type")
        made.append((parent, name, layer(numbers, scale)))
    for parent, name, layer_made in made:
        setattr(parent, name, layer_made)
    return True
