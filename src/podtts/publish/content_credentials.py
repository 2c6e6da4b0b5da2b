"""Signs the file of an episode (C2PA): who signed it, and that a model made it.

A signature carries its time, so a signed file does not repeat byte for byte.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import podtts
from podtts.audio.metadata import MADE_BY_A_MODEL
from podtts.audio.wav import wav_header
from podtts.errors import UsageError
from podtts.publish.publish_options import AudioFormat, Credentials
from podtts.rates import OUTPUT_HZ

_MEDIA_TYPES = {
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "m4b": "audio/mp4",
}
_ADVICE = (
    "C2PA needs a PEM file with a certificate and those that vouch for it, and a PEM file with its "
    "private key without a password"
)


def sign(path: Path, kind: AudioFormat, credentials: Credentials, title: str) -> None:
    """Sign a complete file in place. Raises UsageError, OSError."""
    signed = path.with_name(f"{path.name}.signed")
    try:
        with path.open("rb") as source, signed.open("x+b") as target:
            _sign(source, target, _MEDIA_TYPES[kind], credentials, title)
        signed.replace(path)
    finally:
        signed.unlink(missing_ok=True)


def check_credentials(credentials: Credentials) -> None:
    """Sign something short. Raises UsageError for a certificate and a key that cannot."""
    sample = wav_header(OUTPUT_HZ) + bytes(2 * OUTPUT_HZ)
    _sign(io.BytesIO(sample), io.BytesIO(), _MEDIA_TYPES["wav"], credentials, "")


def _sign(
    source: BinaryIO, target: BinaryIO, media_type: str, credentials: Credentials, title: str
) -> None:
    import c2pa

    created = {"action": "c2pa.created", "digitalSourceType": MADE_BY_A_MODEL}
    manifest = {
        "claim_generator_info": [{"name": "podtts", "version": podtts.__version__}],
        "title": title,
        "format": media_type,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }
    try:
        with (
            _signer(credentials) as signer,
            c2pa.Builder(json.dumps(manifest)) as builder,
        ):
            builder.sign(signer, media_type, source, target)
    except c2pa.C2paError as error:
        raise _refused(credentials, str(error)) from error


@contextmanager
def _signer(credentials: Credentials) -> Iterator[Any]:
    import c2pa

    try:
        certificate = Path(credentials.certificate).read_text(encoding="ascii")
        key = Path(credentials.key).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(credentials, str(error)) from error
    algorithm = _algorithm(credentials, key)
    # Without an authority for time stamps: signing sends nothing to anybody.
    info = c2pa.C2paSignerInfo(algorithm, certificate.encode(), key.encode(), None)
    with c2pa.Signer.from_info(info) as signer:
        yield signer


def _algorithm(credentials: Credentials, key: str) -> str:
    """Return the name of the signature algorithm that a private key is for."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        loaded = load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _refused(credentials, f"{credentials.key}: {error}") from error
    if isinstance(loaded, ec.EllipticCurvePrivateKey) and loaded.key_size in (256, 384, 521):
        return {256: "es256", 384: "es384", 521: "es512"}[loaded.key_size]
    if isinstance(loaded, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(loaded, rsa.RSAPrivateKey):
        return "ps256"
    raise _refused(credentials, f"{credentials.key} is of no kind that C2PA signs with")


def _refused(credentials: Credentials, reason: str) -> UsageError:
    return UsageError(
        f"cannot sign with {credentials.certificate} and {credentials.key}: {reason}", _ADVICE
    )
