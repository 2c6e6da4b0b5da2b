"""Compiled code works with the sizes that it takes, refuses all others, and never ends the process.

`make check-native` runs this with sanitizers, which find what is read or written out of bounds.
"""

import random
from collections.abc import Sequence

import numpy as np
import pytest
from support.compiled_models import (
    Estimator,
    Layers,
    Library,
    LibraryOf,
    VocoderLevel,
    address,
)
from support.emulated_library import EmulatedLibrary

from podtts.native.library import REFUSED

ROUNDS, EMULATED = 60, 2  # sizes that are tried; that are taken of them in an emulator
SIZES = (16, 24, 32, 48, 64, 80, 96)  # of which all are whole vectors but one
COUNTS = (1, 2, 3, 4)
IMPOSSIBLE = (-(2**31), -1, 0, 2**16 + 16, 2**31 - 1)


def enough(library: Library, taken: int) -> bool:
    """An emulator takes long."""
    return isinstance(library, EmulatedLibrary) and taken == EMULATED


def one_is_impossible(sizes: Sequence[int]) -> list[list[int]]:
    """The sizes with each of them in turn replaced by an impossible one."""
    return [
        [*sizes[:place], wrong, *sizes[place + 1 :]]
        for place in range(len(sizes))
        for wrong in IMPOSSIBLE
    ]


@pytest.mark.parametrize("bits", [4, 8, 16])
def test_layers_of_any_sizes(bits: int, library_of: LibraryOf) -> None:
    library, rng, taken = library_of("layers"), random.Random(bits), 0
    for _ in range(ROUNDS):
        names = ("layers", "hidden", "heads", "kv_heads", "head_size", "intermediate")
        kinds = (COUNTS, SIZES, COUNTS, COUNTS, SIZES, SIZES)
        sizes = [rng.choice(kind) for kind in kinds]
        if not library.podtts_layers_takes(*sizes, bits):
            assert library.podtts_layers_new(*sizes, bits, 1e-6, 2) is None
            continue
        if enough(library, taken):
            break
        taken += 1
        layers = type("Sized", (Layers,), dict(zip(names, sizes, strict=True)))(library, bits, 2)
        try:
            layers.forward([rng.randrange(9)], rng.randint(1, 70), rng.random() < 0.5)
            layers.forward([rng.randrange(9) for _ in range(9)], 1, rng.random() < 0.5)
            if bits == 16:
                layers.logits(rows=rng.randint(1, 9))
        finally:
            library.podtts_layers_free(layers.model)
    assert 0 < taken < ROUNDS


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_estimators_of_any_sizes(bits: int, library_of: LibraryOf) -> None:
    library, rng, taken = library_of("estimator"), random.Random(bits), 0
    names = ("input", "output", "channels", "time", "heads", "head_size", "feed_forward")
    kinds = (SIZES, SIZES, SIZES, SIZES, COUNTS, SIZES, SIZES)
    for _ in range(ROUNDS):
        sizes = [rng.choice(kind) for kind in kinds]
        if not library.podtts_estimator_takes(*sizes, 1, 3, bits):
            assert library.podtts_estimator_new(*sizes, 1, 3, bits, 1e-5, 2) is None
            continue
        if enough(library, taken):
            break
        taken += 1
        own = {**dict(zip(names, sizes, strict=True)), "blocks": 1}
        estimator = type("Sized", (Estimator,), own)(library, bits, 2)
        try:
            estimator.evaluate(rng.randint(1, 3), rng.randint(1, 100), rng.choice((0, 1, 20, 500)))
            estimator.extend(rng.randint(1, 3), [rng.randint(1, 100) for _ in range(3)])
        finally:
            library.podtts_estimator_free(estimator.model)
    assert 0 < taken < ROUNDS


