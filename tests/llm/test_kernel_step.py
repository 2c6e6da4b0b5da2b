"""The kernels against torch: on CUDA where there is a device, else by Triton's interpreter."""

import copy
from dataclasses import replace
from functools import partialmethod
from itertools import pairwise

import pytest
import torch
from support.golden_data import relative_rms
from torch import Tensor

from podtts.llm.decode_state import DecodeState
from podtts.llm.decode_step import draw_step, graph_decode_step
from podtts.llm.decoder import Decoder
from podtts.llm.kernel_step import KernelStep, Plan, supports
from podtts.llm.kernels.attention import PartialSums, attend
from podtts.llm.kernels.drawing import draw_and_embed
from podtts.llm.kernels.projection import Tiling, project
from podtts.llm.kv_cache import CacheRows
from podtts.llm.qwen3 import Attention, FeedForward, Qwen3, Qwen3Config
from podtts.llm.sampling import RowOptions
from podtts.options import SamplingOptions
from podtts.weights.random import fill_random

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
CONFIG = Qwen3Config(
    vocab_size=600,
    hidden_size=128,
    intermediate_size=192,
    layers=2,
    heads=2,
    kv_heads=1,
    head_size=32,
    rms_norm_eps=1e-6,
    rope_theta=1e6,
    tied_head=True,
    speech_token_offset=100,
    speech_vocabulary=61,
    end_token=599,
)
ONE = Tiling(16, 64, 4)
PLAN = Plan(ONE, ONE, ONE, ONE, ONE)


def model(dtype: torch.dtype = torch.float32) -> Qwen3:
    with torch.device("meta"):
        llm = Qwen3(CONFIG)
    fill_random(llm, dtype, DEVICE, torch.Generator().manual_seed(0))
    return llm


def begun(llm: Qwen3, rows: int) -> tuple[DecodeState, CacheRows]:
    """Turns behind contexts of several lengths; the last row has none."""
    caches = llm.new_caches(rows)
    caches.reserve(100)
    decoder = Decoder(llm, caches, graphs=True)
    options = [
        SamplingOptions(max_tokens=20, min_tokens=row, greedy=row % 3 == 2, repeat_limit=1)
        for row in range(rows)
    ]
    for row, cache in enumerate(caches.rows):
        if row < max(1, rows - 1):
            context = [100 + number % 50 for number in range(1 + 37 * row % 90)]
            decoder.start(cache, context, options[row], torch.Generator().manual_seed(row))
    state = decoder._state
    with torch.inference_mode():
        state.positions.copy_(torch.tensor([cache.length for cache in caches.rows]))
    return state, caches


def copied(state: DecodeState) -> DecodeState:
    own = {name: tensor.clone() for name, tensor in state._own().items()}
    return DecodeState(**own, options=state.options)


@torch.inference_mode()
@pytest.mark.parametrize(("rows", "draws"), [(1, False), (1, True), (3, True)])
def test_steps_in_float32_are_those_of_torch(rows: int, draws: bool) -> None:
    """One row, and more, whose products are torch's."""
    llm = model()
    state, caches = begun(llm, rows)
    ours, keys, values = copied(state), caches.keys.clone(), caches.values.clone()
    kernels = KernelStep(llm, llm.legal_rows().to(DEVICE), replace(PLAN, draws=draws))
    for _ in range(2):
        graph_decode_step(llm, llm.legal_rows().to(DEVICE), state, caches.keys, caches.values)
        kernels.run(ours, keys, values)
    assert relative_rms(ours.hidden, state.hidden) < 1e-5
    assert relative_rms(keys, caches.keys) < 1e-5
    assert relative_rms(values, caches.values) < 1e-5
    for name, tensor in state._own().items():
        if name not in ("hidden", "tokens"):
            assert torch.equal(tensor, ours._own()[name]), name
    counted = torch.arange(state.tokens.shape[1], device=DEVICE) < state.counts[:, None]
    assert torch.equal(state.tokens[counted], ours.tokens[counted])


