"""JSON files of texts with a seal, as `sealed` has it for tensors.

JSON would take a flipped bit in a text for another text. People can read these files; whoever
changes one breaks its seal.
"""

import hashlib
import json
from collections.abc import Mapping

from podtts.storage.sealed import SealError

_SEAL = "payload_sha256"


def seal_texts(texts: Mapping[str, str]) -> bytes:
    """Return the bytes of a file with these texts by name, in their order.

    The seal, `payload_sha256`, is the SHA-256 over the other texts as sorted, compact JSON.
    """
    sealed = {**texts, _SEAL: _digest(texts)}
    return json.dumps(sealed, ensure_ascii=False, indent=2).encode() + b"\n"


def unseal_texts(raw: bytes) -> tuple[dict[str, str], bool]:
    """Return the texts of a file, and whether it has a seal. Raises SealError if they changed.

    A file without a seal was written by an older version of podtts, or by hand.
    """
    try:
        texts = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise SealError(f"it is not JSON: {error}") from error
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise SealError("it is not an object of texts")
    seal = texts.pop(_SEAL, None)
    if seal not in (None, _digest(texts)):
        raise SealError("its content does not match its digest")
    return texts, seal is not None


def _digest(texts: Mapping[str, str]) -> str:
    compact = json.dumps(texts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(compact.encode(errors="surrogatepass")).hexdigest()