@pytest.mark.parametrize("bits", [16, 32])
def test_levels_of_the_vocoder_of_any_sizes(bits: int, library_of: LibraryOf) -> None:
    library, rng, taken = library_of("vocoder"), random.Random(bits), 0
    for _ in range(ROUNDS):
        channels, dilations = rng.choice((4, 8, 12, 24, 32, 40, 72)), rng.choice(((1,), (2, 1, 4)))
        kernels = [rng.choice((1, 2, 3, 5, 11)) for _ in range(rng.randint(2, 4))]
        if not all(library.podtts_vocoder_takes(channels, kernel, 2, bits) for kernel in kernels):
            continue
        if enough(library, taken):
            break
        taken += 1
        own = {"channels": channels, "kernels": kernels, "dilations": dilations}
        level = type("Sized", (VocoderLevel,), own)(library, bits, 2)
        try:
            parts = [(rng.randint(0, 300), rng.randint(0, 300)) for _ in range(3)]
            behind = max(sum(part[0] for part in parts), sum(part[1] for part in parts)) + 1
            rest = tuple(behind - sum(part[which] for part in parts) for which in range(2))
            assert len(level.extend([*parts, (rest[0], rest[1])])) == behind
        finally:
            library.podtts_vocoder_free(level.model)
    assert 0 < taken < ROUNDS


def test_layers_of_impossible_sizes_are_refused(library_of: LibraryOf) -> None:
    library = library_of("layers")
    sizes = (2, 48, 6, 2, 32, 112, 8)
    assert library.podtts_layers_takes(*sizes)
    for wrong in one_is_impossible(sizes):
        assert not library.podtts_layers_takes(*wrong), wrong
        assert library.podtts_layers_new(*wrong, 1e-6, 1) is None


def test_estimators_of_impossible_sizes_are_refused(library_of: LibraryOf) -> None:
    library = library_of("estimator")
    sizes = (48, 16, 32, 64, 3, 16, 80, 2, 3, 32)
    assert library.podtts_estimator_takes(*sizes)
    for wrong in one_is_impossible(sizes):
        assert not library.podtts_estimator_takes(*wrong), wrong
        assert library.podtts_estimator_new(*wrong, 1e-5, 1) is None
    fewer_stages = (*sizes[:-2], 2, 32)
    assert not library.podtts_estimator_takes(*fewer_stages)


def test_levels_of_the_vocoder_of_impossible_sizes_are_refused(library_of: LibraryOf) -> None:
    library = library_of("vocoder")
    sizes = (24, 3, 5, 32)
    assert library.podtts_vocoder_takes(*sizes)
    for wrong in one_is_impossible(sizes):
        assert not library.podtts_vocoder_takes(*wrong), wrong
    for wrong in one_is_impossible((24, 3, 3)):
        assert library.podtts_vocoder_new(*wrong, 1) is None
    assert library.podtts_vocoder_new(24, 1, 3, 1) is None  # the source's block alone
    level = VocoderLevel(library, 32, 1)
    try:
        for number in (-1, 9, 0):  # the last one has weights
            assert level.pack(number, 3, 1, 32) == REFUSED
    finally:
        library.podtts_vocoder_free(level.model)


@pytest.mark.parametrize(
    ("x", "source", "queue"),
    [
        (-1, 1, (0, 0)),
        (1, -1, (0, 0)),
        (2**31 - 1, 1, (0, 0)),
        (1, 2**31 - 1, (0, 0)),
        (1, 1, (-1, 0)),
        (1, 1, (2**31 - 1, 0)),
        (1, 1, (3, -1)),
        (1, 1, (3, 4)),
        (1, 1, (99, 98)),
    ],
)
def test_parts_of_a_level_that_cannot_be_are_refused(
    x: int, source: int, queue: tuple[int, int], library_of: LibraryOf
) -> None:
    library = library_of("vocoder")
    level = VocoderLevel(library, 32, 1)
    queues = np.zeros((level.queues, 2), np.int32)
    queues[0] = queue
    before, after = address(queues), address(np.zeros_like(queues))
    try:
        assert library.podtts_vocoder_plan(level.model, before, x, source, 0, after) == REFUSED
        result = library.podtts_vocoder_extend(
            level.model, before, None, None, x, None, source, 0, None, None, None
        )
    finally:
        library.podtts_vocoder_free(level.model)
    assert result == REFUSED


