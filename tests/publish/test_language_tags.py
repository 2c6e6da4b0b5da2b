import pytest

from podtts.publish.language_tags import (
    episode_language_tag,
    lang,
    language_tag,
    turn_language_tag,
)
from podtts.publish.publish_options import LayoutOptions
from podtts.publish.timeline import lay_out
from podtts.values import Turn


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("Good evening.", "en"),
        ("你好，世界。", "zh"),
        ("<|Yue|>你好", "yue"),
        ("<|Sichuan|>要得。", "zh"),
        ("<|Yue|>Good evening.", "en"),
    ],
)
def test_a_turn_has_the_tag_of_its_language(text: str, tag: str) -> None:
    assert turn_language_tag(Turn(0, text)) == tag


def test_a_text_without_dialect_is_mandarin() -> None:
    assert language_tag("你好") == "zh"


def test_an_episode_has_the_tag_of_most_of_its_audio() -> None:
    turns = [Turn(0, "Good evening, everybody."), Turn(1, "好。")]
    for lengths, tag in (([10, 20], "zh"), ([20, 10], "en")):
        timeline = lay_out(turns, lengths, LayoutOptions(), ["anna", "ben"])
        assert episode_language_tag(timeline) == tag


def test_only_another_language_than_the_surrounding_one_is_marked() -> None:
    assert lang("zh") == ' lang="zh"'
    assert lang("en") == ""
    assert lang("zh", "zh") == ""
