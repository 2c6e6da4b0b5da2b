"""Attention of one query token a row over its cached keys and values, split by positions.

Source: flash-decoding, the split form of FlashAttention (arXiv:2205.14135): each part of the
positions has its own maximum, sum and output. Whichever part is ready last combines them all, in
the order of positions. The same holds within a part: each of its streams, a few lanes, has its
own, so that the lanes exchange nothing but scores until all positions are read.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait


@dataclass(frozen=True)
class Cut:
    """How the positions of a row are cut into parts, each of a program."""

    parts: int  # at most
    least: int  # positions of a part if there are more than one
    block: int  # positions that are computed at once
    warps: int

    @classmethod
    def of(cls, heads: int) -> Cut:
        """Cut for so many pairs of row and key head; the bits depend on it."""
        parts = min(32, max(1, 256 // heads))
        parts = 1 << (parts.bit_length() - 1)
        return cls(parts, 32 if parts >= 8 else 128, 32, 4)


@triton.jit
def _rotated(x, norm, eps, sizes, cos, sin, SIZE: tl.constexpr):
    """Normalise and rotate the heads at addresses x; sizes: 0 to SIZE - 1 along axis 3."""
    other = (sizes + SIZE // 2) % SIZE
    value = tl.load(x + sizes).to(tl.float32)
    paired = tl.load(x + other).to(tl.float32)
    scale = tl.rsqrt(tl.sum(value * value, axis=3, keep_dims=True) / SIZE + eps)
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
    LEAST: tl.constexpr,
    EACH: tl.constexpr,
    STREAMS: tl.constexpr,
    PDL: tl.constexpr,
):
    head, part = tl.program_id(0), tl.program_id(1)
    block: tl.constexpr = EACH * STREAMS
    row, kv_head = head // KV_HEADS, head % KV_HEADS
    group, streams, sizes = tl.arange(0, GROUP), tl.arange(0, STREAMS), tl.arange(0, SIZE)
    if PDL:
        gdc_launch_dependents()
    # No kernel of this step has written what is read before the wait: the first of a step starts
    # when all of the step before are done, and the last alone moves positions.
    position = tl.load(positions + row).to(tl.int32)
    chunk = tl.maximum(LEAST, tl.cdiv(tl.cdiv(position, PARTS), block) * block)
    parts = tl.maximum(1, tl.cdiv(position, chunk))
    if part >= parts:
        return
    start = part * chunk
    end = tl.minimum(start + chunk, position)
    cached = row.to(tl.int64) * row_stride + kv_head.to(tl.int64) * head_stride
    keys += cached
    values += cached
    # Axes: head of the group, position of a stream, stream, number of a head. The last two are
    # spread over the lanes; the others lie within one, so that sums over them exchange nothing.
    ranks = start + tl.arange(0, EACH)[None, :, None] * STREAMS + streams[None, None, :]
    places = ranks[:, :, :, None] * SIZE + sizes[None, None, None, :]
    key = tl.load(keys + places, mask=(ranks < end)[:, :, :, None], other=0.0)
    value = tl.load(values + places, mask=(ranks < end)[:, :, :, None], other=0.0)
    # Every stream has its own copy of what all need: lanes need not exchange it.
    stream = streams[None, None, :, None]
    spread = sizes[None, None, None, :] + stream * 0
    cos = tl.load(angles + position * 2 * SIZE + spread)
    sin = tl.load(angles + position * 2 * SIZE + SIZE + spread)
    if PDL:
        gdc_wait()

    heads = qkv + row * (GROUP + 2) * KV_HEADS * SIZE
    query_heads = heads + (kv_head * GROUP + group)[:, None, None, None] * SIZE
    query = _rotated(query_heads, q_norm, eps, spread, cos, sin, SIZE)
    query *= 1.4426950408889634 / tl.sqrt(SIZE * 1.0)  # powers of 2 replace those of e
    key_head = heads + (GROUP * KV_HEADS + kv_head) * SIZE
    new_key = _rotated(key_head, k_norm, eps, spread, cos, sin, SIZE).to(keys.dtype.element_ty)
    new_value = tl.load(heads + ((GROUP + 1) * KV_HEADS + kv_head) * SIZE + spread)
    new_value = new_value.to(values.dtype.element_ty)
    # The new token is the first of the last part's first stream. A stream may have no position.
    is_first = (stream == 0) & (part == parts - 1)
    tl.store(keys + position * SIZE + spread, new_key, mask=is_first)
    tl.store(values + position * SIZE + spread, new_value, mask=is_first)
    has_first = (streams[None, None, :] == 0) & (part == parts - 1)
    maximum = tl.where(has_first, tl.sum(query * new_key.to(tl.float32), axis=3), -1e30)
    total = tl.where(has_first, tl.full([GROUP, 1, STREAMS], 1.0, tl.float32), 0.0)
    output = tl.where(has_first[:, :, :, None], new_value.to(tl.float32), 0.0)
    output = tl.broadcast_to(output, [GROUP, 1, STREAMS, SIZE])
    for _ in range(start, end, block):
        ranks += block
        places += block * SIZE
        follows = (ranks < end)[:, :, :, None]
        next_key = tl.load(keys + places, mask=follows, other=0.0)
        next_value = tl.load(values + places, mask=follows, other=0.0)
        score = tl.sum(query * key.to(tl.float32), axis=3)
        score = tl.where(ranks - block < end, score, float("-inf"))
        larger = tl.maximum(maximum, tl.max(score, axis=1, keep_dims=True))
        shrink = tl.exp2(maximum - larger)
        weight = tl.exp2(score - larger)
        total = total * shrink + tl.sum(weight, axis=1, keep_dims=True)
        added = tl.sum(weight[:, :, :, None] * value.to(tl.float32), axis=1, keep_dims=True)
        output = output * shrink[:, :, :, None] + added
        maximum = larger
        key, value = next_key, next_value

    highest = tl.max(maximum, axis=2, keep_dims=True)
    scale = tl.exp2(maximum - highest)
    result = tl.sum(tl.sum(output * scale[:, :, :, None], axis=2), axis=1)
    total_of_all = tl.sum(tl.sum(total * scale, axis=2), axis=1)
    highest = tl.sum(tl.sum(highest, axis=2), axis=1)  # the axes have one element
    target = out + row * GROUP * KV_HEADS * SIZE + (kv_head * GROUP + group)[:, None] * SIZE
    target += sizes[None, :]
    if parts == 1:
        tl.store(target, result / total_of_all[:, None])
    else:
        place = (head * PARTS + part) * GROUP + group
        tl.store(maxima + place, highest)
        tl.store(sums + place, total_of_all)
        tl.store(outputs + place[:, None] * SIZE + sizes[None, :], result)
        tl.debug_barrier()  # the atomic below is one thread's; it releases what all have stored
        ready = tl.atomic_add(tickets + head, 1, sem="acq_rel", scope="gpu")
        if ready == parts - 1:
            # Other multiprocessors wrote these; their L1 caches are not coherent, so L2 is read.
            number = tl.arange(0, PARTS)[:, None]
            slots = (head * PARTS + number) * GROUP + group[None, :]
            part_maxima = tl.load(
                maxima + slots, mask=number < parts, other=float("-inf"), cache_modifier=".cg"
            )
            part_sums = tl.load(sums + slots, mask=number < parts, other=0.0, cache_modifier=".cg")
            part_outputs = tl.load(
                outputs + slots[:, :, None] * SIZE + sizes[None, None, :],
                mask=(number < parts)[:, :, None],
                other=0.0,
                cache_modifier=".cg",
            )
            part_weights = tl.exp2(part_maxima - tl.max(part_maxima, axis=0)[None, :])
            combined = tl.sum(part_weights * part_sums, axis=0)
            result = tl.sum(part_weights[:, :, None] * part_outputs, axis=0) / combined[:, None]
            tl.store(target, result)
            tl.store(tickets + head, 0)  # for the next layer


class PartialSums:
    """What the parts of one call leave for the one that combines them."""

    def __init__(
        self,
        like: Tensor,
        rows: int,
        kv_heads: int,
        group: int,
        size: int,
        *,
        cut: Cut | None = None,
    ) -> None:
        """like: a tensor on the device."""
        self.cut = Cut.of(rows * kv_heads) if cut is None else cut
        parts = (rows * kv_heads, self.cut.parts, group)
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
    overlap: see `podtts.llm.kernels.projection.project`; positions, and keys and values before
            them, are read while the kernel before still runs.
    """
    rows, kv_heads, _, size = keys.shape
    group, cut = out.shape[1] // size // kv_heads, sums.cut
    assert keys.stride(3) == 1
    assert keys.stride(2) == size
    assert values.stride() == keys.stride()
    # A lane reads 16 bytes, so many lanes read a head, and the streams take all lanes.
    streams = max(1, min(cut.block, cut.warps * 32 * 16 // (size * keys.itemsize)))
    attend_parts[(rows * kv_heads, cut.parts)](
        qkv, q_norm, k_norm, angles, positions, keys, values, keys.stride(0), keys.stride(1),
        sums.maxima, sums.sums, sums.outputs, sums.tickets, out, eps,
        KV_HEADS=kv_heads, GROUP=group, SIZE=size, PARTS=cut.parts, LEAST=cut.least,
        EACH=cut.block // streams, STREAMS=streams,
        PDL=overlap, launch_pdl=overlap, num_warps=cut.warps,
    )  # fmt: skip
