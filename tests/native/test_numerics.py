"""Compiled code computes the same bits with every compiler and every text of its source.

Caches and journals made with these bits are used as long as `NUMERICS` stays the same. So the bits
are pinned: where a change of them is meant, change `NUMERICS` and pin the new ones.
"""

import pytest
from support.compiled_models import Estimator, Layers

from podtts.native.library import NUMERICS, Unavailable, estimator_library, layers_library

PINNED = {
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
    },
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("cache", ["float32", "bfloat16"])
@pytest.mark.parametrize("bits", [4, 8, 16])
def test_bits_of_the_layers_are_pinned(bits: int, cache: str, threads: int) -> None:
    library = layers_library(bits)
    if isinstance(library, Unavailable):
        pytest.skip(library.reason)
    layers = Layers(library, bits, threads)
    try:
        prefill = layers.forward([3], 70, cache == "bfloat16")
        decode = layers.forward([2 * row for row in range(11)], 1, cache == "bfloat16")
    finally:
        library.podtts_layers_free(layers.model)
    pinned = PINNED[NUMERICS]
    assert prefill == pinned[f"prefill in {bits} bits, cache in {cache}"]
    assert decode == pinned[f"decode in {bits} bits, cache in {cache}"]


def test_bits_of_the_output_head_are_pinned() -> None:
    library = layers_library(16)
    if isinstance(library, Unavailable):
        pytest.skip(library.reason)
    layers = Layers(library, 16, threads=2)
    try:
        assert layers.logits(rows=9) == PINNED[NUMERICS]["logits"]
    finally:
        library.podtts_layers_free(layers.model)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("chunk", [0, 20])
@pytest.mark.parametrize("bits", [8, 16, 32])
def test_bits_of_the_estimator_are_pinned(bits: int, chunk: int, threads: int) -> None:
    library = estimator_library(bits)
    if isinstance(library, Unavailable):
        pytest.skip(library.reason)
    estimator = Estimator(library, bits, threads)
    try:
        velocity = estimator.evaluate(2, 101, chunk)
    finally:
        library.podtts_estimator_free(estimator.model)
    assert velocity == PINNED[NUMERICS][f"velocity in {bits} bits, chunks of {chunk}"]
