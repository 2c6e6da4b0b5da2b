import pytest

from podtts.errors import UsageError
from podtts.publish.option_names import override_options
from podtts.publish.publish_options import LayoutOptions, PublishOptions


def test_named_values_replace_those_of_the_options() -> None:
    options = PublishOptions(LayoutOptions(gap_seconds=0.5), artist="Anna")
    values = {"gap_same_speaker": 0.1, "sample_rate": 48_000, "subtitles": "srt,vtt"}
    assert override_options(options, values) == PublishOptions(
        LayoutOptions(gap_seconds=0.5, same_speaker_gap_seconds=0.1),
        rate_hz=48_000,
        subtitles=("srt", "vtt"),
        artist="Anna",
    )
    assert override_options(options, {}) == options


def test_several_names_are_a_list_a_text_or_none() -> None:
    for value, splits in (("turns", ("turns",)), (["speakers"], ("speakers",)), (None, ())):
        assert override_options(PublishOptions(), {"split": value}).splits == splits


def test_invalid_values_are_refused() -> None:
    with pytest.raises(UsageError, match="unknown split 'turn'; did you mean turns"):
        override_options(PublishOptions(), {"split": "turn"})
    with pytest.raises(UsageError, match="gap is -1"):
        override_options(PublishOptions(), {"gap": -1})
