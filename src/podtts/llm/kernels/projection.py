"""Matrix products of one row, or a few, at the speed of memory: every weight is read once.

`project_one` multiplies a vector and keeps its sums in registers. `project_few` multiplies up to 16
rows with the matrix units. Both may normalise their input, multiply a gate with what it gates, or
add to what the output holds, so that a layer needs no kernel of its own for these.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

FEW = 16  # rows of `project_few`: the fewest that matrix units take


@dataclass(frozen=True)
class Tiling:
    """How a product is cut: outputs and inputs of a tile, warps and stages of the pipeline."""

    outputs: int
    inputs: int
    warps: int
    stages: int = 1  # of `project_few`; `project_one` always reads one tile ahead


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


@triton.jit
def project_few(
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
    STAGES: tl.constexpr,
    PDL: tl.constexpr,
):
    rows = tl.arange(0, BLOCK_ROWS)
    ranks = tl.program_id(0) * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    live = ranks < outputs
    columns = tl.arange(0, BLOCK_IN)
    tile = weight + ranks[None, :] * INPUTS + columns[:, None]
    inputs = x + rows[:, None] * INPUTS + columns[None, :]
    total = tl.zeros([BLOCK_ROWS, BLOCK_OUT], tl.float32)
    up_total = tl.zeros([BLOCK_ROWS, BLOCK_OUT], tl.float32)
    squares = tl.zeros([BLOCK_ROWS, BLOCK_IN], tl.float32)
    if PDL:
        gdc_launch_dependents()
        gdc_wait()
    for start in tl.range(0, INPUTS, BLOCK_IN, num_stages=STAGES):
        value = tl.load(inputs + start, mask=(rows < count)[:, None], other=0.0).to(tl.float32)
        if NORM:
            squares += value * value
            value *= tl.load(norm + start + columns).to(tl.float32)[None, :]
        value = value.to(weight.dtype.element_ty)
        part = tl.load(tile + start, mask=live[None, :], other=0.0, eviction_policy="evict_first")
        total = tl.dot(value, part, total, input_precision="ieee")
        if GATED:
            part = tl.load(
                tile + outputs * INPUTS + start,
                mask=live[None, :],
                other=0.0,
                eviction_policy="evict_first",
            )
            up_total = tl.dot(value, part, up_total, input_precision="ieee")
    if NORM:
        scale = tl.rsqrt(tl.sum(squares, axis=1) / INPUTS + eps)[:, None]
        total *= scale
        up_total *= scale
    if GATED:
        total = total / (1.0 + tl.exp(-total)) * up_total
    target = out + rows[:, None] * outputs + ranks[None, :]
    mask = (rows < count)[:, None] & live[None, :]
    if ADD:
        total += tl.load(target, mask=mask, other=0.0)
    tl.store(target, total, mask=mask)


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
    few: bool | None = None,
    overlap: bool = False,
) -> None:
    """Multiply rows with a matrix: out = [out +] f([norm of] x · weightᵀ).

    x:      [R, inputs], R up to `FEW`. weight: [outputs, inputs], or [2 * outputs, inputs] with
            gates first if `gated`; then f is SwiGLU (arXiv:2002.05202).
    out:    [R, outputs], float32 if `add`; it may not be x.
    norm:   weights [inputs] of an RMSNorm of x, with `eps`.
    few:    whether to use the matrix units; None: for more than one row. Without, R is 1.
    overlap: start while the kernel before still runs; that must be a kernel of this folder, too.
    """
    rows, inputs = x.shape
    outputs = out.shape[1]
    block_in = fitting(tiling.inputs, inputs)
    if few is None:
        few = rows > 1
    block_out = max(16, tiling.outputs) if few else tiling.outputs
    grid = (triton.cdiv(outputs, block_out),)
    flags = {"NORM": norm is not None, "GATED": gated, "ADD": add, "PDL": overlap}
    norm = weight if norm is None else norm  # any address: it is not read
    if few:
        project_few[grid](
            x, norm, weight, out, rows, outputs, eps,
            INPUTS=inputs, BLOCK_ROWS=FEW, BLOCK_OUT=block_out, BLOCK_IN=block_in,
            STAGES=max(1, tiling.stages), num_warps=tiling.warps, launch_pdl=overlap, **flags,
        )  # fmt: skip
    else:
        project_one[grid](
            x, norm, weight, out, outputs, eps,
            INPUTS=inputs, BLOCK_OUT=block_out, BLOCK_IN=block_in,
            num_warps=tiling.warps, launch_pdl=overlap, **flags,
        )  # fmt: skip


def fitting(block: int, inputs: int) -> int:
    """The largest power of two up to `block` that divides `inputs`."""
    return min(block, inputs & -inputs)


def takes_inputs(inputs: int, dtype: torch.dtype) -> bool:
    """Whether `project` takes so many inputs."""
    return inputs % 64 == 0 and dtype in (torch.bfloat16, torch.float32)
