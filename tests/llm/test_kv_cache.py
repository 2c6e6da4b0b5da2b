import copy

import pytest
import torch
from support.golden_data import models, tensors

from podtts.llm.kv_cache import CacheRows


def test_a_trimmed_cache_continues_as_before_the_dropped_tokens() -> None:
    llm = models().llm
    ids = tensors("llm")["input_ids"]
    cache = llm.new_cache()
    with torch.inference_mode():
        llm(ids[:, :20], cache)
        expected = llm.logits(llm(ids[:, 20:25], copy.deepcopy(cache)))
        llm(ids[:, 30:], cache)
        cache.trim(20)
        again = llm.logits(llm(ids[:, 20:25], cache))
    assert torch.equal(again, expected)
    with pytest.raises(ValueError, match="cannot trim"):
        cache.trim(1000)


def test_a_growing_cache_keeps_its_tokens() -> None:
    llm = models().llm
    ids = torch.randint(0, llm.config.vocab_size, (1, 1500), generator=torch.Generator())
    cache = llm.new_cache()
    with torch.inference_mode():
        llm(ids[:, :1000], cache)
        before = cache.keys[:, :, :, :1000].clone()
        llm(ids[:, 1000:], cache)
    assert cache.length == 1500
    assert torch.equal(cache.keys[:, :, :, :1000], before)


def filled(lengths: tuple[int, ...]) -> CacheRows:
    """Rows of these lengths whose valid tokens hold their row's number plus one."""
    caches = CacheRows(2, len(lengths), 1, 4, torch.float32, torch.device("cpu"))
    caches.reserve(max(lengths))
    for row, (cache, length) in enumerate(zip(caches.rows, lengths, strict=True)):
        cache.keys[:, :, :, :length] = row + 1
        cache.values[:, :, :, :length] = -row - 1
        cache.advance(length)
    return caches


def test_memory_grows_by_1024_tokens_for_all_rows() -> None:
    caches = filled((3, 5))
    assert caches.capacity == 1024
    caches.rows[0].reserve(1021)
    assert caches.capacity == 1024
    caches.rows[1].reserve(1020)
    assert caches.capacity == 2048
    for row, cache in enumerate(caches.rows):
        assert (cache.keys[:, :, :, : cache.length] == row + 1).all()
        assert (cache.keys[:, :, :, cache.length :] == 0).all()


def test_swapped_rows_move_and_their_caches_follow() -> None:
    caches = filled((3, 7, 5))
    first, second, third = caches.rows
    caches.swap(0, 1)
    assert caches.rows == [second, first, third]
    assert [cache.index for cache in (first, second, third)] == [1, 0, 2]
    for number, cache in enumerate((first, second, third), start=1):
        assert (cache.keys[:, :, :, : cache.length] == number).all()
        assert (cache.values[:, :, :, : cache.length] == -number).all()


def test_trimming_clears_the_dropped_tokens_and_the_position_after_them() -> None:
    cache = filled((6,)).rows[0]
    cache.keys[:, :, :, 6] = torch.nan  # as an idle row of a batch may write
    cache.trim(2)
    assert cache.length == 2
    assert (cache.keys[:, :, :, :2] == 1).all()
    assert (cache.keys[:, :, :, 2:] == 0).all()


def test_memory_is_reserved_within_a_limit() -> None:
    for limit_tokens, capacity in ((100, 0), (1500, 1024), (4096, 4096), (9000, 4096)):
        caches = CacheRows(2, 3, 1, 4, torch.float32, torch.device("cpu"))
        token_bytes = 2 * 2 * 3 * 1 * 4 * 4
        caches.reserve_within(limit_tokens * token_bytes)
        assert caches.capacity == capacity
