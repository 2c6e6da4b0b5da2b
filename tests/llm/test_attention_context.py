"""Every kind of context caches the same keys and lets a query see the same ones."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from podtts.llm.attention_context import (
    AttentionContext,
    BatchContext,
    CachedContext,
    GraphContext,
    Rotation,
    SelfContext,
    rotary_angles,
)
from podtts.llm.kv_cache import CacheRows

HEAD = 8
LENGTHS = (3, 0, 5)


def rotation(positions: Tensor) -> Rotation:
    return Rotation(rotary_angles(HEAD, 10_000.0, positions), torch.float32)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_rotated_products_depend_on_the_distance_alone() -> None:
    q, k = random(1, 1, 1, HEAD), random(1, 1, 1, HEAD, seed=1)

    def product(query: int, key: int) -> Tensor:
        return (
            rotation(torch.tensor([query])).apply(q) * rotation(torch.tensor([key])).apply(k)
        ).sum()

    torch.testing.assert_close(product(9, 4), product(105, 100))
    assert not torch.isclose(product(9, 4), product(9, 5))


def test_position_0_is_not_rotated_and_lengths_stay() -> None:
    x = random(1, 2, 4, HEAD)
    rotated = rotation(torch.arange(4)).apply(x)
    assert torch.equal(rotated[:, :, 0], x[:, :, 0])
    torch.testing.assert_close(rotated.norm(dim=-1), x.norm(dim=-1))


def caches() -> CacheRows:
    rows = CacheRows(2, len(LENGTHS), 1, HEAD, torch.float32, torch.device("cpu"))
    rows.reserve(max(LENGTHS) + 1)
    for number, (cache, length) in enumerate(zip(rows.rows, LENGTHS, strict=True)):
        cache.keys[1, :, :, :length] = random(length, HEAD, seed=number)
        cache.values[1, :, :, :length] = random(length, HEAD, seed=10 + number)
        cache.advance(length)
    return rows


def attended(context: AttentionContext, query: Tensor, new: Tensor) -> Tensor:
    keys, values = context.update(1, new, 2 * new)
    return F.scaled_dot_product_attention(query, keys, values, attn_mask=context.mask)


@pytest.mark.parametrize("kind", ["batch", "graph"])
def test_rows_of_a_batch_attend_as_alone(kind: str) -> None:
    query, new = random(3, 1, 1, HEAD, seed=20), random(3, 1, 1, HEAD, seed=21)
    alone, together = caches(), caches()
    positions = torch.tensor(LENGTHS)
    unused = rotation(positions)
    context: AttentionContext = BatchContext(unused, positions, together)
    if kind == "graph":
        context = GraphContext(unused, positions, together.keys, together.values)
    out = attended(context, query, new)
    for row, cache in enumerate(alone.rows):
        single = CachedContext(unused, None, cache)
        expected = attended(single, query[row : row + 1], new[row : row + 1])
        torch.testing.assert_close(out[row : row + 1], expected)
    assert torch.equal(together.keys, alone.keys)
    assert torch.equal(together.values, alone.values)


def test_without_a_cache_rows_attend_to_themselves() -> None:
    context = SelfContext(rotation(torch.arange(2)), None)
    keys, values = random(2, 1, 2, HEAD), random(2, 1, 2, HEAD, seed=1)
    visible = context.update(0, keys, values)
    assert visible[0] is keys
    assert visible[1] is values
