"""Compiled code computes the same bits with every compiler and every text of its source.

Caches and journals made with these bits are used as long as `numerics` of an instruction set stays
the same. So the bits are pinned: where a change of them is meant, change `numerics` and pin the new
ones.
"""

import shutil
from ctypes import CDLL
from dataclasses import replace
from pathlib import Path

import pytest
from support.compiled_models import Estimator, Layers, LibraryOf, VocoderLevel, digest

from podtts.native import build
from podtts.native.build import FOLDER, INSTRUCTION_SETS, InstructionSet
from podtts.native.cpu_features import cpu_features
from podtts.native.library import compiled_for

BY_NAME = {isa.name: isa for isa in INSTRUCTION_SETS}

PINNED: dict[str, dict[str, str]] = {
    "b7d086439a371c1c": {
        "prefill in 4 bits, cache in float32": "aa6663f695f5c989",
        "decode in 4 bits, cache in float32": "140ba94bcd5779d2",
        "prefill in 4 bits, cache in bfloat16": "a86908ca2da32500",
        "decode in 4 bits, cache in bfloat16": "cd24aa3dfdfb1244",
        "prefill in 8 bits, cache in float32": "b22b529527d039f4",
        "decode in 8 bits, cache in float32": "25c70acdbbdd2553",
        "prefill in 8 bits, cache in bfloat16": "8a4c074542dfbb74",
        "decode in 8 bits, cache in bfloat16": "72eeba16c97e91dc",
        "prefill in 16 bits, cache in float32": "c983406cd6b95970",
        "decode in 16 bits, cache in float32": "c91666151c1fa38d",
        "prefill in 16 bits, cache in bfloat16": "379fc6d411e8caec",
        "decode in 16 bits, cache in bfloat16": "7c813fd126697703",
        "logits": "8a924081bab1f677",
        "velocity in 8 bits, chunks of 0": "b166ca44eb811a9d",
        "velocity in 8 bits, chunks of 20": "eac0e8f0ac7dbf01",
        "velocity in 16 bits, chunks of 0": "a27ddb01273cc628",
        "velocity in 16 bits, chunks of 20": "4138abe12fea6d8b",
        "velocity in 32 bits, chunks of 0": "eb5340fd7fac732a",
        "velocity in 32 bits, chunks of 20": "7f7259e24bc69bf9",
        "parts in 8 bits": "92a0290ee1e5d625",
        "parts in 16 bits": "24338f1bfabb8aab",
        "parts in 32 bits": "5794c06e9b7dfff5",
        "24 channels in 16 bits": "e817f04571e0f57e",
        "24 channels in 32 bits": "5dbf31cf5f65bb66",
        "64 channels in 16 bits": "0e167d01c3cfb51f",
        "64 channels in 32 bits": "411a9335ff30beed",
    },
    "c8af211ef2fe8eb1": {  # avx512-vnni
        "prefill in 4 bits, cache in float32": "aa6663f695f5c989",
        "decode in 4 bits, cache in float32": "140ba94bcd5779d2",
        "prefill in 4 bits, cache in bfloat16": "a86908ca2da32500",
        "decode in 4 bits, cache in bfloat16": "cd24aa3dfdfb1244",
        "prefill in 8 bits, cache in float32": "b22b529527d039f4",
        "decode in 8 bits, cache in float32": "25c70acdbbdd2553",
        "prefill in 8 bits, cache in bfloat16": "8a4c074542dfbb74",
        "decode in 8 bits, cache in bfloat16": "72eeba16c97e91dc",
        "prefill in 16 bits, cache in float32": "f8b90900ab35e2da",
        "decode in 16 bits, cache in float32": "bca3485f0c03fdd9",
        "prefill in 16 bits, cache in bfloat16": "5fb944d2e719a52e",
        "decode in 16 bits, cache in bfloat16": "19ebf64f4b7d74f8",
        "logits": "8a924081bab1f677",
        "velocity in 8 bits, chunks of 0": "7080727af3614e62",
        "velocity in 8 bits, chunks of 20": "6221b710dff5a3cc",
        "velocity in 16 bits, chunks of 0": "eb5340fd7fac732a",
        "velocity in 16 bits, chunks of 20": "7f7259e24bc69bf9",
        "velocity in 32 bits, chunks of 0": "eb5340fd7fac732a",
        "velocity in 32 bits, chunks of 20": "7f7259e24bc69bf9",
        "parts in 8 bits": "eea3c0f51f604ba8",
        "parts in 16 bits": "5794c06e9b7dfff5",
        "parts in 32 bits": "5794c06e9b7dfff5",
        "24 channels in 16 bits": "5dbf31cf5f65bb66",
        "24 channels in 32 bits": "5dbf31cf5f65bb66",
        "64 channels in 16 bits": "411a9335ff30beed",
        "64 channels in 32 bits": "411a9335ff30beed",
    },
    "53b97a3fe19358c7": {  # avx2
        "prefill in 4 bits, cache in float32": "84aa3dbbfd3f78ca",
        "decode in 4 bits, cache in float32": "7740ca6acd9f45a7",
        "prefill in 4 bits, cache in bfloat16": "fff17d12597ae4dd",
        "decode in 4 bits, cache in bfloat16": "bf96c80758339fed",
        "prefill in 8 bits, cache in float32": "e6d7e7ff5fe4d9a0",
        "decode in 8 bits, cache in float32": "2531a7ef6b4cf9f6",
        "prefill in 8 bits, cache in bfloat16": "6fbeeab84294a53d",
        "decode in 8 bits, cache in bfloat16": "8af17736b78beca1",
        "prefill in 16 bits, cache in float32": "6490bb2281111c8d",
        "decode in 16 bits, cache in float32": "4cbd9f508724c2cd",
        "prefill in 16 bits, cache in bfloat16": "d0b72cef61e1a7f6",
        "decode in 16 bits, cache in bfloat16": "0cc63313fbe52c34",
        "logits": "8a924081bab1f677",
        "velocity in 8 bits, chunks of 0": "e866fec9769e7bb9",
        "velocity in 8 bits, chunks of 20": "b251fdd55481bfdd",
        "velocity in 16 bits, chunks of 0": "fad34580b6996625",
        "velocity in 16 bits, chunks of 20": "163976c1845c2b78",
        "velocity in 32 bits, chunks of 0": "fad34580b6996625",
        "velocity in 32 bits, chunks of 20": "163976c1845c2b78",
        "parts in 8 bits": "9fb5677623f4e67f",
        "parts in 16 bits": "1797277cc765312c",
        "parts in 32 bits": "1797277cc765312c",
        "24 channels in 16 bits": "5dbf31cf5f65bb66",
        "24 channels in 32 bits": "5dbf31cf5f65bb66",
        "64 channels in 16 bits": "411a9335ff30beed",
        "64 channels in 32 bits": "411a9335ff30beed",
    },
    "13ff4f4362beb17b": {  # neon-bf16
        "prefill in 4 bits, cache in float32": "d8b537d642fe5105",
        "decode in 4 bits, cache in float32": "93d1fe5e131cfbac",
        "prefill in 4 bits, cache in bfloat16": "6628863dea11a0fc",
        "decode in 4 bits, cache in bfloat16": "e09552f39906c9bc",
        "prefill in 8 bits, cache in float32": "4a835f846ed0dab6",
        "decode in 8 bits, cache in float32": "3dfd88ea7a4eabe5",
        "prefill in 8 bits, cache in bfloat16": "1441877557565a53",
        "decode in 8 bits, cache in bfloat16": "ad6fa7de4d2d8b61",
        "prefill in 16 bits, cache in float32": "d97a1b3a3fabd416",
        "decode in 16 bits, cache in float32": "8700b82946c63264",
        "prefill in 16 bits, cache in bfloat16": "f9130aa73249ebb4",
        "decode in 16 bits, cache in bfloat16": "e437ed1e2f935634",
        "logits": "8a924081bab1f677",
        "velocity in 8 bits, chunks of 0": "1e8645bcb17630df",
        "velocity in 8 bits, chunks of 20": "0bf62f9e12f21948",
        "velocity in 16 bits, chunks of 0": "bd89fc1e415d8ea3",
        "velocity in 16 bits, chunks of 20": "91d852a3207c4c99",
        "velocity in 32 bits, chunks of 0": "f66a6ee81b6e4843",
        "velocity in 32 bits, chunks of 20": "370be4c51a69eb28",
        "parts in 8 bits": "5d6c0e39ce31927d",
        "parts in 16 bits": "b55c5a8398666ea3",
        "parts in 32 bits": "28953e7f8e61adbd",
        "24 channels in 16 bits": "ccc6db64a182f338",
        "24 channels in 32 bits": "5dbf31cf5f65bb66",
        "64 channels in 16 bits": "b8f8973376fa350e",
        "64 channels in 32 bits": "411a9335ff30beed",
    },
    "77cb2e1fbe8cf908": {  # neon
        "prefill in 4 bits, cache in float32": "d8b537d642fe5105",
        "decode in 4 bits, cache in float32": "93d1fe5e131cfbac",
        "prefill in 4 bits, cache in bfloat16": "6628863dea11a0fc",
        "decode in 4 bits, cache in bfloat16": "e09552f39906c9bc",
        "prefill in 8 bits, cache in float32": "4a835f846ed0dab6",
        "decode in 8 bits, cache in float32": "3dfd88ea7a4eabe5",
        "prefill in 8 bits, cache in bfloat16": "1441877557565a53",
        "decode in 8 bits, cache in bfloat16": "ad6fa7de4d2d8b61",
        "prefill in 16 bits, cache in float32": "6216302479716eee",
        "decode in 16 bits, cache in float32": "87514f99ab857bfc",
        "prefill in 16 bits, cache in bfloat16": "4b8e86ed2dd19a9d",
        "decode in 16 bits, cache in bfloat16": "9122281f924e7f3d",
        "logits": "8a924081bab1f677",
        "velocity in 8 bits, chunks of 0": "2d59a6e7c8086a1f",
        "velocity in 8 bits, chunks of 20": "5ec6fc7c03fc2581",
        "velocity in 16 bits, chunks of 0": "f66a6ee81b6e4843",
        "velocity in 16 bits, chunks of 20": "370be4c51a69eb28",
        "velocity in 32 bits, chunks of 0": "f66a6ee81b6e4843",
        "velocity in 32 bits, chunks of 20": "370be4c51a69eb28",
        "parts in 8 bits": "c733266e64f65808",
        "parts in 16 bits": "28953e7f8e61adbd",
        "parts in 32 bits": "28953e7f8e61adbd",
        "24 channels in 16 bits": "5dbf31cf5f65bb66",
        "24 channels in 32 bits": "5dbf31cf5f65bb66",
        "64 channels in 16 bits": "411a9335ff30beed",
        "64 channels in 32 bits": "411a9335ff30beed",
    },
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("cache", ["float32", "bfloat16"])
@pytest.mark.parametrize("bits", [4, 8, 16])
def test_bits_of_the_layers_are_pinned(
    bits: int, cache: str, threads: int, isa: InstructionSet, library_of: LibraryOf
) -> None:
    library = library_of("layers")
    layers = Layers(library, bits, threads)
    try:
        prefill = layers.forward([3], 70, cache == "bfloat16")
        decode = layers.forward([2 * row for row in range(11)], 1, cache == "bfloat16")
    finally:
        library.podtts_layers_free(layers.model)
    pinned = PINNED[isa.numerics]
    assert digest(*prefill) == pinned[f"prefill in {bits} bits, cache in {cache}"]
    assert digest(*decode) == pinned[f"decode in {bits} bits, cache in {cache}"]


def test_bits_of_the_output_head_are_pinned(isa: InstructionSet, library_of: LibraryOf) -> None:
    library = library_of("layers")
    layers = Layers(library, 16, threads=2)
    try:
        assert digest(layers.logits(rows=9)) == PINNED[isa.numerics]["logits"]
    finally:
        library.podtts_layers_free(layers.model)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("chunk", [0, 20])
@pytest.mark.parametrize("bits", [8, 16, 32])
def test_bits_of_the_estimator_are_pinned(
    bits: int, chunk: int, threads: int, isa: InstructionSet, library_of: LibraryOf
) -> None:
    library = library_of("estimator")
    estimator = Estimator(library, bits, threads)
    try:
        velocity = estimator.evaluate(2, 101, chunk)
    finally:
        library.podtts_estimator_free(estimator.model)
    assert digest(velocity) == PINNED[isa.numerics][f"velocity in {bits} bits, chunks of {chunk}"]


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("bits", [8, 16, 32])
def test_bits_of_an_estimator_that_goes_on_are_pinned(
    bits: int, threads: int, isa: InstructionSet, library_of: LibraryOf
) -> None:
    library = library_of("estimator")
    estimator = Estimator(library, bits, threads)
    try:
        velocities = estimator.extend(2, [101, 50, 1, 7, 54])
    finally:
        library.podtts_estimator_free(estimator.model)
    assert digest(*velocities) == PINNED[isa.numerics][f"parts in {bits} bits"]


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("channels", [24, 64])
@pytest.mark.parametrize("bits", [16, 32])
def test_bits_of_a_level_of_the_vocoder_are_pinned(
    bits: int, channels: int, threads: int, isa: InstructionSet, library_of: LibraryOf
) -> None:
    """Whole, and in parts whose x and source come at other times."""
    library = library_of("vocoder")
    level = type("Sized", (VocoderLevel,), {"channels": channels})(library, bits, threads)
    try:
        whole = level.extend([(300, 300)])
        parts = level.extend([(0, 31), (9, 0), (120, 60), (1, 1), (100, 99), (70, 109)])
    finally:
        library.podtts_vocoder_free(level.model)
    assert digest(parts) == digest(whole)
    assert digest(whole) == PINNED[isa.numerics][f"{channels} channels in {bits} bits"]


@pytest.mark.skipif(
    not cpu_features().issuperset(BY_NAME["avx512-vnni"].features),
    reason="this CPU has no VNNI for vectors of AVX2",
)
def test_avx_vnni_gives_the_bits_of_avx2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same instruction in the encoding of AVX512, as few CPUs have AVX-VNNI itself."""
    avx2 = BY_NAME["avx2"]
    shutil.copytree(FOLDER, tmp_path / "native", ignore=shutil.ignore_patterns("*.so"))
    for file, changes in (
        ("vectors.h", {"defined(__AVX512F__)": "false"}),
        ("vectors_avx2.h", {"%{vex%} vpdpbusd": "vpdpbusd", "__AVXVNNI__": "__AVX512VNNI__"}),
    ):
        header = tmp_path / "native" / file
        text = header.read_text()
        for before, after in changes.items():
            assert before in text
            text = text.replace(before, after)
        header.write_text(text)
    monkeypatch.setattr(build, "FOLDER", tmp_path / "native")
    flags = (*avx2.flags, "-mavx512vl", "-mavx512vnni")
    library = compiled_for("layers", replace(avx2, name="avx2-vnni-in-avx512", flags=flags))
    assert isinstance(library, CDLL)
    for bits in (4, 8):
        layers = Layers(library, bits, threads=1)
        try:
            prefill = digest(*layers.forward([3], 70, False))
        finally:
            library.podtts_layers_free(layers.model)
        assert prefill == PINNED[avx2.numerics][f"prefill in {bits} bits, cache in float32"]
