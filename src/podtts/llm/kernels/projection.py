"""Matrix products of one row, or a few, at the speed of memory: every weight is read once.

A product may normalise its input, multiply a gate with what it gates, or add to what the output
holds, so that a layer needs no kernel of its own for these.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

MOST_ROWS = 8  # more sums than those of a tile for 8 rows fit no registers
VECTOR = tl.constexpr(8)  # inputs whose products a lane adds: 16 bytes of bfloat16


@dataclass(frozen=True)
class Tiling:
    """How a product is cut: outputs and inputs of a tile, and the warps of a program."""

    outputs: int
    inputs: int
    warps: int


@triton.jit
def project_rows(
    x,
    norm,
    weight,
    out,
    count,
    outputs,
    eps,
    INPUTS: tl.constexpr,
    NORM: tl.constexpr,
    GATED: tl.constexpr,
    ADD: tl.constexpr,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_OUT: tl.constexpr,
    BLOCK_IN: tl.constexpr,
    PDL: tl.constexpr,
):
    # Axes: row, output, lane, input of a lane. Sums over the last need no other lane.
    lanes: tl.constexpr = BLOCK_IN // VECTOR
    rows = tl.arange(0, BLOCK_ROWS)
    ranks = tl.program_id(0) * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    columns = tl.arange(0, lanes)[:, None] * VECTOR + tl.arange(0, VECTOR)[None, :]
    columns = columns[None, None, :, :]
    live = (ranks < outputs)[None, :, None, None]
    here = (rows < count)[:, None, None, None]
    tile = weight + ranks[None, :, None, None] * INPUTS + columns
    up_tile = tile + outputs * INPUTS
    inputs = x + rows[:, None, None, None] * INPUTS + columns
    total = tl.zeros([BLOCK_ROWS, BLOCK_OUT, lanes], tl.float32)
    up_total = tl.zeros([BLOCK_ROWS, BLOCK_OUT, lanes], tl.float32)
    squares = tl.zeros([BLOCK_ROWS, 1, lanes], tl.float32)
    # The next weights are on their way before these are multiplied. No kernel of a step writes
    # weights, so the first are read while the kernel before still runs.
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
        value = tl.load(inputs + start, mask=here, other=0.0).to(tl.float32)
        if NORM:
            squares += tl.sum(value * value, axis=3)
            value *= tl.load(norm + start + columns).to(tl.float32)
        total += tl.sum(part.to(tl.float32) * value, axis=3)
        if GATED:
            up_total += tl.sum(up_part.to(tl.float32) * value, axis=3)
        if start + BLOCK_IN < INPUTS:
            part = next_part
            if GATED:
                up_part = next_up_part
    result = tl.sum(total, axis=2)
    up = tl.sum(up_total, axis=2)
    if NORM:  # one factor for all inputs, so it may come last
        scale = tl.rsqrt(tl.sum(squares, axis=2) / INPUTS + eps)
        result *= scale
        up *= scale
    if GATED:
        result = result / (1.0 + tl.exp(-result)) * up
    target = out + rows[:, None] * outputs + ranks[None, :]
    mask = (rows < count)[:, None] & (ranks < outputs)[None, :]
    if ADD:
        result += tl.load(target, mask=mask, other=0.0)
    tl.store(target, result, mask=mask)


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
    """Multiply rows with a matrix: out = [out +] f([norm of] x · weightᵀ).

    x:      [R, inputs], R up to `MOST_ROWS`. weight: [outputs, inputs], or [2 * outputs, inputs]
            with gates first if `gated`; then f is SwiGLU (arXiv:2002.05202).
    out:    [R, outputs], float32 if `add`; it may not be x.
    norm:   weights [inputs] of an RMSNorm of x, with `eps`.
    overlap: start while the kernel before still runs; that must be a kernel of this folder, too,
            and not the last of a step.
    """
    rows, inputs = x.shape
    outputs = out.shape[1]
    project_rows[(triton.cdiv(outputs, tiling.outputs),)](
        x, weight if norm is None else norm, weight, out, rows, outputs, eps,
        INPUTS=inputs, NORM=norm is not None, GATED=gated, ADD=add,
        BLOCK_ROWS=triton.next_power_of_2(rows), BLOCK_OUT=tiling.outputs,
        BLOCK_IN=fitting(tiling.inputs, inputs), PDL=overlap, launch_pdl=overlap,
        num_warps=tiling.warps,
    )  # fmt: skip


def fitting(block: int, inputs: int) -> int:
    """The largest power of two up to `block` that divides `inputs`."""
    return min(block, inputs & -inputs)


def takes_inputs(inputs: int, dtype: torch.dtype) -> bool:
    """Whether `project` takes so many inputs."""
    return inputs % 64 == 0 and dtype in (torch.bfloat16, torch.float32)
