"""Compiled layers: close to torch's, and the bits of a row do not depend on the other rows."""

import copy
from dataclasses import asdict, replace

import pytest
import torch
from support.golden_data import MODEL, models, relative_rms, tensors, trace
from torch import Tensor

from podtts.device.cancellation import Cancellation, Cancelled, cancelled_by
from podtts.device.placement import place
from podtts.llm.kv_cache import CacheRows
from podtts.llm.native_layers import NativeLayers, supports_layers
from podtts.llm.prefill import prefill, replay
from podtts.llm.quantized import quantize_llm
from podtts.llm.qwen3 import Qwen3, Qwen3Config
from podtts.options import QUANTIZATIONS, Quantization
from podtts.weights.load import load_llm
from podtts.weights.random import fill_random

pytestmark = [
    pytest.mark.skipif(
        not supports_layers(models().llm.config, 16), reason="compiled code does not run here"
    ),
    pytest.mark.usefixtures("each_set"),
]

# Largest error of hidden states of random weights, as a share of their RMS.
MAX_ERROR: dict[Quantization, float] = {"none": 0.02, "int8": 0.05, "int4": 0.4}


@pytest.fixture(params=QUANTIZATIONS)
def kind(request: pytest.FixtureRequest) -> Quantization:
    quantization: Quantization = request.param
    return quantization


@pytest.fixture
def llm(kind: Quantization) -> Qwen3:
    return compiled(load_llm(MODEL, 6561, place("cpu", "bfloat16")), kind)


def compiled(llm: Qwen3, kind: Quantization) -> Qwen3:
    quantize_llm(llm, kind)
    assert isinstance(llm.fused_layers, NativeLayers)
    return llm


