import copy

import pytest
import torch
from support.golden_data import models, relative_rms, trace
from torch import Tensor

from podtts.llm import quantized
from podtts.llm.native_layers import NativeLayers, supports_layers
from podtts.llm.onnx_layers import OnnxLayers
from podtts.llm.quantized import has_sizes_of, quantize_llm, quantized_matrices, use_quantized
from podtts.llm.qwen3 import Qwen3
from podtts.options import Quantization


@pytest.fixture(params=["int8", "int4"])
def kind(request: pytest.FixtureRequest) -> Quantization:
    param: Quantization = request.param
    return param


@pytest.fixture(params=["compiled", "onnxruntime"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type:
    """The class of the fused layers."""
    if request.param == "onnxruntime":
        monkeypatch.setattr(quantized, "supports_layers", lambda config, bits: False)
        return OnnxLayers
    if not supports_layers(models().llm.config, 8):
        pytest.skip("compiled code does not run here")
    return NativeLayers


def ids() -> Tensor:
    return torch.tensor([trace("plain")["llm_calls"][-1]["input_ids"]])


def logits(llm: Qwen3) -> Tensor:
    with torch.inference_mode():
        return llm.logits(llm(ids()))[0]


def test_fused_layers_agree_with_single_layers(
    kind: Quantization, engine: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fused layers also round activations to 8 bits."""
    matrices = quantized_matrices(models().llm, kind)
    fused, single = copy.deepcopy(models().llm), copy.deepcopy(models().llm)
    use_quantized(fused, matrices)
    assert isinstance(fused.fused_layers, engine)
    monkeypatch.setattr(quantized, "has_fused_layers", lambda device: False)
    use_quantized(single, matrices)
    assert single.fused_layers is None
    assert relative_rms(logits(fused), logits(single)) < 0.03


def test_a_quantized_model_mostly_prefers_the_same_tokens(kind: Quantization) -> None:
    """Logits of random weights are close together: a trained model agrees more often than this."""
    llm = copy.deepcopy(models().llm)
    quantize_llm(llm, kind)
    agreement = (logits(llm).argmax(1) == logits(models().llm).argmax(1)).float().mean()
    assert agreement > (0.9 if kind == "int8" else 0.5)


def test_sizes_and_bits_of_quantized_matrices_are_compared() -> None:
    llm, other = models().llm, copy.deepcopy(models().llm)
    matrices = quantized_matrices(llm, "int8")
    assert has_sizes_of(llm, "int8", matrices)
    assert not has_sizes_of(llm, "int4", matrices)
    other.layers[0].mlp.down_proj = torch.nn.Linear(64, 64)  # type: ignore[union-attr]
    assert not has_sizes_of(other, "int8", matrices)
    with pytest.raises(KeyError):
        has_sizes_of(llm, "int8", {})


def test_scales_take_half_a_bit_a_weight(kind: Quantization) -> None:
    llm = models().llm
    matrices = quantized_matrices(llm, kind).values()
    size = sum(matrix.levels.nbytes + matrix.scale.nbytes for matrix in matrices)
    in_16_bits = sum(2 * weight.numel() for weight in llm.layers.parameters() if weight.ndim == 2)
    # The scales are float16: a sixteenth of a byte a weight.
    assert size == in_16_bits * (1.0625 if kind == "int8" else 0.5625) / 2


def test_prefill_in_parts_agrees_with_prefill_in_one_call(kind: Quantization, engine: type) -> None:
    llm = copy.deepcopy(models().llm)
    quantize_llm(llm, kind)
    cache = llm.new_cache()
    with torch.inference_mode():
        parts = [
            llm.logits(llm(part, cache))[0]
            for part in torch.split(ids()[:, :80], [30, 1, 1, 10, 38], dim=1)
        ]
    assert relative_rms(torch.cat(parts), logits(llm)[:80]) < 1e-5


def test_rows_of_a_batch_agree_with_prefill_in_one_call(kind: Quantization, engine: type) -> None:
    """Rows of different lengths, a cache that grows, and a swap of two rows.

    With these lengths no activation is half-way between two of its 255 levels. If one were, ONNX
    Runtime's last bits, which depend on the number of rows, would decide its level.
    """
    llm = copy.deepcopy(models().llm)
    quantize_llm(llm, kind)
    long = ids().repeat(1, 1 + 1100 // ids().shape[1])
    lengths = (1018, 7, 62)
    caches = llm.new_caches(3)
    rows = list(caches.rows)
    with torch.inference_mode():
        expected = llm(long)[0]
        for cache, length in zip(rows, lengths, strict=True):
            llm(long[:, :length], cache)
        for step in range(8):
            if step == 4:
                caches.swap(0, 2)
            last = torch.empty(3, dtype=torch.int64)
            for cache, length in zip(rows, lengths, strict=True):
                last[cache.index] = long[0, length + step]
            hidden = llm.step(last, caches)
            for cache, length in zip(rows, lengths, strict=True):
                cache.advance(1)
                distance = relative_rms(hidden[cache.index], expected[length + step])
                assert distance <= (1e-5 if engine is OnnxLayers else 0)
