"""Signed episodes, verified by c2pa's own reader with a certificate made on the spot."""

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import c2pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from support.media import find, png

from podtts.audio.metadata import MADE_BY_A_MODEL, AudioMetadata
from podtts.audio.pictures import Picture
from podtts.errors import UsageError
from podtts.publish.content_credentials import check_credentials
from podtts.publish.publish_options import (
    WITH_SIGNATURE,
    AudioFormat,
    Credentials,
    PublishOptions,
)
from podtts.publish.publishing import publish
from podtts.publish.timeline import Timeline

Make = Callable[..., tuple[Path, Timeline]]


def name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Bridges"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def certificate(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """A certificate that may sign content, or that vouches for others if it is its own issuer."""
    is_root = subject == issuer
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_root,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if not is_root:
        email = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(email, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    """A certificate with the one that vouches for it, and its key."""
    folder = tmp_path_factory.mktemp("credentials")
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    chain = (
        certificate("A podcaster", key, "A root", root_key),
        certificate("A root", root_key, "A root", root_key),
    )
    pem = b"".join(each.public_bytes(Encoding.PEM) for each in chain)
    (folder / "chain.pem").write_bytes(pem)
    raw = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(raw)
    return Credentials(str(folder / "chain.pem"), str(folder / "key.pem"))


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(c2pa.Reader(str(path)).json())
    return content


@pytest.mark.parametrize("kind", WITH_SIGNATURE)
def test_a_signed_episode_is_verified_and_says_that_a_model_made_it(
    kind: AudioFormat, mixed: Make, tags: AudioMetadata, credentials: Credentials, tmp_path: Path
) -> None:
    mix, timeline = mixed(2)
    output = tmp_path / ("talk.m4a" if kind == "m4b" else f"talk.{kind}")  # the reader's endings
    cover = None if kind == "wav" else Picture(png(), "image/png")
    options = PublishOptions(
        format=kind,
        chapters=True,
        cover=cover,
        credentials=credentials,
    )
    publish(mix, timeline, output, options, tags, print)
    content = read(output)
    problems = {each["code"] for each in content.get("validation_status", [])}
    assert problems <= {"signingCredential.untrusted"}  # nobody knows this root
    manifest = content["manifests"][content["active_manifest"]]
    assert manifest["signature_info"]["issuer"] == "Bridges"
    [actions] = [each for each in manifest["assertions"] if "actions" in each["label"]]
    [action] = actions["data"]["actions"]
    assert (action["action"], action["digitalSourceType"]) == ("c2pa.created", MADE_BY_A_MODEL)
    found = find(output)
    assert found.texts.get("title", found.texts.get("TITLE")) == tags.title
    assert abs(found.samples - timeline.samples) < 2500
    if kind in ("mp3", "m4a", "m4b"):
        assert [title for title, _, _ in found.chapters] == ["Opening", "The end"]
    if cover is not None:
        assert found.cover == cover.data
    damaged = bytearray(output.read_bytes())
    middle = len(damaged) // 2
    damaged[middle] ^= 1
    bad = tmp_path / f"damaged{output.suffix}"
    bad.write_bytes(damaged)
    codes = {each["code"] for each in read(bad)["validation_status"]}
    assert codes & {"assertion.dataHash.mismatch", "assertion.bmffHash.mismatch"}


def test_what_cannot_sign_is_refused_before_any_work(
    credentials: Credentials, tmp_path: Path
) -> None:
    check_credentials(credentials)
    (tmp_path / "text.pem").write_text("no key")
    other = ec.generate_private_key(ec.SECP256R1())
    raw = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "other.pem").write_bytes(raw)
    for certificate_file, key_file in (
        (credentials.certificate, str(tmp_path / "none.pem")),
        (credentials.certificate, str(tmp_path / "text.pem")),
        (credentials.certificate, str(tmp_path / "other.pem")),  # of another certificate
        (str(tmp_path / "text.pem"), credentials.key),
    ):
        with pytest.raises(UsageError, match="cannot sign with"):
            check_credentials(Credentials(certificate_file, key_file))
    unsigned: tuple[AudioFormat, ...] = ("ogg", "opus")
    for kind in unsigned:
        with pytest.raises(UsageError, match=f"c2pa: {kind} files have no place for it"):
            PublishOptions(format=kind, credentials=credentials)
