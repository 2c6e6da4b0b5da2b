"""Safetensors files with a seal: a digest in the metadata over the rest of the file.

Safetensors detects truncated files but has no checksum, so it would load a flipped bit. Its writer
also orders metadata at random; here, equal content gives equal bytes. Every safetensors reader can
open these files.
"""

import hashlib
import json
import mmap
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]
Buffer = bytes | bytearray | memoryview | mmap.mmap

KEYED_NAME = re.compile(r"[0-9a-f]{64}\.safetensors")  # files whose name is the SHA-256 of a key
BFLOAT16 = np.dtype("V2")  # numpy has no bfloat16: two opaque bytes

_SEAL = "payload_sha256"
_DTYPES: dict[str, np.dtype[np.generic]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": BFLOAT16,
    "I32": np.dtype("<i4"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
}
_DTYPE_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_LENGTH_BYTES = 8  # of the header's length, at the start of the file
_ALIGNMENT = 64  # of the tensors in the file: kernels need it in mapped memory
_MAX_HEADER_BYTES = 2**20


class SealError(Exception):
    """These bytes were not written by `seal`, or they have changed since."""


def seal(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
    """Return the bytes of a safetensors file, in order of the tensors' names.

    The seal, `payload_sha256` in the metadata, is the SHA-256 over names, dtypes, shapes, offsets
    and metadata (the header as sorted, compact JSON without the seal), then the tensors' bytes.
    """
    return b"".join(sealed_parts(tensors, metadata))


def sealed_parts(
    tensors: Mapping[str, Array], metadata: Mapping[str, str]
) -> list[bytes | memoryview]:
    """Return the bytes of `seal` in parts, with the memory of the tensors instead of copies."""
    header: dict[str, object] = {}
    payload: list[memoryview] = []
    end = 0
    for name, tensor in sorted(tensors.items()):
        part = np.ascontiguousarray(tensor).reshape(-1).view(np.uint8)
        start, end = end, end + part.size
        header[name] = {
            "dtype": _DTYPE_NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
        payload.append(part.data)
    digest = hashlib.sha256(_to_json(header | {"__metadata__": dict(metadata)}))
    for data in payload:
        digest.update(data)
    sealed = _to_json(header | {"__metadata__": {**metadata, _SEAL: digest.hexdigest()}})
    sealed += b" " * (-(_LENGTH_BYTES + len(sealed)) % _ALIGNMENT)
    return [len(sealed).to_bytes(_LENGTH_BYTES, "little") + sealed, *payload]


def unseal(raw: Buffer) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the tensors (in memory of their own) and the metadata (without the seal) of a file.

    Raises SealError unless sealing them again gives exactly these bytes.
    """
    tensors, metadata = unseal_views(raw)
    return {name: tensor.copy() for name, tensor in tensors.items()}, metadata


def unseal_views(raw: Buffer) -> tuple[dict[str, Array], dict[str, str]]:
    """Like `unseal`, but the tensors are views of `raw`, such as a file mapped into memory."""
    view = memoryview(raw).cast("B")
    try:
        payload = _LENGTH_BYTES + int.from_bytes(view[:_LENGTH_BYTES], "little")
        if payload > min(len(view), _MAX_HEADER_BYTES):
            raise SealError("it is not a safetensors file, or it is cut short")
        header = json.loads(bytes(view[_LENGTH_BYTES:payload]))
        metadata = header.pop("__metadata__")
        del metadata[_SEAL]
        tensors = {name: _tensor(view[payload:], entry) for name, entry in header.items()}
        parts = sealed_parts(tensors, metadata)
    except KeyError as error:
        raise SealError(f"unknown or missing {error}") from error
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise SealError(f"it is not a safetensors file, or it is damaged: {error}") from error
    size = sum(len(part) for part in parts)
    if parts[0] != view[:payload] or size != len(view):
        raise SealError("its content does not match its checksum")
    return tensors, metadata


def _tensor(payload: memoryview, entry: Mapping[str, Any]) -> Array:
    start, end = entry["data_offsets"]
    tensor: Array = np.frombuffer(payload[start:end], _DTYPES[entry["dtype"]])
    return tensor.reshape(entry["shape"])


def _to_json(header: Mapping[str, object]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
