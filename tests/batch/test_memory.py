import pytest
import torch
from support.golden_data import models

from podtts.batch.memory import MAX_ROWS, activation_bytes, kv_bytes, rows_that_fit
from podtts.device.memory import free_memory_bytes
from podtts.options import SamplingOptions, SynthesisOptions
from podtts.weights.published_sizes import PUBLISHED_LLM

PUBLISHED = SynthesisOptions()
SHORT = SynthesisOptions(sampling=SamplingOptions(max_tokens=250))


def test_a_row_of_the_published_size_is_one_gibibyte() -> None:
    assert kv_bytes(PUBLISHED_LLM, torch.bfloat16, PUBLISHED) == 112 * 2**10 * 9 * 1024
    assert kv_bytes(PUBLISHED_LLM, torch.float32, PUBLISHED) == 2 * 112 * 2**10 * 9 * 1024
    assert kv_bytes(PUBLISHED_LLM, torch.bfloat16, SHORT) == 112 * 2**10 * 7 * 1024


def test_longer_turns_need_more_room_than_in_proportion() -> None:
    twice = SynthesisOptions(sampling=SamplingOptions(max_tokens=6000))
    assert activation_bytes(twice) > 2 * activation_bytes(PUBLISHED) > 10 * activation_bytes(SHORT)


def test_there_is_always_one_row_and_never_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    free = free_memory_bytes(torch.device("cpu"))
    assert free > 0
    # Other programs take and give memory between one call and the next.
    monkeypatch.setattr("podtts.batch.memory.free_memory_bytes", lambda device: free)
    assert rows_that_fit(models(), SHORT, share=10**9) == 1
    assert rows_that_fit(models(), SHORT, share=1) <= MAX_ROWS
    fewer = [rows_that_fit(models(), SHORT, share) for share in (1, 4, 10**9)]
    assert fewer == sorted(fewer, reverse=True)
