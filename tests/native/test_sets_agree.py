"""All instruction sets compute the same but for their roundings; ARM's in an emulator."""

import numpy as np
import pytest
from support.compiled_models import Array, Estimator, Layers, LibraryOf, VocoderLevel

from podtts.native.build import InstructionSet
from podtts.native.choice import Unavailable
from podtts.native.library import (
    estimator_library,
    instructions_of,
    layers_library,
    vocoder_library,
)

# Largest difference to the set that is chosen here, as a share of the RMS. In 8 bits and less, a
# last bit decides to which level an activation is rounded; in 16, some sets round activations to
# bfloat16 and others do not.
LAYERS = {4: 0.01, 8: 0.01, 16: 0.01}
ESTIMATOR = {8: 0.02, 16: 0.01, 32: 2e-6}
VOCODER = {16: 0.01, 32: 1e-6}
OTHER_LEVELS = 0.03  # in 8 bits, where one set is AVX2, whose activations have half as many levels


def difference(found: Array, expected: Array) -> float:
    difference = found.astype(np.float64) - expected
    return float(np.sqrt(np.mean(difference**2) / np.mean(expected.astype(np.float64) ** 2)))


@pytest.mark.parametrize("bits", LAYERS)
def test_layers_of_all_sets_agree(bits: int, library_of: LibraryOf) -> None:
    here = layers_library()
    if isinstance(here, Unavailable):
        pytest.skip(here.reason)
    states = []
    for library in (library_of("layers"), here):
        layers = Layers(library, bits, threads=1)
        try:
            states.append(layers.forward([3], 20, True)[0])
        finally:
            library.podtts_layers_free(layers.model)
    assert difference(*states) < LAYERS[bits]


@pytest.mark.parametrize("bits", ESTIMATOR)
def test_estimators_of_all_sets_agree(
    bits: int, isa: InstructionSet, library_of: LibraryOf
) -> None:
    here = estimator_library()
    if isinstance(here, Unavailable):
        pytest.skip(here.reason)
    velocities = []
    for library in (library_of("estimator"), here):
        estimator = Estimator(library, bits, threads=1)
        try:
            parts = estimator.extend(2, [20, 50, 3])
            velocities.append([estimator.evaluate(2, 70, 20), *parts])
        finally:
            library.podtts_estimator_free(estimator.model)
    chosen = instructions_of("estimator")
    assert isinstance(chosen, InstructionSet)
    same_levels = (isa.bits == "avx2") == (chosen.bits == "avx2")
    most = ESTIMATOR[bits] if same_levels or bits != 8 else OTHER_LEVELS
    for found, expected in zip(*velocities, strict=True):
        assert difference(found, expected) < most


@pytest.mark.parametrize("bits", VOCODER)
def test_levels_of_the_vocoder_of_all_sets_agree(bits: int, library_of: LibraryOf) -> None:
    here = vocoder_library()
    if isinstance(here, Unavailable):
        pytest.skip(here.reason)
    outputs = []
    for library in (library_of("vocoder"), here):
        level = VocoderLevel(library, bits, threads=1)
        try:
            outputs.append(level.extend([(50, 20), (30, 60)]))
        finally:
            library.podtts_vocoder_free(level.model)
    assert difference(*outputs) < VOCODER[bits]
