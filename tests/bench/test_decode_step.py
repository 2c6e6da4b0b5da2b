import pytest
from support.golden_data import MODEL, models

from podtts.bench.decode_step import CONTEXT, STEPS, measure_decode_step
from podtts.device.placement import place
from podtts.llm.quantized import quantize_llm
from podtts.weights.load import load_llm


def test_a_step_reads_all_weights_but_the_embedding_and_its_context_once() -> None:
    llm = models().llm
    weights = sum(weight.numel() for name, weight in llm.named_parameters() if "embed" not in name)
    config = llm.config
    context = 2 * config.layers * config.kv_heads * config.head_size * (CONTEXT + STEPS // 2)
    step = measure_decode_step(llm)
    assert step.step_bytes == 4 * (weights + context)
    assert step.ratio > 0
    needed = step.step_bytes / step.copy_bytes_per_second
    assert step.ratio == pytest.approx(step.step_seconds / needed)


def test_a_step_reads_fewer_bytes_of_quantized_weights() -> None:
    sizes = []
    for kind in ("none", "int8", "int4"):
        llm = load_llm(MODEL, 6561, place("cpu", "float32"))
        quantize_llm(llm, kind)
        sizes.append(llm.step_weight_bytes())
    assert sizes[0] > sizes[1] > sizes[2]