def ids(count: int) -> Tensor:
    golden: list[int] = trace("plain")["llm_calls"][-1]["input_ids"]
    return torch.tensor([golden]).repeat(1, 1 + count // len(golden))[:, :count]


@torch.inference_mode()
def hidden_states(llm: Qwen3, ids: Tensor) -> Tensor:
    hidden: Tensor = llm(ids, llm.new_cache())
    return hidden[0]


def test_logits_in_bfloat16_are_closer_to_float32_than_the_published_ones() -> None:
    llm, golden = compiled(load_llm(MODEL, 6561, place("cpu", "bfloat16")), "none"), tensors("llm")
    hidden = torch.stack([hidden_states(llm, row[None])[-8:] for row in golden["input_ids"]])
    exact = golden["logits_fp32"][:, llm.legal_rows()]
    published = golden["logits_bf16"][:, llm.legal_rows()]
    assert relative_rms(llm.logits(hidden)[0], exact) < relative_rms(published, exact)


def test_prefill_in_one_call_and_in_parts_give_the_same_bits(llm: Qwen3) -> None:
    one_call = hidden_states(llm, ids(150))
    cache = llm.new_cache()
    with torch.inference_mode():
        parts = [llm(part, cache)[0] for part in torch.split(ids(150), [1, 70, 1, 7, 71], dim=1)]
    assert torch.equal(torch.cat(parts), one_call)


def test_prefill_of_recalled_speech_gives_the_bits_of_decoding_it(llm: Qwen3) -> None:
    prefilled, decoded = llm.new_cache(), llm.new_cache()
    replay(llm, ids(40)[0].tolist(), prefilled)
    with torch.inference_mode():
        for token in ids(40)[0]:
            llm(token[None, None], decoded)
    assert torch.equal(prefilled.keys[..., :40, :], decoded.keys[..., :40, :])
    assert torch.equal(prefilled.values[..., :40, :], decoded.values[..., :40, :])


def test_rows_of_a_batch_have_the_bits_of_rows_alone(llm: Qwen3) -> None:
    """Eleven rows of different lengths: more than one row block."""
    lengths = [3 + 13 * row for row in range(11)]
    caches = llm.new_caches(len(lengths))
    with torch.inference_mode():
        for cache, length in zip(caches.rows, lengths, strict=True):
            llm(ids(length), cache)
        last = torch.tensor([int(ids(length + 1)[0, -1]) for length in lengths])
        hidden = llm.step(last, caches)
    for row, length in zip(hidden, lengths, strict=True):
        assert torch.equal(row, hidden_states(llm, ids(length + 1))[-1])


def test_the_number_of_threads_changes_nothing(llm: Qwen3, kind: Quantization) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        other = compiled(load_llm(MODEL, 6561, place("cpu", "bfloat16")), kind)
    finally:
        torch.set_num_threads(threads)
    for _ in range(20):
        assert torch.equal(hidden_states(other, ids(90)), hidden_states(llm, ids(90)))


def test_nan_and_infinity_are_passed_on(llm: Qwen3) -> None:
    for wrong in (torch.nan, torch.inf):
        x = torch.randn(1, 3, llm.config.hidden_size)
        x[0, 1, 5] = wrong
        caches = llm.new_caches(1)
        caches.reserve(3)
        assert llm.fused_layers is not None
        hidden = llm.fused_layers.forward(x, caches, range(1))[0]
        assert hidden[0].isfinite().all()
        assert not hidden[1].isfinite().any()


@pytest.mark.parametrize("kind", QUANTIZATIONS)
@pytest.mark.parametrize(
    "changes",
    [
        {"head_size": 32, "heads": 3, "kv_heads": 1},
        {"head_size": 64, "heads": 2, "kv_heads": 2},
        {"head_size": 128, "heads": 4, "kv_heads": 1},
        {"head_size": 256, "heads": 1, "kv_heads": 1},
        {"hidden_size": 48, "intermediate_size": 80},
    ],
    ids=str,
)
def test_other_sizes(changes: dict[str, int], kind: Quantization) -> None:
    """48 and 80 inputs are not multiples of a block."""
    config = Qwen3Config(**{**asdict(models().llm.config), **changes})
    plain = random_llm(config)
    native = compiled(copy.deepcopy(plain), kind)
    error = relative_rms(hidden_states(native, ids(70)), hidden_states(plain, ids(70)))
    assert error < MAX_ERROR[kind]


def random_llm(config: Qwen3Config) -> Qwen3:
    with torch.device("meta"):
        llm = Qwen3(config)
    fill_random(llm, torch.bfloat16, torch.device("cpu"), torch.Generator().manual_seed(0))
    return llm


def test_unsupported_sizes_are_left_to_torch_and_onnx_runtime() -> None:
    config = replace(models().llm.config, hidden_size=72)
    assert not supports_layers(config, 8)
    llm = random_llm(config)
    quantize_llm(llm, "none")
    assert llm.fused_layers is None
    quantize_llm(llm, "int8")
    assert llm.fused_layers is not None
    assert not isinstance(llm.fused_layers, NativeLayers)


@pytest.mark.parametrize("kind", QUANTIZATIONS)
def test_a_cancelled_prefill_reads_no_further_piece(
    llm: Qwen3, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers, cancellation, lengths = llm.fused_layers, Cancellation(), list[int]()
    assert isinstance(layers, NativeLayers)
    forward = layers.forward

    def cancel_in_the_third_piece(x: Tensor, caches: CacheRows, rows: range) -> Tensor:
        lengths.append(x.shape[1])
        hidden = forward(x, caches, rows)
        if len(lengths) == 3:
            cancellation.cancel()
        return hidden

    monkeypatch.setattr(layers, "forward", cancel_in_the_third_piece)
    cache = llm.new_cache()
    with torch.inference_mode(), cancelled_by(cancellation), pytest.raises(Cancelled):
        prefill(llm, ids(1000)[0].tolist(), cache)
    assert lengths == [256, 256, 256]
    assert cache.length == sum(lengths)


def test_what_is_cancelled_before_computes_nothing(llm: Qwen3) -> None:
    cancellation, caches = Cancellation(), llm.new_caches(1)
    caches.reserve(3)
    cancellation.cancel()
    assert llm.fused_layers is not None
    with cancelled_by(cancellation), pytest.raises(Cancelled):
        llm.fused_layers.forward(torch.ones(1, 3, llm.config.hidden_size), caches, range(1))
    assert not caches.keys.any()


@pytest.mark.parametrize(
    "changes", [{"head_size": 24}, {"hidden_size": 40}, {"intermediate_size": 8}], ids=str
)
def test_sizes_that_are_not_taken_are_refused(changes: dict[str, int]) -> None:
    llm = random_llm(Qwen3Config(**{**asdict(models().llm.config), **changes}))
    assert not supports_layers(llm.config, 16)
    with pytest.raises(ValueError, match="compiled code does not run layers of 16 bits"):
        NativeLayers(
            llm.config, {}, {"layers.0.o": torch.zeros(1)}, torch.bfloat16, llm.head.weight
        )
