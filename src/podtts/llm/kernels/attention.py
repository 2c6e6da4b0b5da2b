"""Attention of one query token a row over its cached keys and values, split by positions.

Source: flash-decoding, the split form of FlashAttention (arXiv:2205.14135): each part of the
positions has its own maximum, sum and output. Whichever part is ready last combines them all, in
the order of positions.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

PARTS = 16  # of the positions, for any number of rows: so the bits do not depend on it
_BLOCK = 16  # positions that are computed at once


@triton.jit
def _rotated(x, norm, eps, sizes, cos, sin, SIZE: tl.constexpr, AXIS: tl.constexpr):
    """Normalise and rotate the heads at addresses x; sizes: 0 to SIZE - 1 along AXIS."""
    other = (sizes + SIZE // 2) % SIZE
    value = tl.load(x + sizes).to(tl.float32)
    paired = tl.load(x + other).to(tl.float32)
    scale = tl.rsqrt(tl.sum(value * value, axis=AXIS, keep_dims=True) / SIZE + eps)
    value *= scale * tl.load(norm + sizes).to(tl.float32)
    paired *= scale * tl.load(norm + other).to(tl.float32)
    return value * cos + tl.where(sizes < SIZE // 2, -paired, paired) * sin


@triton.jit
def attend_parts(
    qkv,
    q_norm,
    k_norm,
    angles,
    positions,
    keys,
    values,
    row_stride,
    head_stride,
    maxima,
    sums,
    outputs,
    tickets,
    out,
    eps,
    KV_HEADS: tl.constexpr,
    GROUP: tl.constexpr,
    SIZE: tl.constexpr,
    PARTS: tl.constexpr,
    BLOCK: tl.constexpr,
    PDL: tl.constexpr,
):
    row, kv_head = tl.program_id(0) // KV_HEADS, tl.program_id(0) % KV_HEADS
    part = tl.program_id(1)
    group, sizes = tl.arange(0, GROUP), tl.arange(0, SIZE)
    if PDL:
        gdc_launch_dependents()
        gdc_wait()
    position = tl.load(positions + row).to(tl.int32)
    chunk = tl.cdiv(tl.cdiv(position + 1, PARTS), BLOCK) * BLOCK
    start = part * chunk
    end = tl.minimum(start + chunk, position + 1)

    cos = tl.load(angles + position * 2 * SIZE + sizes)
    sin = tl.load(angles + position * 2 * SIZE + SIZE + sizes)
    heads = qkv + row * (GROUP + 2) * KV_HEADS * SIZE
    query_heads = heads + (kv_head * GROUP + group)[:, None] * SIZE
    query = _rotated(query_heads, q_norm, eps, sizes[None, :], cos[None, :], sin[None, :], SIZE, 1)
    query *= 1.4426950408889634 / tl.sqrt(SIZE * 1.0)  # powers of 2 replace those of e
    key_head = heads + (GROUP * KV_HEADS + kv_head) * SIZE
    new_key = _rotated(key_head, k_norm, eps, sizes, cos, sin, SIZE, 0)
    new_value = tl.load(heads + ((GROUP + 1) * KV_HEADS + kv_head) * SIZE + sizes)
    new_key = new_key.to(keys.dtype.element_ty)
    new_value = new_value.to(values.dtype.element_ty)
    cached = row.to(tl.int64) * row_stride + kv_head.to(tl.int64) * head_stride
    keys += cached
    values += cached
    if (start <= position) & (position < end):  # one part alone reads this position
        tl.store(keys + position * SIZE + sizes, new_key)
        tl.store(values + position * SIZE + sizes, new_value)

    maximum = tl.full([GROUP], float("-inf"), tl.float32)
    total = tl.zeros([GROUP], tl.float32)
    output = tl.zeros([GROUP, SIZE], tl.float32)
    for first in range(start, end, BLOCK):
        ranks = first + tl.arange(0, BLOCK)
        here = (ranks == position)[:, None]
        before = (ranks < position)[:, None]
        places = ranks[:, None] * SIZE + sizes[None, :]
        key = tl.where(here, new_key[None, :], tl.load(keys + places, mask=before, other=0.0))
        value = tl.where(here, new_value[None, :], tl.load(values + places, mask=before, other=0.0))
        score = tl.sum(query[:, None, :] * key.to(tl.float32)[None, :, :], axis=2)
        score = tl.where((ranks < end)[None, :], score, float("-inf"))
        larger = tl.maximum(maximum, tl.max(score, axis=1))
        shrink = tl.exp2(maximum - larger)
        weight = tl.exp2(score - larger[:, None])
        total = total * shrink + tl.sum(weight, axis=1)
        added = tl.sum(weight[:, :, None] * value.to(tl.float32)[None, :, :], axis=1)
        output = output * shrink[:, None] + added
        maximum = larger

    head = tl.program_id(0)
    place = (head * PARTS + part) * GROUP + group
    tl.store(maxima + place, maximum)
    tl.store(sums + place, total)
    tl.store(outputs + place[:, None] * SIZE + sizes[None, :], output)
    tl.debug_barrier()  # the atomic below is one thread's; it releases what all have stored
    ready = tl.atomic_add(tickets + head, 1, sem="acq_rel", scope="gpu")
    if ready == PARTS - 1:
        # Other multiprocessors wrote these; their L1 caches are not coherent, so L2 is read.
        parts = (head * PARTS + tl.arange(0, PARTS))[:, None] * GROUP + group[None, :]
        part_maxima = tl.load(maxima + parts, cache_modifier=".cg")
        part_weights = tl.exp2(part_maxima - tl.max(part_maxima, axis=0)[None, :])
        combined = tl.sum(part_weights * tl.load(sums + parts, cache_modifier=".cg"), axis=0)
        part_outputs = tl.load(
            outputs + parts[:, :, None] * SIZE + sizes[None, None, :], cache_modifier=".cg"
        )
        result = tl.sum(part_weights[:, :, None] * part_outputs, axis=0) / combined[:, None]
        target = out + row * GROUP * KV_HEADS * SIZE + (kv_head * GROUP + group)[:, None] * SIZE
        tl.store(target + sizes[None, :], result)
        tl.store(tickets + head, 0)  # for the next layer


class PartialSums:
    """What the parts of one call leave for the one that combines them."""

    def __init__(self, like: Tensor, rows: int, kv_heads: int, group: int, size: int) -> None:
        """like: a tensor on the device."""
        parts = (rows * kv_heads, PARTS, group)
        self.maxima = like.new_zeros(parts, dtype=torch.float32)
        self.sums = self.maxima.clone()
        self.outputs = like.new_zeros((*parts, size), dtype=torch.float32)
        self.tickets = like.new_zeros(rows * kv_heads, dtype=torch.int32)


def attend(
    qkv: Tensor,
    q_norm: Tensor,
    k_norm: Tensor,
    eps: float,
    angles: Tensor,
    positions: Tensor,
    keys: Tensor,
    values: Tensor,
    sums: PartialSums,
    out: Tensor,
    *,
    overlap: bool = False,
) -> None:
    """Normalise and rotate queries and keys, cache keys and values, and attend to all of a row.

    qkv:    [R, (heads + 2 * kv heads) * head size], queries first.
    angles: float32 [positions, 2, head size]: cosines, then sines.
    positions: int64 [R], where each row's token is written; it attends to those up to its own.
    keys, values: one layer's [R, kv heads, positions, head size]; a position's numbers in a row.
    out:    [R, heads * head size].
    overlap: see `podtts.llm.kernels.projection.project`.
    """
    rows, kv_heads, _, size = keys.shape
    group = out.shape[1] // size // kv_heads
    assert keys.stride(3) == 1
    assert keys.stride(2) == size
    assert values.stride() == keys.stride()
    attend_parts[(rows * kv_heads, PARTS)](
        qkv, q_norm, k_norm, angles, positions, keys, values, keys.stride(0), keys.stride(1),
        sums.maxima, sums.sums, sums.outputs, sums.tickets, out, eps,
        KV_HEADS=kv_heads, GROUP=group, SIZE=size, PARTS=PARTS, BLOCK=_BLOCK,
        PDL=overlap, launch_pdl=overlap, num_warps=4,
    )  # fmt: skip
