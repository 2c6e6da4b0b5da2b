"""What runs keep under the cache's root beside prompts, for one model on one device."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podtts.device.placement import Placement
    from podtts.llm.prefix import PrefixStore
    from podtts.storage.keyed_store import KeyedStore


def prefix_store(
    root: Path, directory: Path, placement: Placement, dtype: str, warn: Callable[[str], None]
) -> PrefixStore:
    """Where the LLM's state after the prompts is kept; dtype: what it runs in."""
    from podtts.device.placement import arithmetic
    from podtts.llm.prefix import PrefixStore

    identity = {
        "llm": _llm(root, directory),
        "arithmetic": arithmetic(placement.device, placement.quantize),
        "dtype": dtype,
    }
    return PrefixStore(root, identity, warn)


def quantized_store_for(
    root: Path, directory: Path, warn: Callable[[str], None]
) -> Callable[[str], KeyedStore]:
    """Where the LLM's quantized layers are kept, by the dtype it runs in."""
    from podtts.weights.quantized import quantized_store

    def store(dtype: str) -> KeyedStore:
        return quantized_store(root, {"llm": _llm(root, directory), "dtype": dtype}, warn)

    return store


def _llm(root: Path, directory: Path) -> str:
    from podtts.weights.digest import llm_digest

    return llm_digest(directory, root / "digests")
