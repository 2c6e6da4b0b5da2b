"""The LLM's state after the prompts, kept on disk: the next run of a cast starts behind them.

An entry is found by all that decides its bits: weights, dtype, the machine's arithmetic, and what
was read. The prompts are read in one call of their own whether an entry exists or not, so what
follows is the same to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from podtts.llm.kv_cache import KVCache
from podtts.storage.keyed_store import KeyedStore
from podtts.storage.sealed import Array, SealError
from podtts.storage.torch_arrays import to_array, to_tensor

FOLDER = "prefixes"
_FORM = "podtts-prefix-1"
_LIMIT_BYTES = 2 * 2**30  # of the folder: five casts of four 30 s prompts at the published size


class PrefixStore:
    """The folder `prefixes` under a root, for one model on one machine.

    identity: what decides the bits besides the prompts: the LLM's digest, dtype, arithmetic.
    limit_bytes: of the folder; what was not used for longest goes first.
    """

    def __init__(
        self,
        root: Path,
        identity: Mapping[str, str],
        warn: Callable[[str], None],
        limit_bytes: int = _LIMIT_BYTES,
    ) -> None:
        self._store = KeyedStore(root, FOLDER, _FORM, identity, warn, limit_bytes)

    def read(self, request: object, cache: KVCache) -> list[list[int]] | None:
        """Fill an empty cache with what was kept for a request; return every prompt's ids.

        request: JSON values that, with the identity, decide the prompts' ids. None: nothing kept.
        """

        def take(tensors: Mapping[str, Array]) -> list[list[int]]:
            prompts = _prompts(tensors)
            _fill(cache, tensors)
            return prompts

        return self._store.read(request, take)

    def write(self, request: object, prompts: Sequence[Sequence[int]], cache: KVCache) -> None:
        """Keep the state of a cache that holds exactly the prompts, or say that this fails."""
        assert cache.length == sum(map(len, prompts))
        tensors = {
            "ids": np.array([token for prompt in prompts for token in prompt], np.int32),
            "lengths": np.array([len(prompt) for prompt in prompts], np.int32),
            "keys": to_array(cache.keys[:, 0, :, : cache.length]),
            "values": to_array(cache.values[:, 0, :, : cache.length]),
        }
        self._store.write(request, tensors)


def _prompts(tensors: Mapping[str, Array]) -> list[list[int]]:
    if tensors.keys() != {"ids", "lengths", "keys", "values"}:
        raise SealError("its tensors are not those of a prompts' state")
    ids, ends = tensors["ids"].tolist(), np.cumsum(tensors["lengths"]).tolist()
    if len(ids) != (ends[-1] if ends else 0):
        raise SealError("its prompts do not have the lengths it says")
    return [ids[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@torch.inference_mode()
def _fill(cache: KVCache, tensors: Mapping[str, Array]) -> None:
    length = len(tensors["ids"])
    cache.reserve(length)
    for name, whole in (("keys", cache.keys), ("values", cache.values)):
        kept, target = to_tensor(tensors[name]), whole[:, 0, :, :length]
        if kept.shape != target.shape or kept.dtype != target.dtype:
            raise SealError(f"its {name} are {kept.dtype} {tuple(kept.shape)}")
        target.copy_(kept)
    cache.advance(length)
