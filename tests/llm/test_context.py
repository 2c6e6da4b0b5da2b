import pytest
from support.golden_data import trace

from podtts.llm.context import ContextWindow
from podtts.options import WindowOptions

END = 457


def replay(name: str) -> list[tuple[list[int], list[int], bool]]:
    """Feed a golden trace to a window: per turn its context, the published one, and a rebuild."""
    calls = trace(name)["llm_calls"]
    turns = calls[-22:]
    prompts = _prompts(name)
    window = ContextWindow(prompts, WindowOptions())
    out = []
    for call in turns:
        rebuilt = window.open_turn(_turn_text(call["input_ids"]))
        out.append((list(window.ids), call["input_ids"], rebuilt))
        window.close_turn(call["generated_ids"])
    return out


def _turn_text(input_ids: list[int]) -> list[int]:
    """Ids of the last turn: from its speaker token (450, 451) on."""
    start = max(place for place, token in enumerate(input_ids) if token in (450, 451))
    return input_ids[start:]


def _prompts(name: str) -> list[list[int]]:
    """Prompt entries: what stands before the first turn, cut where the second speaker starts."""
    first = trace(name)["llm_calls"][-22]["input_ids"]
    prefix = first[: len(first) - len(_turn_text(first))]
    second = prefix.index(451)
    return [prefix[:second], prefix[second:]]


@pytest.mark.parametrize("name", ["plain", "dialect"])
def test_contexts_are_the_published_ones(name: str) -> None:
    replayed = replay(name)
    assert all(ours == published for ours, published, _ in replayed)
    rebuilds = [number for number, (_, _, rebuilt) in enumerate(replayed) if rebuilt]
    published = [
        number
        for number, call in enumerate(trace(name)["llm_calls"][-22:])
        if number and call["cached_tokens"] == 0
    ]
    assert rebuilds == published
    assert len(rebuilds) == 3


@pytest.mark.parametrize("speakers", [1, 2, 3, 4])
def test_every_prompt_stays_for_any_cast(speakers: int) -> None:
    prompts = [[1000 + speaker] * 5 for speaker in range(speakers)]
    window = ContextWindow(prompts, WindowOptions())
    prefix = [token for prompt in prompts for token in prompt]
    for turn in range(60):
        window.open_turn([turn, 456])
        assert window.ids[: len(prefix)] == prefix
        window.close_turn([2000 + turn, END])


def test_rebuild_keeps_two_turns_as_text_and_two_in_full() -> None:
    window = ContextWindow([[1], [2]], WindowOptions())
    for turn in range(9):
        window.open_turn([10 + turn, 456])
        window.close_turn([100 + turn, END])
    assert window.open_turn([19, 456])
    full = [17, 456, 107, END, 18, 456, 108, END]
    assert window.ids == [1, 2, 15, 16, *full, 19, 456]


def test_long_contexts_are_rebuilt_before_the_turn_limit() -> None:
    window = ContextWindow([[1], [2]], WindowOptions(max_tokens=50))
    window.open_turn([10, 456])
    window.close_turn([100] * 60)
    assert window.open_turn([11, 456])
    assert window.ids == [1, 2, 10, 456, *[100] * 60, 11, 456]


def test_memory_is_bounded_over_a_long_dialogue() -> None:
    window = ContextWindow([[1], [2]], WindowOptions())
    longest = 0
    for _ in range(5000):
        window.open_turn([10, 456])
        window.close_turn([100, END])
        longest = max(longest, len(window.ids))
    assert longest < 60
    assert len(window._past) == 4


@pytest.mark.parametrize("speakers", [1, 2, 3, 4])
@pytest.mark.parametrize("limit", range(11))
def test_a_limited_window_has_no_more_turns(limit: int, speakers: int) -> None:
    """Up to four: exactly so many, the latest two with their speech."""
    window = ContextWindow([[1000]] * speakers, WindowOptions.of_turns(limit))
    for turn in range(60):
        window.open_turn([turn, 456])
        former = [token for token in window.ids[speakers:-2] if token < 60]
        assert len(former) <= limit
        if limit <= 4:
            assert former == list(range(max(0, turn - limit), turn))
            assert {turn - 1, turn - 2} & set(former) <= {
                token - 2000 for token in window.ids if token >= 2000
            }
        window.close_turn([2000 + turn, END])
