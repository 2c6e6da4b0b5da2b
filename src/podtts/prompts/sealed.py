"""Safetensors files with a seal: a digest in the metadata over everything else in the file.

Safetensors notices a file cut short, but has no checksum, so a flipped bit would load. Its writer
also orders metadata at random; here equal content always gives equal bytes. Any safetensors
reader opens these files.
"""

import hashlib
import json
from collections.abc import Mapping

import numpy as np
import safetensors
from numpy.typing import NDArray

Array = NDArray[np.generic]

_SEAL = "payload_sha256"
_DTYPES: dict[str, np.dtype[np.generic]] = {"F32": np.dtype("<f4"), "I32": np.dtype("<i4")}
_DTYPE_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_LENGTH_BYTES = 8  # of the header's length, at the start of the file; the header is padded to it


class SealError(Exception):
    """Bytes that `seal` did not write, or that were changed since."""


def seal(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
    """Return the bytes of a safetensors file of float32 and int32 tensors, in order of names.

    The seal, `payload_sha256` in the metadata, is the SHA-256 over names, dtypes, shapes, offsets
    and metadata (the header as sorted, compact JSON without the seal), then the tensors' bytes.
    """
    header: dict[str, object] = {}
    payload = bytearray()
    for name, tensor in sorted(tensors.items()):
        start = len(payload)
        payload += tensor.tobytes()
        header[name] = {
            "dtype": _DTYPE_NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, len(payload)],
        }
    unsealed = _to_json(header | {"__metadata__": dict(metadata)})
    digest = hashlib.sha256(unsealed + payload).hexdigest()
    sealed = _to_json(header | {"__metadata__": {**metadata, _SEAL: digest}})
    sealed += b" " * (-len(sealed) % _LENGTH_BYTES)
    return len(sealed).to_bytes(_LENGTH_BYTES, "little") + sealed + payload


def unseal(raw: bytes) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the tensors (in memory of their own) and the metadata (without the seal) of a file.

    Raises SealError unless sealing them again gives exactly these bytes.
    """
    try:
        stored = safetensors.deserialize(raw)
        tensors = {
            name: np.frombuffer(view["data"], _DTYPES[view["dtype"]]).reshape(view["shape"])
            for name, view in stored
        }
        header_end = _LENGTH_BYTES + int.from_bytes(raw[:_LENGTH_BYTES], "little")
        metadata = json.loads(raw[_LENGTH_BYTES:header_end])["__metadata__"]
        del metadata[_SEAL]
    except (safetensors.SafetensorError, ValueError) as error:
        raise SealError(str(error)) from error
    except KeyError as error:
        raise SealError(f"unknown or missing {error}") from error
    if seal(tensors, metadata) != raw:
        raise SealError("its content does not have the digest it was written with")
    return tensors, metadata


def _to_json(header: Mapping[str, object]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