def test_a_level_without_all_weights_is_refused(library_of: LibraryOf) -> None:
    library = library_of("vocoder")
    model = library.podtts_vocoder_new(24, 2, 1, 1)
    queues = np.zeros((5, 2), np.int32)
    arguments = model, address(queues), 1, 1, 1, address(np.zeros_like(queues))
    try:
        assert library.podtts_vocoder_plan(*arguments) == REFUSED
    finally:
        library.podtts_vocoder_free(model)


@pytest.mark.parametrize(
    ("rows", "tokens", "length", "capacity"),
    [
        (0, 1, 0, 9),
        (1, 0, 0, 9),
        (-1, 1, 0, 9),
        (1, 1, -1, 9),
        (1, 1, 9, 9),  # the cache is full
        (1, 4, 6, 9),
        (1, 2**31 - 1, 2**31 - 1, 2**31 - 1),
        (2**16, 2**16, 0, 2**17),
    ],
)
def test_tokens_without_room_in_the_cache_are_refused(
    rows: int, tokens: int, length: int, capacity: int, library_of: LibraryOf
) -> None:
    library = library_of("layers")
    layers = Layers(library, 8, 1)
    lengths = np.full(max(rows, 1), length, np.int32)
    nothing = [None] * 3
    try:
        result = library.podtts_layers_forward(
            *(layers.model, None, rows, tokens, address(lengths), None, None, 0, 0, capacity, 0),
            *nothing,
        )
    finally:
        library.podtts_layers_free(layers.model)
    assert result == REFUSED


@pytest.mark.parametrize(
    ("rows", "frames", "chunk"),
    [(0, 1, 0), (1, 0, 0), (1, -1, 0), (1, 1, -1), (1, 2**31 - 1, 0), (2**20, 1, 0)],
)
def test_rows_that_cannot_be_evaluated_at_once_are_refused(
    rows: int, frames: int, chunk: int, library_of: LibraryOf
) -> None:
    library = library_of("estimator")
    estimator = Estimator(library, 32, 1)
    try:
        result = library.podtts_estimator_evaluate(
            estimator.model, None, None, rows, frames, chunk, None, None
        )
    finally:
        library.podtts_estimator_free(estimator.model)
    assert result == REFUSED


@pytest.mark.parametrize(("rows", "frames"), [(0, 1), (1, 0), (1, -1), (1, 2**31 - 1), (2**20, 1)])
def test_parts_that_cannot_be_evaluated_at_once_are_refused(
    rows: int, frames: int, library_of: LibraryOf
) -> None:
    library = library_of("estimator")
    estimator = Estimator(library, 32, 1)
    try:
        result = library.podtts_estimator_extend(
            estimator.model, None, None, rows, frames, *[None] * 4
        )
    finally:
        library.podtts_estimator_free(estimator.model)
    assert result == REFUSED


def test_what_another_estimator_kept_is_refused(library_of: LibraryOf) -> None:
    """It is not read, and what was kept in fewer bits can be widened."""
    library = library_of("estimator")
    one, other = Estimator(library, 8, 1), Estimator(library, 32, 1)
    own = type("Sized", (Estimator,), {"feed_forward": 96})(library, 32, 1)
    try:
        _, before = one.next_part("x", 5, np.zeros(1, np.int64))
        kept = int(before[0])
        result = library.podtts_estimator_extend(
            *(other.model, None, None, 1, 5, address(before), None, None, None)
        )
        assert result == REFUSED
        assert not library.podtts_estimator_widen(one.model, kept)
        assert not library.podtts_estimator_widen(own.model, kept)
        wide = library.podtts_estimator_widen(other.model, kept)
        assert library.podtts_estimator_kept_bytes(wide)
        library.podtts_estimator_forget(kept)
        library.podtts_estimator_forget(wide)
    finally:
        for estimator in (one, other, own):
            library.podtts_estimator_free(estimator.model)


def test_an_output_head_that_is_no_whole_tiles_or_the_second_is_refused(
    library_of: LibraryOf,
) -> None:
    library = library_of("layers")
    layers = Layers(library, 16, 1)
    try:
        for outputs in (-16, 0, 24):
            assert library.podtts_layers_pack_head(layers.model, outputs, None) == REFUSED
        layers.logits(rows=1)
        assert library.podtts_layers_pack_head(layers.model, 16, None) == REFUSED
    finally:
        library.podtts_layers_free(layers.model)
