"""A quantized LLM's layers: computed once, kept, and mapped into memory afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from podtts.llm.block_quant import BlockWeights
from podtts.llm.quantized import (
    has_sizes_of,
    quantized_matrices,
    use_compiled_layers,
    use_quantized,
)
from podtts.llm.qwen3 import Qwen3
from podtts.options import Quantization
from podtts.storage.keyed import KeyedStore
from podtts.storage.sealed import Array, SealError
from podtts.storage.torch_arrays import to_aligned_tensor, to_array

FOLDER = "quantized"
_FORM = "podtts-quantized-3"
_LIMIT_BYTES = 6 * 2**30  # two models of the published size, in 8 and in 4 bits


def quantized_store(
    root: Path, identity: Mapping[str, str], warn: Callable[[str], None]
) -> KeyedStore:
    """The folder `quantized` under a root; identity: the LLM's digest."""
    return KeyedStore(root, FOLDER, _FORM, identity, warn, _LIMIT_BYTES)


def quantize_kept(llm: Qwen3, kind: Quantization, store: KeyedStore | None) -> None:
    """Quantize the layers of a model in place, from the store if they are there.

    Layers that keep their bits are laid out where they run fastest.
    """
    if kind == "none":
        use_compiled_layers(llm)
        return
    blocks = None if store is None else store.read(kind, lambda kept: _blocks(llm, kind, kept))
    if blocks is None:
        blocks = quantized_matrices(llm, kind)
        if store is not None:
            store.write(kind, _arrays(blocks))
    use_quantized(llm, blocks)


def _arrays(blocks: Mapping[str, BlockWeights]) -> dict[str, Array]:
    levels = {f"{name}.levels": to_array(one.levels) for name, one in blocks.items()}
    return levels | {f"{name}.scale": to_array(one.scale) for name, one in blocks.items()}


def _blocks(
    llm: Qwen3, kind: Quantization, tensors: Mapping[str, Array]
) -> dict[str, BlockWeights]:
    """The kept blocks, or SealError if they are not a model's."""
    names = [name.removesuffix(".scale") for name in tensors if name.endswith(".scale")]
    try:
        blocks = {
            name: BlockWeights(
                to_aligned_tensor(tensors[f"{name}.levels"]),
                to_aligned_tensor(tensors[f"{name}.scale"]),
            )
            for name in names
        }
        fits = has_sizes_of(llm, kind, blocks)
    except KeyError as error:
        raise SealError(f"it lacks {error}") from error
    if not fits:
        raise SealError("its tensors are of another size")
    return blocks
