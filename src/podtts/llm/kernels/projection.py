"""A matrix times a vector at the speed of memory: every weight is read once.

The kernel keeps its sums in registers. It may normalise its input, multiply a gate with what it
gates, or add to what the output holds, so that a layer needs no kernel of its own for these.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait


@dataclass(frozen=True)
class Tiling:
    """How a product is cut: outputs and inputs of a tile, and warps."""

    outputs: int
    inputs: int
    warps: int


@triton.jit
def project_one(
    x,
    norm,
    weight,
    out,
    outputs,
    eps,
    INPUTS: tl.constexpr,
    NORM: tl.constexpr,
    GATED: tl.constexpr,
    ADD: tl.constexpr,
    BLOCK_OUT: tl.constexpr,
    BLOCK_IN: tl.constexpr,
    PDL: tl.constexpr,
):
    rows = tl.program_id(0) * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    live = (rows < outputs)[:, None]
    columns = tl.arange(0, BLOCK_IN)
    tile = weight + rows[:, None] * INPUTS + columns[None, :]
    up_tile = tile + outputs * INPUTS
    result = tl.zeros([BLOCK_OUT], tl.float32)
    up = tl.zeros([BLOCK_OUT], tl.float32)
    squares = tl.zeros([BLOCK_IN], tl.float32)
    # The next weights are on their way before the sums of these need all warps. No kernel of a
    # step writes weights, so the first are read while the kernel before still runs.
    part = tl.load(tile, mask=live, other=0.0, eviction_policy="evict_first")
    if GATED:
        up_part = tl.load(up_tile, mask=live, other=0.0, eviction_policy="evict_first")
    if PDL:
        gdc_launch_dependents()
        gdc_wait()
    for start in tl.static_range(0, INPUTS, BLOCK_IN):
        if start + BLOCK_IN < INPUTS:
            next_part = tl.load(
                tile + start + BLOCK_IN, mask=live, other=0.0, eviction_policy="evict_first"
            )
            if GATED:
                next_up_part = tl.load(
                    up_tile + start + BLOCK_IN, mask=live, other=0.0, eviction_policy="evict_first"
                )
        value = tl.load(x + start + columns).to(tl.float32)
        if NORM:
            squares += value * value
            value *= tl.load(norm + start + columns).to(tl.float32)
        result += tl.sum(part.to(tl.float32) * value[None, :], axis=1)
        if GATED:
            up += tl.sum(up_part.to(tl.float32) * value[None, :], axis=1)
        if start + BLOCK_IN < INPUTS:
            part = next_part
            if GATED:
                up_part = next_up_part
    if NORM:  # one factor for all inputs, so it may come last
        scale = tl.rsqrt(tl.sum(squares, axis=0) / INPUTS + eps)
        result *= scale
        up *= scale
    if GATED:
        result = result / (1.0 + tl.exp(-result)) * up
    if ADD:
        result += tl.load(out + rows, mask=rows < outputs, other=0.0)
    tl.store(out + rows, result, mask=rows < outputs)


def project(
    x: Tensor,
    weight: Tensor,
    out: Tensor,
    tiling: Tiling,
    *,
    norm: Tensor | None = None,
    eps: float = 0.0,
    gated: bool = False,
    add: bool = False,
    overlap: bool = False,
) -> None:
    """Multiply a row with a matrix: out = [out +] f([norm of] x · weightᵀ).

    x:      [1, inputs]. weight: [outputs, inputs], or [2 * outputs, inputs] with gates first if
            `gated`; then f is SwiGLU (arXiv:2002.05202).
    out:    [1, outputs], float32 if `add`; it may not be x.
    norm:   weights [inputs] of an RMSNorm of x, with `eps`.
    overlap: start while the kernel before still runs; that must be a kernel of this folder, too.
    """
    inputs, outputs = x.shape[1], out.shape[1]
    project_one[triton.cdiv(outputs, tiling.outputs),](
        x, weight if norm is None else norm, weight, out, outputs, eps,
        INPUTS=inputs, NORM=norm is not None, GATED=gated, ADD=add, BLOCK_OUT=tiling.outputs,
        BLOCK_IN=fitting(tiling.inputs, inputs), PDL=overlap,
        num_warps=tiling.warps, launch_pdl=overlap,
    )  # fmt: skip


def fitting(block: int, inputs: int) -> int:
    """The largest power of two up to `block` that divides `inputs`."""
    return min(block, inputs & -inputs)


def takes_inputs(inputs: int, dtype: torch.dtype) -> bool:
    """Whether `project` takes so many inputs."""
    return inputs % 64 == 0 and dtype in (torch.bfloat16, torch.float32)
