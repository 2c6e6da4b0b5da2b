"""RMSNorm, SwiGLU and the end of a step: what is done between products."""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait


@triton.jit
def norm_rows(
    x,
    added,
    norm,
    out,
    goes_on,
    positions,
    eps,
    SIZE: tl.constexpr,
    BLOCK: tl.constexpr,
    ADD: tl.constexpr,
    LAST: tl.constexpr,
    PDL: tl.constexpr,
):
    row, columns = tl.program_id(0), tl.arange(0, BLOCK)
    inside = columns < SIZE
    places = row * SIZE + columns
    if PDL:
        gdc_launch_dependents()
        gdc_wait()
    value = tl.load(x + places, mask=inside, other=0.0)
    if ADD:
        value += tl.load(added + places, mask=inside, other=0.0).to(tl.float32)
        tl.store(x + places, value, mask=inside)
    scale = tl.rsqrt(tl.sum(value * value, axis=0) / SIZE + eps)
    value *= scale * tl.load(norm + columns, mask=inside, other=0.0).to(tl.float32)
    if LAST:  # the states of turns that are done stay
        moves = tl.load(goes_on + row)
        inside &= moves != 0
        place = tl.load(positions + row)
        tl.store(positions + row, place + moves)
    tl.store(out + places, value, mask=inside)


@triton.jit
def gate_rows(gates_and_ups, out, SIZE: tl.constexpr, BLOCK: tl.constexpr):
    row, columns = tl.program_id(0), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = columns < SIZE
    pair = gates_and_ups + row * 2 * SIZE + columns
    gate = tl.load(pair, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(pair + SIZE, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + row * SIZE + columns, gate / (1.0 + tl.exp(-gate)) * up, mask=inside)


def normalise(
    x: Tensor, norm: Tensor, eps: float, out: Tensor, *, added: Tensor | None = None
) -> None:
    """Out = RMSNorm(x); with `added`, x += added before.

    x: float32 [R, H]. out, added: [R, H].
    """
    rows, size = x.shape
    norm_rows[(rows,)](
        x, x if added is None else added, norm, out, x, x, eps,
        SIZE=size, BLOCK=triton.next_power_of_2(size), ADD=added is not None, LAST=False,
        PDL=False, num_warps=8,
    )  # fmt: skip


def end_step(
    x: Tensor,
    norm: Tensor,
    eps: float,
    out: Tensor,
    goes_on: Tensor,
    positions: Tensor,
    *,
    added: Tensor | None = None,
    overlap: bool = False,
) -> None:
    """Let rows that go on have the norm of their state, and the next position.

    goes_on, positions: int64 [R], 0 or 1, and the position. Otherwise as `normalise`.
    overlap: see `podtts.llm.kernels.projection.project`.
    """
    rows, size = x.shape
    norm_rows[(rows,)](
        x, x if added is None else added, norm, out, goes_on, positions, eps,
        SIZE=size, BLOCK=triton.next_power_of_2(size), ADD=added is not None, LAST=True,
        PDL=overlap, launch_pdl=overlap, num_warps=8,
    )  # fmt: skip


def gate(gates_and_ups: Tensor, out: Tensor) -> None:
    """SwiGLU: [R, 2 * size], gates first, to out [R, size]."""
    rows, size = out.shape
    grid = (rows, triton.cdiv(size, 1024))
    gate_rows[grid](gates_and_ups, out, SIZE=size, BLOCK=1024)
