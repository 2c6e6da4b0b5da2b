"""The LLM's state after the prompts, kept on disk: the next run of a cast starts behind them.

One sealed file an entry, named by all that decides its bits: weights, dtype, the machine's
arithmetic, and what was read. The prompts are read in one call of their own whether an entry exists
or not, so what follows is the same to the bit. Anything damaged or foreign is a miss, and nothing
that goes wrong here fails a run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from podtts.llm.kv_cache import KVCache
from podtts.storage.atomic import sweep_temporaries, write_atomically
from podtts.storage.quarantine import Quarantine
from podtts.storage.regular import is_in_the_way, map_regular
from podtts.storage.sealed import BFLOAT16, KEYED_NAME, Array, SealError, sealed_parts, unseal_views

FOLDER = "prefixes"
_FORMAT = "podtts-prefix-1"
_LIMIT_BYTES = 2 * 2**30  # of the folder: five casts of four 30 s prompts at the published size


@dataclass(frozen=True)
class _Entry:
    path: Path
    size_bytes: int
    used: float  # seconds since 1970


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
        self._folder = root / FOLDER
        self._quarantine = Quarantine(root)
        self._identity = dict(identity)
        self._warn = warn
        self._limit_bytes = limit_bytes

    def read(self, request: object, cache: KVCache) -> list[list[int]] | None:
        """Fill an empty cache with what was kept for a request; return every prompt's ids.

        request: JSON values that, with the identity, decide the prompts' ids. None: nothing kept.
        """
        path = self._path(request)
        try:
            # The memory stays mapped as long as the tensors below live.
            tensors, metadata = unseal_views(map_regular(path, self._limit_bytes))
            if metadata.get("format") != _FORMAT or metadata.get("key") != path.stem:
                raise SealError("it was made for other prompts or another model")
            prompts = _prompts(tensors)
            _fill(cache, tensors)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except SealError as error:
            self._put_aside(path, str(error))
            return None
        except OSError as error:
            if is_in_the_way(error):
                self._put_aside(path, f"it is no entry: {error.strerror}")
            else:
                self._warn(f"{path} is not used: it cannot be read: {error.strerror}")
            return None
        with contextlib.suppress(OSError):  # read-only: then it was used all the same
            os.utime(path)
        return prompts

    def write(self, request: object, prompts: Sequence[Sequence[int]], cache: KVCache) -> None:
        """Keep the state of a cache that holds exactly the prompts, or say that this fails."""
        path = self._path(request)
        assert cache.length == sum(map(len, prompts))
        tensors = {
            "ids": np.array([token for prompt in prompts for token in prompt], np.int32),
            "lengths": np.array([len(prompt) for prompt in prompts], np.int32),
            "keys": _to_array(cache.keys[:, 0, :, : cache.length]),
            "values": _to_array(cache.values[:, 0, :, : cache.length]),
        }
        parts = sealed_parts(tensors, {"format": _FORMAT, "key": path.stem})
        size = sum(map(len, parts))
        if size > self._limit_bytes:
            return
        try:
            sweep_temporaries(self._folder)
            self._make_room(size)
            write_atomically(path, *parts)
        except OSError as error:
            reason = error.strerror or str(error)
            self._warn(f"the prompts' state cannot be kept in {self._folder}: {reason}")

    def _path(self, request: object) -> Path:
        whole = json.dumps([_FORMAT, self._identity, request], sort_keys=True)
        return self._folder / f"{hashlib.sha256(whole.encode()).hexdigest()}.safetensors"

    def _make_room(self, size: int) -> None:
        entries = sorted(_entries(self._folder), key=lambda entry: (entry.used, entry.path))
        excess = sum(entry.size_bytes for entry in entries) + size - self._limit_bytes
        for entry in entries:
            if excess <= 0:
                return
            entry.path.unlink(missing_ok=True)
            excess -= entry.size_bytes

    def _put_aside(self, path: Path, reason: str) -> None:
        try:
            kept = self._quarantine.take(path)
        except OSError as error:
            self._warn(f"{path} is not used: {reason}; it cannot be moved away: {error.strerror}")
        else:
            if kept:
                self._warn(f"{path} is not used: {reason}; it was moved to {kept}")


def _entries(folder: Path) -> list[_Entry]:
    found = []
    for path in sorted(folder.glob("*.safetensors")):
        if KEYED_NAME.fullmatch(path.name):
            with contextlib.suppress(OSError):  # gone in between
                status = path.lstat()
                found.append(_Entry(path, status.st_size, status.st_mtime))
    return found


def _prompts(tensors: Mapping[str, Array]) -> list[list[int]]:
    if tensors.keys() != {"ids", "lengths", "keys", "values"}:
        raise SealError("its tensors are not those of a prompts' state")
    ids, ends = tensors["ids"].tolist(), np.cumsum(tensors["lengths"]).tolist()
    if len(ids) != (ends[-1] if ends else 0):
        raise SealError("its prompts do not have the lengths it says")
    return [ids[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _fill(cache: KVCache, tensors: Mapping[str, Array]) -> None:
    length = len(tensors["ids"])
    cache.reserve(length)
    for name, whole in (("keys", cache.keys), ("values", cache.values)):
        kept, target = _to_tensor(tensors[name], whole.dtype), whole[:, 0, :, :length]
        if kept.shape != target.shape:
            raise SealError(f"its {name} have shape {tuple(kept.shape)}")
        target.copy_(kept)
    cache.advance(length)


def _to_array(tensor: Tensor) -> Array:
    tensor = tensor.cpu().contiguous()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(BFLOAT16)
    array: Array = tensor.numpy()
    return array


def _to_tensor(array: Array, dtype: torch.dtype) -> Tensor:
    if array.dtype == BFLOAT16:
        return torch.from_numpy(array.view(np.int16)).view(dtype)
    return torch.from_numpy(array)
