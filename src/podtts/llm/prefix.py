"""A store of the LLM's state after the prompts: the next run with this cast skips their prefill.

The key of an entry names all that decides its bits: weights, dtype, the machine's arithmetic and
the prompts. Prefill always computes the prompts in one call of their own, so the tokens after them
have the same bits with and without the store.
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
_FORMAT = "podtts-prefix-1"
_LIMIT_BYTES = 2 * 2**30  # of the folder: five casts of four 30 s prompts at the published size


class PrefixStore:
    """The folder `prefixes` under a root, for one model on one machine.

    identity:    what decides the bits besides the prompts: the LLM's digest, dtype, arithmetic.
    limit_bytes: of the folder; the least recently used entries are removed first.
    """

    def __init__(
        self,
        root: Path,
        identity: Mapping[str, str],
        warn: Callable[[str], None],
        limit_bytes: int = _LIMIT_BYTES,
    ) -> None:
        self._store = KeyedStore(root, FOLDER, _FORMAT, identity, warn, limit_bytes)

    def read(self, request: object, cache: KVCache) -> list[list[int]] | None:
        """Copy a stored state into an empty cache; return every prompt's ids, None: not stored.

        request: JSON values that, with the identity, decide the prompts' ids.
        """

        def load(tensors: Mapping[str, Array]) -> list[list[int]]:
            prompts = _prompts(tensors)
            _copy_to(cache, tensors)
            return prompts

        return self._store.read(request, load)

    def write(self, request: object, prompts: Sequence[Sequence[int]], cache: KVCache) -> None:
        """Store the state of a cache that holds exactly the prompts, or warn that this fails."""
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
        raise SealError("its tensors are not those of a state after prompts")
    ids, ends = tensors["ids"].tolist(), np.cumsum(tensors["lengths"]).tolist()
    if len(ids) != (ends[-1] if ends else 0):
        raise SealError("its prompts do not have the lengths that it names")
    return [ids[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@torch.inference_mode()
def _copy_to(cache: KVCache, tensors: Mapping[str, Array]) -> None:
    length = len(tensors["ids"])
    cache.reserve(length)
    for name, cached in (("keys", cache.keys), ("values", cache.values)):
        stored, target = to_tensor(tensors[name]), cached[:, 0, :, :length]
        if stored.shape != target.shape or stored.dtype != target.dtype:
            raise SealError(f"its {name} are {stored.dtype} {tuple(stored.shape)}")
        target.copy_(stored)
    cache.advance(length)
