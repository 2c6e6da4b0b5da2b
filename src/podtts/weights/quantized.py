"""A store of the LLM's quantized layers: computed once, then mapped into memory."""

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
from podtts.storage.keyed_store import KeyedStore
from podtts.storage.sealed import Array, SealError
from podtts.storage.torch_arrays import to_aligned_tensor, to_array

FOLDER = "quantized"
_FORMAT = "podtts-quantized-3"
_LIMIT_BYTES = 6 * 2**30  # two models of the published size, in 8 and in 4 bits


def quantized_store(
    root: Path, identity: Mapping[str, str], warn: Callable[[str], None]
) -> KeyedStore:
    """The folder `quantized` under a root; identity: digest and dtype of the LLM."""
    return KeyedStore(root, FOLDER, _FORMAT, identity, warn, _LIMIT_BYTES)


def quantize_with_store(llm: Qwen3, kind: Quantization, store: KeyedStore | None) -> None:
    """As podtts.llm.quantized.quantize_llm, with quantized matrices from a store if it has them."""
    if kind == "none":
        use_compiled_layers(llm)
        return
    matrices = None
    if store is not None:
        matrices = store.read(kind, lambda tensors: _matrices(llm, kind, tensors))
    if matrices is None:
        matrices = quantized_matrices(llm, kind)
        if store is not None:
            store.write(kind, _arrays(matrices))
    use_quantized(llm, matrices)


def _arrays(matrices: Mapping[str, BlockWeights]) -> dict[str, Array]:
    levels = {f"{name}.levels": to_array(matrix.levels) for name, matrix in matrices.items()}
    return levels | {f"{name}.scale": to_array(matrix.scale) for name, matrix in matrices.items()}


def _matrices(
    llm: Qwen3, kind: Quantization, tensors: Mapping[str, Array]
) -> dict[str, BlockWeights]:
    """Quantized matrices from a store. Raises SealError if they do not fit the model."""
    names = [name.removesuffix(".scale") for name in tensors if name.endswith(".scale")]
    try:
        matrices = {
            name: BlockWeights(
                to_aligned_tensor(tensors[f"{name}.levels"]),
                to_aligned_tensor(tensors[f"{name}.scale"]),
            )
            for name in names
        }
        fits = has_sizes_of(llm, kind, matrices)
    except KeyError as error:
        raise SealError(f"it lacks {error}") from error
    if not fits:
        raise SealError("its tensors are of another size")
    return matrices