@torch.inference_mode()
@pytest.mark.parametrize("rows", [1, 3])
def test_a_step_in_bfloat16_is_as_near_to_float32_as_torchs(rows: int) -> None:
    if rows == 3 and DEVICE.type == "cpu":
        pytest.skip("Triton's interpreter has no matrix products of bfloat16")
    llm = model(torch.bfloat16)
    wide = copy.deepcopy(llm).float()
    begin, caches = begun(wide, rows)
    begin.forced[:, 0] = 7
    hidden = []
    for number, loaded in enumerate((wide, llm, llm)):
        dtype = loaded.head.weight.dtype
        state = replace(copied(begin), hidden=begin.hidden.to(dtype))
        keys, values = caches.keys.to(dtype, copy=True), caches.values.to(dtype, copy=True)
        legal = loaded.legal_rows().to(DEVICE)
        if number == 2:
            KernelStep(loaded, legal, PLAN).run(state, keys, values)
        else:
            graph_decode_step(loaded, legal, state, keys, values)
        hidden.append(state.hidden.float())
    exact, by_torch, by_kernels = hidden
    assert relative_rms(by_kernels, exact) < 1.2 * relative_rms(by_torch, exact)


@torch.inference_mode()
def test_draws_are_those_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal logits at the edge of top-p are kept in the order of ids: that of a stable sort."""
    monkeypatch.setattr(torch.Tensor, "sort", partialmethod(torch.Tensor.sort, stable=True))
    rows, vocabulary, hidden = 28, 200, 16
    rng = torch.Generator().manual_seed(3)
    options = [
        SamplingOptions(
            temperature=(0.3, 0.6, 1.0, 3.0)[row % 4],
            top_k=(1, 10, 100, 7000)[row // 4 % 4],
            top_p=(0.1, 0.9, 1.0)[row % 3],
            greedy=row % 7 == 0,
            repeat_limit=1 + row % 3,
            min_tokens=row % 2,
        )
        for row in range(rows)
    ]
    like = torch.zeros(hidden, device=DEVICE)
    state = DecodeState.empty(rows, like, vocabulary, max_tokens=3, window=6)
    logits = torch.randn(rows, vocabulary, generator=rng) * 3
    logits[::2] = logits[::2].round()  # many are equal
    logits[5, 9] = torch.nan
    logits[6, 9] = torch.inf
    logits[8:11, -1] = 40  # the end, which is forbidden in rows with a fewest number of tokens
    logits = logits.to(DEVICE)
    state = replace(state, options=RowOptions.of(options, DEVICE))
    state.uniforms.copy_(torch.rand(state.uniforms.shape, generator=rng))
    state.seen.copy_(torch.rand(state.seen.shape, generator=rng) < 0.1)
    state.recent.copy_(logits.nan_to_num().topk(6).indices)
    state.in_window.copy_(torch.rand(state.in_window.shape, generator=rng) < 0.7)
    state.min_tokens.copy_(torch.tensor([row.min_tokens for row in options]))
    state.max_tokens.copy_(torch.arange(rows) % 3 + 1)
    state.done.copy_(torch.arange(rows) % 5 == 4)
    state.forced[3, 0] = 123
    ours = copied(state)
    legal = torch.randperm(vocabulary, generator=rng).to(DEVICE)
    embedding = torch.randn(vocabulary, hidden, generator=rng).to(DEVICE)
    x, goes_on = torch.empty(rows, hidden, device=DEVICE), torch.zeros_like(state.counts)
    for _ in range(3):
        chosen, expected = draw_step(_Head(logits), state, has_forced=True)  # type: ignore[arg-type]
        draw_and_embed(logits, ours, legal, embedding, x, goes_on)
        for name, tensor in state._own().items():
            assert torch.equal(tensor, ours._own()[name]), name
        assert torch.equal(goes_on.bool(), expected)
        assert torch.equal(x, embedding[legal[chosen]])
    assert state.failed.sum() == 2
    assert state.ended.any()


class _Head:
    """A model that knows the logits."""

    def __init__(self, logits: Tensor) -> None:
        self._logits, self.end_index = logits, logits.shape[1] - 1

    def logits(self, hidden: Tensor) -> Tensor:
        return self._logits


@pytest.mark.parametrize("outputs", [48, 37])
def test_products(outputs: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 192, device=DEVICE)
    weight = torch.randn(2 * outputs, 192, device=DEVICE)
    norm = torch.rand(192, device=DEVICE)
    out = torch.ones(len(x), outputs, device=DEVICE)
    project(x, weight[:outputs], out, Tiling(16, 64, 4), add=True)
    torch.testing.assert_close(out, 1 + x @ weight[:outputs].T, rtol=1e-4, atol=1e-4)
    project(x, weight, out, Tiling(16, 64, 4), norm=norm, eps=1e-6, gated=True)
    gates, ups = (torch.nn.functional.rms_norm(x, (192,), norm, 1e-6) @ weight.T).chunk(2, dim=1)
    torch.testing.assert_close(out, torch.nn.functional.silu(gates) * ups, rtol=1e-4, atol=1e-3)


def test_attention_reads_nothing_behind_a_rows_position() -> None:
    """Not even NaN moves it, and its bits do not depend on other rows or on reserved memory."""
    torch.manual_seed(0)
    positions = torch.tensor([0, 20, 259], device=DEVICE)
    qkv = torch.randn(3, 8 * 32, device=DEVICE)
    norm, angles = torch.ones(32, device=DEVICE), torch.rand(300, 2, 32, device=DEVICE)
    keys, values = torch.randn(2, 3, 2, 300, 32, device=DEVICE)
    for row, position in enumerate(positions.tolist()):
        keys[row, :, position:] = torch.nan
        values[row, :, position:] = torch.nan

    def attended(rows: list[int], reserved: int) -> Tensor:
        out = torch.empty(len(rows), 4 * 32, device=DEVICE)
        k, v = (tensor[rows, :, :reserved].contiguous() for tensor in (keys, values))
        sums = PartialSums(keys, len(rows), 2, 2, 32)
        attend(qkv[rows], norm, norm, 1e-6, angles, positions[rows], k, v, sums, out)
        assert not sums.tickets.any()
        return out

    together = attended([0, 1, 2], 300)
    assert together.isfinite().all()
    for row, reserved in ((0, 1), (1, 21), (2, 260)):
        assert torch.equal(attended([row], reserved)[0], together[row])


def test_joined_weights_are_in_memory_once() -> None:
    llm = model()
    names = dict(llm.state_dict())
    for _ in range(2):  # the second time they are joined already
        kernels = KernelStep(llm, llm.legal_rows().to(DEVICE), PLAN)
        attention = llm.layers[0].get_submodule("self_attn")
        assert isinstance(attention, Attention)
        parts = [attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight]
        addresses = [part.data_ptr() for part in parts]
        ends = [part.data_ptr() + part.nbytes for part in parts]
        assert all(end == start for end, (_, start) in zip(ends, pairwise(addresses), strict=False))
        assert kernels._layers[0].qkv.data_ptr() == addresses[0]
    assert names.keys() == llm.state_dict().keys()
    for name, tensor in llm.state_dict().items():
        assert torch.equal(tensor, names[name])


def test_other_models_stay_with_torch() -> None:
    assert supports(model())
    assert supports(model(torch.bfloat16))
    assert not supports(model(torch.float16))
    quantized = model()
    mlp = quantized.layers[0].get_submodule("mlp")
    assert isinstance(mlp, FeedForward)
    mlp.down_proj = torch.nn.Identity()  # type: ignore[assignment]
    assert not supports(quantized)
    others = (
        replace(CONFIG, hidden_size=96),
        replace(CONFIG, heads=6, kv_heads=2),
        replace(CONFIG, head_size=48),
    )
    for config in others:
        with torch.device("meta"):
            assert not supports(Qwen3(config))
