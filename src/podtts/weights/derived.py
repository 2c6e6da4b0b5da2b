"""A checkpoint opened for synthesis: its models, and what earlier runs derived from its weights.

Two things are stored under the cache's root and used by later runs: the quantized layers of the
LLM, and the LLM's state after the prompts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from podtts.device.placement import Placement, arithmetic, dtype_name
from podtts.llm.prefix import PrefixStore
from podtts.storage.keyed_store import KeyedStore
from podtts.weights.digest import llm_digest
from podtts.weights.load import Models, load_models
from podtts.weights.quantized import quantized_store


@dataclass(frozen=True, eq=False)
class OpenedCheckpoint:
    """The models of a checkpoint, and the store of the LLM's state after the prompts."""

    models: Models
    prefixes: PrefixStore | None  # None: that state is not stored


def open_checkpoint(
    directory: Path,
    placement: Placement,
    root: Path,
    warn: Callable[[str], None],
    *,
    keeps_prefixes: bool = True,
) -> OpenedCheckpoint:
    """Load a checkpoint with the stores that belong to it.

    root:           of the cache.
    warn:           is called with one line for a stored file that is damaged or cannot be written.
    keeps_prefixes: whether the LLM's state after the prompts is stored.
    Raises ModelError naming file and tensor, DeviceError when memory does not suffice.
    """

    def quantized(dtype: str) -> KeyedStore:
        return quantized_store(root, {"llm": _llm(directory, root), "dtype": dtype}, warn)

    models = load_models(directory, placement, quantized)
    if not keeps_prefixes:
        return OpenedCheckpoint(models, None)
    identity = {
        "llm": _llm(directory, root),
        "arithmetic": arithmetic(placement.device, placement.quantize),
        "dtype": dtype_name(models.llm_dtype),
    }
    return OpenedCheckpoint(models, PrefixStore(root, identity, warn))


def _llm(directory: Path, root: Path) -> str:
    return llm_digest(directory, root / "digests")
