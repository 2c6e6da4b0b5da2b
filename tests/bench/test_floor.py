import pytest
from support.golden_data import MODEL, models

from podtts.bench.floor import CONTEXT, STEPS, measure_floor
from podtts.device.placement import place
from podtts.llm.quantized import quantize_llm
from podtts.weights.load import load_llm


def test_a_step_reads_every_weight_but_the_embedding_once_and_what_it_hears() -> None:
    llm = models().llm
    weights = sum(one.numel() for name, one in llm.named_parameters() if "embed" not in name)
    config = llm.config
    heard = 2 * config.layers * config.kv_heads * config.head_size * (CONTEXT + STEPS // 2)
    floor = measure_floor(llm)
    assert floor.step_bytes == 4 * (weights + heard)
    assert floor.ratio > 0
    needed = floor.step_bytes / floor.copy_bytes_per_second
    assert floor.ratio == pytest.approx(floor.step_seconds / needed)


def test_fewer_bits_are_fewer_bytes() -> None:
    sizes = []
    for kind in ("none", "int8", "int4"):
        llm = load_llm(MODEL, 6561, place("cpu", "float32"))
        quantize_llm(llm, kind)
        sizes.append(llm.step_weight_bytes())
    assert sizes[0] > sizes[1] > sizes[2]
