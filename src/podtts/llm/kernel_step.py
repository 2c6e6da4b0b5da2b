"""A decode step of few, large Triton kernels: five a layer for one row, eight for more.

The residual stream is float32 within a step. What a step leaves, keys, values and the last hidden
state, has the dtype of the weights, as in `Qwen3.graph_step`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from podtts.device.placement import overlaps_kernels
from podtts.llm.attention_context import rotary_angles
from podtts.llm.decode_state import DecodeState
from podtts.llm.decode_step import draw_step
from podtts.llm.kernels.attention import PartialSums, attend
from podtts.llm.kernels.drawing import MOST_IDS, draw_and_embed
from podtts.llm.kernels.norms import end_step, gate, normalise
from podtts.llm.kernels.projection import Tiling, project, takes_inputs
from podtts.llm.qwen3 import Layer, Qwen3

_TILING = Tiling(4, 2048, 4)


@dataclass(frozen=True)
class Plan:
    """How a step is computed. The bits depend on it, so it is fixed; recipes/gpu tries others."""

    # Of one row; products of more rows are torch's, which are faster from two rows on.
    qkv: Tiling = _TILING
    out: Tiling = _TILING
    gate_up: Tiling = _TILING
    down: Tiling = _TILING
    head: Tiling = _TILING
    products: bool = True  # of one row in kernels; False: torch's
    draws: bool = True  # in one kernel
    overlap: bool = True  # kernels start while the one before ends, where the device can


def supports(model: Qwen3) -> bool:
    """Whether the kernels run a model of these sizes and weights."""
    config = model.config
    linears = [module for module in model.layers.modules() if isinstance(module, nn.Linear)]
    group = config.heads // config.kv_heads
    return (
        model.fused_layers is None
        and len(linears) == 7 * config.layers  # none is quantized
        and len({linear.weight.dtype for linear in linears}) == 1
        and config.heads % config.kv_heads == 0
        and all(number & (number - 1) == 0 for number in (group, config.head_size))
        and group <= 16
        and 16 <= config.head_size <= 256
        and all(
            takes_inputs(inputs, model.head.weight.dtype)
            for inputs in (
                config.hidden_size, config.heads * config.head_size, config.intermediate_size
            )
        )
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Scratch:
    """What the kernels of a step hand on, for R rows."""

    x: Tensor  # float32 [R, H], the residual stream
    qkv: Tensor  # [R, (heads + 2 * kv heads) * head size]
    attended: Tensor  # [R, heads * head size]
    gated: Tensor  # [R, intermediate size]
    logits: Tensor  # float32 [R, V]
    goes_on: Tensor  # int64 [R]
    sums: PartialSums


@dataclass(frozen=True, eq=False)
class _LayerWeights:
    input_norm: Tensor
    qkv: Tensor
    q_norm: Tensor
    k_norm: Tensor
    out: Tensor
    post_norm: Tensor
    gate_up: Tensor
    down: Tensor


@dataclass(eq=False)
class KernelStep:
    """The decode step of a model, in place of `podtts.llm.decode_step.graph_decode_step`.

    The projections that read the same input become views of one matrix, so that no weight is in
    memory twice. `supports` says whether it can.
    """

    model: Qwen3
    legal: Tensor  # int64 [V], see `graph_decode_step`
    plan: Plan = field(default_factory=Plan)

    def __post_init__(self) -> None:
        self._layers = [_weights(layer) for layer in self.model.layers]
        self._angles: dict[int, Tensor] = {}  # by the number of positions
        self._scratch: dict[int, _Scratch] = {}  # by the number of rows
        self._eps = self.model.config.rms_norm_eps
        self._overlap = self.plan.overlap and overlaps_kernels(self.legal.device)
        self._draws = self.plan.draws and len(self.legal) <= MOST_IDS

    def run(self, state: DecodeState, keys: Tensor, values: Tensor) -> None:
        """Draw an id for every row's turn, and read it unless the turn is done.

        keys, values: as of `graph_decode_step`.
        """
        device = self.legal.device
        if device.type == "cpu":  # by Triton's interpreter
            self._run(state, keys, values)
            return
        with torch.get_device_module(device).device(device):  # where Triton launches
            self._run(state, keys, values)

    def _run(self, state: DecodeState, keys: Tensor, values: Tensor) -> None:
        rows = len(state.done)
        scratch = self._scratch_of(rows)
        if self._draws:
            self._logits(state.hidden, scratch.logits)
            weight = self.model.embed_tokens.weight
            draw_and_embed(
                scratch.logits, state, self.legal, weight, scratch.x, scratch.goes_on,
                overlap=self._overlap and self._multiplies(rows),
            )  # fmt: skip
        else:
            chosen, goes_on = draw_step(self.model, state, has_forced=True)
            scratch.goes_on.copy_(goes_on)
            scratch.x.copy_(self.model.embed_tokens(self.legal[chosen]))
        if self._multiplies(rows):
            self._one_row(scratch, state, keys, values)
        else:
            self._many_rows(scratch, state, keys, values)

    def _logits(self, hidden: Tensor, out: Tensor) -> None:
        if not self._multiplies(len(hidden)):
            out.copy_(self.model.logits(hidden))
            return
        project(hidden, self.model.head.weight, out, self.plan.head)

    def _multiplies(self, rows: int) -> bool:
        """Whether the products of so many rows are kernels of this step."""
        return rows == 1 and self.plan.products

    def _one_row(self, scratch: _Scratch, state: DecodeState, keys: Tensor, values: Tensor) -> None:
        x, eps, overlap, plan = scratch.x, self._eps, self._overlap, self.plan
        for number, layer in enumerate(self._layers):
            project(
                x, layer.qkv, scratch.qkv, plan.qkv,
                norm=layer.input_norm, eps=eps, overlap=overlap and (self._draws or number > 0),
            )  # fmt: skip
            self._attend(layer, number, scratch, state, keys, values, overlap=overlap)
            project(scratch.attended, layer.out, x, plan.out, add=True, overlap=overlap)
            project(
                x, layer.gate_up, scratch.gated, plan.gate_up,
                norm=layer.post_norm, eps=eps, gated=True, overlap=overlap,
            )  # fmt: skip
            project(scratch.gated, layer.down, x, plan.down, add=True, overlap=overlap)
        end_step(
            x, self.model.norm.weight, eps, state.hidden, scratch.goes_on, state.positions,
            overlap=overlap,
        )  # fmt: skip

    def _many_rows(
        self, scratch: _Scratch, state: DecodeState, keys: Tensor, values: Tensor
    ) -> None:
        x, eps, dtype = scratch.x, self._eps, self.model.head.weight.dtype
        normed = torch.empty_like(x, dtype=dtype)
        added = None
        for number, layer in enumerate(self._layers):
            normalise(x, layer.input_norm, eps, normed, added=added)
            torch.mm(normed, layer.qkv.T, out=scratch.qkv)
            self._attend(layer, number, scratch, state, keys, values)
            added = torch.mm(scratch.attended, layer.out.T)
            normalise(x, layer.post_norm, eps, normed, added=added)
            gate(torch.mm(normed, layer.gate_up.T), scratch.gated)
            added = torch.mm(scratch.gated, layer.down.T)
        norm = self.model.norm.weight
        end_step(x, norm, eps, state.hidden, scratch.goes_on, state.positions, added=added)

    def _attend(
        self, layer: _LayerWeights, number: int, scratch: _Scratch, state: DecodeState,
        keys: Tensor, values: Tensor, *, overlap: bool = False,
    ) -> None:  # fmt: skip
        attend(
            scratch.qkv, layer.q_norm, layer.k_norm, self._eps, self._angles_of(keys.shape[3]),
            state.positions, keys[number], values[number], scratch.sums, scratch.attended,
            overlap=overlap,
        )  # fmt: skip

    def _angles_of(self, positions: int) -> Tensor:
        """Cosines and sines, float32 [positions, 2, head size]."""
        if positions not in self._angles:
            config = self.model.config
            ranks = torch.arange(positions, device=self.legal.device)
            angles = rotary_angles(config.head_size, config.rope_theta, ranks)
            angles = torch.cat((angles, angles), dim=-1)
            self._angles[positions] = torch.stack((angles.cos(), angles.sin()), dim=1)
        return self._angles[positions]

    def _scratch_of(self, rows: int) -> _Scratch:
        if rows not in self._scratch:
            self._scratch[rows] = self._new_scratch(rows)
        return self._scratch[rows]

    def _new_scratch(self, rows: int) -> _Scratch:
        config, like = self.model.config, self.model.head.weight
        # torch's products have the dtype of the weights; the kernels' need not be rounded.
        dtype = torch.float32 if self._multiplies(rows) else like.dtype
        heads, kv_heads, size = config.heads, config.kv_heads, config.head_size

        def numbers(columns: int, dtype: torch.dtype) -> Tensor:
            return torch.zeros(rows, columns, dtype=dtype, device=like.device)

        return _Scratch(
            x=numbers(config.hidden_size, torch.float32),
            qkv=numbers((heads + 2 * kv_heads) * size, dtype),
            # Rounded as in torch: with as many bytes as weights, lanes hold the same elements.
            attended=numbers(heads * size, like.dtype),
            gated=numbers(config.intermediate_size, like.dtype),
            logits=numbers(len(self.legal), torch.float32),
            goes_on=torch.zeros(rows, dtype=torch.int64, device=like.device),
            sums=PartialSums(like, rows, kv_heads, heads // kv_heads, size),
        )


def _weights(layer: nn.Module) -> _LayerWeights:
    assert isinstance(layer, Layer)
    attention, mlp = layer.self_attn, layer.mlp
    return _LayerWeights(
        input_norm=layer.input_layernorm.weight,
        qkv=_joined(attention.q_proj, attention.k_proj, attention.v_proj),
        q_norm=attention.q_norm.weight,
        k_norm=attention.k_norm.weight,
        out=attention.o_proj.weight.contiguous(),
        post_norm=layer.post_attention_layernorm.weight,
        gate_up=_joined(mlp.gate_proj, mlp.up_proj),
        down=mlp.down_proj.weight.contiguous(),
    )


def _joined(*linears: nn.Linear) -> Tensor:
    """The weights one below the other; those of the linears become views of them."""
    weights = [linear.weight for linear in linears]
    first, inputs = weights[0], weights[0].shape[1]
    outputs = [len(weight) for weight in weights]
    offset = first.storage_offset()
    for weight in weights:
        same = weight.untyped_storage().data_ptr() == first.untyped_storage().data_ptr()
        if not same or weight.storage_offset() != offset or not weight.is_contiguous():
            break
        offset += weight.numel()
    else:  # they are joined already
        return first.detach().as_strided((sum(outputs), inputs), (inputs, 1))
    joined = torch.cat([weight.detach() for weight in weights])
    for linear, part in zip(linears, torch.split(joined, outputs), strict=True):
        linear.weight = nn.Parameter(part, requires_grad=False)
    return joined
