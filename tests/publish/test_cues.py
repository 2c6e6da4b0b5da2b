import itertools

import pytest

from podtts.publish.cues import WIDEST_CUE, cues, shown_text, split_text
from podtts.publish.publish_options import LayoutOptions
from podtts.publish.timeline import lay_out
from podtts.values import Turn

LONG = (
    "The wind was low that night. It hummed at 3.5 metres a second, as Dr. Moss said! "
    "Nobody, not even the oldest of the fishermen, could remember a tone as deep as that one. Why?"
)


def test_tags_are_shown_in_words() -> None:
    assert shown_text("<|Sichuan|>好 <|throat_clearing|>Well<|laughter|>") == (
        "好 (throat clearing) Well (laughter)"
    )


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Short. And sweet.", ["Short. And sweet."]),
        (
            LONG,
            [
                "The wind was low that night. It hummed at 3.5 metres a second, as Dr. Moss said!",
                "Nobody, not even the oldest of the fishermen,",
                "could remember a tone as deep as that one.",
                "Why?",
            ],
        ),
        ("好。" * 30, ["好。" * 21, "好。" * 9]),
        ("长" * 50, ["长" * 42, "长" * 8]),
        ("a" * 200, ["a" * 200]),
    ],
)
def test_long_texts_are_split_at_natural_pauses(text: str, parts: list[str]) -> None:
    assert split_text(text) == parts


def test_split_parts_are_complete_and_narrow_enough() -> None:
    text = " ".join(LONG for _ in range(20))
    parts = split_text(text)
    assert " ".join(parts) == text
    assert max(map(len, parts)) <= WIDEST_CUE


def test_cues_fill_their_turn_exactly() -> None:
    turns = [Turn(0, LONG), Turn(1, "Yes."), Turn(0, "Lost.")]
    timeline = lay_out(turns, [240_001, 24_000, 0], LayoutOptions(), ["anna", "ben"])
    shown = list(cues(timeline))
    first = [cue for cue in shown if cue.turn.number == 1]
    assert first[0].start == 0
    assert first[-1].stop == 240_001
    assert all(a.stop == b.start for a, b in itertools.pairwise(first))
    assert all(cue.stop > cue.start and cue.estimated for cue in first)
    longest = max(first, key=lambda cue: cue.stop - cue.start)
    assert longest.text.startswith("The wind was low")
    assert [(cue.text, cue.estimated) for cue in shown if cue.turn.number == 2] == [("Yes.", False)]
    assert all(cue.turn.number != 3 for cue in shown)  # it has no audio
