"""Compiled code looks at a flag between layers. Here the flag is memory that a layer writes."""

import numpy as np
import pytest
from support.compiled_models import Layers, LibraryOf, VocoderLevel, address, noise

from podtts.native.library import CANCELLED


@pytest.mark.parametrize("threads", [1, 2])
def test_a_layer_is_finished_and_the_next_one_is_not_begun(
    threads: int, library_of: LibraryOf
) -> None:
    library = library_of("layers")
    layers = Layers(library, 8, threads)
    tokens, capacity = 70, 80
    x = noise("x", 1, tokens, layers.hidden)
    keys, values = np.zeros((2, 2, 1, layers.kv_heads, capacity, layers.head_size), np.float32)
    angles = noise("cos", capacity, layers.head_size // 2), noise("sin", capacity, 16)
    lengths = np.zeros(1, np.int32)
    try:
        result = library.podtts_layers_forward(
            *(layers.model, address(x), 1, tokens, address(lengths)),
            *(address(keys), address(values)),
            *(stride // keys.itemsize for stride in keys.strides[:2]),
            *(capacity, 0, *map(address, angles), address(keys)),  # 0 until the first layer writes
        )
    finally:
        library.podtts_layers_free(layers.model)
    assert result == CANCELLED
    first, second = keys
    assert first[0, :, :64].any(axis=-1).all()
    assert not first[0, :, 64:].any()
    assert not second.any()


def test_a_step_of_the_vocoder_is_finished_and_no_later_one_is_begun(library_of: LibraryOf) -> None:
    """The flag is what the call keeps of the first step's input."""
    library = library_of("vocoder")
    level = VocoderLevel(library, 32, 1)
    x, source = noise("x", 90, level.channels), noise("source", 90, level.channels)
    queues = np.zeros((level.queues, 2), np.int32)
    after = np.zeros_like(queues)
    arguments = level.model, address(queues), len(x), len(source), 0, address(after)
    try:
        count = library.podtts_vocoder_plan(*arguments)
        assert count
        out = np.zeros((int(count), level.channels), np.float32)
        kept = np.zeros((int(after[:, 0].sum()), level.channels), np.float32)
        result = library.podtts_vocoder_extend(
            *(level.model, address(queues), None, address(x), len(x), address(source)),
            *(len(source), 0, address(out), address(kept), address(kept)),
        )
    finally:
        library.podtts_vocoder_free(level.model)
    assert result == CANCELLED
    first = int(after[0, 0])
    assert np.array_equal(kept[:first], source[len(source) - first :])
    assert not out.any()
