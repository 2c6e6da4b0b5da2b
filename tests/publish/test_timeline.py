import pytest

from podtts.publish.publish_options import LayoutOptions
from podtts.publish.timeline import lay_out, silence_before, speaker_names
from podtts.values import Chapter, Turn

ANNA, BEN = Turn(0, "a"), Turn(1, "b")


@pytest.mark.parametrize(
    ("previous", "turn", "samples"),
    [
        (None, ANNA, 0),
        (None, Turn(0, "a", pause=0.5), 12_000),
        (ANNA, BEN, 6_000),
        (ANNA, ANNA, 2_400),
        (ANNA, Turn(0, "a", continues=True), 0),
        (ANNA, Turn(0, "a", continues=True, pause=0.8), 19_200),
        (ANNA, Turn(1, "b", pause=1.0), 30_000),
        (ANNA, Turn(0, "a", pause=10.0), 242_400),
    ],
)
def test_silence_is_the_sum_of_gap_and_pause(
    previous: Turn | None, turn: Turn, samples: int
) -> None:
    options = LayoutOptions(gap_seconds=0.25, same_speaker_gap_seconds=0.1)
    assert silence_before(previous, turn, options) == samples


def test_the_gap_of_one_speaker_defaults_to_the_other_gap() -> None:
    assert silence_before(ANNA, ANNA, LayoutOptions(gap_seconds=0.5)) == 12_000
    assert silence_before(ANNA, ANNA, LayoutOptions(0.5, 0.0)) == 0


def test_turns_have_exact_positions() -> None:
    turns = [ANNA, BEN, Turn(1, "c", continues=True, pause=0.1)]
    timeline = lay_out(turns, [960, 0, 7], LayoutOptions(), ["anna", "ben"])
    assert [(turn.start, turn.stop) for turn in timeline.turns] == [
        (0, 960),
        (6_960, 6_960),
        (9_360, 9_367),
    ]
    assert timeline.samples == 9_367
    assert [turn.number for turn in timeline.turns] == [1, 2, 3]
    assert timeline.name(timeline.turns[2]) == "ben"


def test_chapters_cover_the_episode() -> None:
    chapters = [
        Chapter("Before", 0),
        Chapter("Part", 1),
        Chapter("One", 1),
        Chapter("Two", 2),
        Chapter("Nothing below", 3),
        Chapter("Not spoken", 9),
    ]
    turns = [Turn(0, "a", pause=1.0), BEN, ANNA]
    timeline = lay_out(turns, [100, 100, 100], LayoutOptions(), ["anna", "ben"], chapters)
    starts = [turn.start for turn in timeline.turns]
    assert [(chapter.title, chapter.start, chapter.stop) for chapter in timeline.chapters] == [
        ("Before", 0, starts[1]),
        ("Part: One", starts[1], starts[2]),
        ("Two", starts[2], timeline.samples),
    ]


def test_positions_do_not_drift_in_two_hours() -> None:
    """The sum is exact although the lengths are not whole milliseconds."""
    turns = [Turn(index % 2, "a", pause=0.1 if index % 3 else 0.0) for index in range(1500)]
    lengths = [24_000 * 5 + 7 * index for index in range(1500)]
    timeline = lay_out(turns, lengths, LayoutOptions(), ["anna", "ben"])
    silences = 1499 * 6_000 + 1000 * 2_400
    assert timeline.samples == sum(lengths) + silences
    assert timeline.samples > 2 * 3600 * 24_000
    assert timeline.turns[-1].stop == timeline.samples
    assert all(
        before.stop <= after.start
        for before, after in zip(timeline.turns, timeline.turns[1:], strict=False)
    )


def test_speakers_have_the_names_of_their_voices_when_labels_are_numbers() -> None:
    assert speaker_names(["S1", "S2"], ["anna", "ben"]) == ("anna", "ben")
    assert speaker_names(["S1", "S2"], ["anna", "anna"]) == ("S1", "S2")
    assert speaker_names(["Host", "S2"], ["anna", "ben"]) == ("Host", "S2")
