from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtts.errors import ScriptError
from podtts.options import SamplingOptions
from podtts.rates import TOKENS_PER_SECOND
from podtts.script.model import Script
from podtts.script.parse import parse_script
from podtts.script.spoken import SpeechTextOptions, spoken_script
from podtts.text.length import LONGEST_TURN_SECONDS, expected_seconds
from podtts.text.lexicon import parse_lexicon

LONG = "This sentence has 12 words, and it takes about four seconds to say. " * 30


def texts(script: Script) -> list[str]:
    return [turn.text for turn in script.turns]


def test_turns_have_their_spoken_and_written_form() -> None:
    lexicon = parse_lexicon("GWh = gigawatt hours\n[zh]\n银行 = 银航\n[yue]\n銀行 = 銀航", "x")
    script = parse_script(
        "[S1] She’s got 5 GWh. <|laughter|>我有3个银行。\n"
        "[S2] <|Yue|>銀行有3間。銀行！\n[S1] 銀行。"
    )
    spoken = spoken_script(script, SpeechTextOptions(lexicon))
    assert texts(spoken) == [
        "She's got five gigawatt hours. <|laughter|>我有三个银航。",
        "<|Yue|>銀航有三間。銀航！",
        "銀行。",
    ]
    assert [turn.shown for turn in spoken.turns] == texts(script)
    assert [bool(turn.written) for turn in spoken.turns] == [True, True, False]


def test_without_normalization_only_the_lexicon_applies() -> None:
    options = SpeechTextOptions(parse_lexicon("GWh = gigawatt hours", "x"), normalize=False)
    script = parse_script("[S1] She’s got 5 GWh.")
    assert texts(spoken_script(script, options)) == ["She’s got 5 gigawatt hours."]


def test_the_lexicon_applies_before_verbalization() -> None:
    options = SpeechTextOptions(parse_lexicon("A380 = A 3 80\nshe's = she is", "x"))
    script = parse_script("[S1] She’s in an A380.")
    assert texts(spoken_script(script, options)) == ["she is in an A three eighty."]


def test_the_lexicon_wins_over_everything() -> None:
    lexicon = parse_lexicon("Dr. = Drive\nkg = kay gee\nHenry VIII = Henry vee\nMIT/X = MIT X", "x")
    script = parse_script("[S1] Dr. Lee has 5 kg, Henry VIII, MIT/X and Rocky II.")
    assert texts(spoken_script(script, SpeechTextOptions(lexicon))) == [
        "Drive Lee has five kay gee, Henry vee, MIT X and Rocky two."
    ]


def test_what_is_left_out_is_told_with_its_line() -> None:
    script = parse_script("[S1] One.\n[S2] Yes 🎉, 🎉 it is 7.500. <|sigh|> Well 👍.")
    spoken = spoken_script(script)
    assert texts(spoken)[1] == "Yes, it is seven point five zero zero. <|sigh|> Well."
    assert spoken.warnings == (
        "<script>:2: 🎉 has no sound and is left out",
        "<script>:2: 🎉 has no sound and is left out",
        "<script>:2: 👍 has no sound and is left out",
        "<script>:2: 7.500 is read as a decimal; for thousands write 7,500",
    )


def test_ordinary_text_is_unchanged() -> None:
    script = parse_script(
        "S1 = anna, rate 0.9\n[S1] Hello, <|sigh|> world. [pause 1] 你好！\n# End"
    )
    assert spoken_script(script) == script


def test_a_long_turn_is_split_after_sentences() -> None:
    script = parse_script(f"# Start\n[S1] Hi. [pause 1] {LONG}\n# Middle\n[S2] Yes.")
    spoken = spoken_script(script)
    parts = spoken.turns[1:-1]
    assert len(parts) > 2
    assert {turn.speaker for turn in parts} == {0}
    assert all(turn.continues for turn in parts)
    assert [turn.pause for turn in parts] == [1.0] + [0.0] * (len(parts) - 1)
    assert all(turn.text.startswith("This") and turn.text.endswith("say.") for turn in parts)
    assert " ".join(turn.text for turn in parts) == LONG.replace("12", "twelve").strip()
    assert " ".join(turn.shown for turn in parts) == LONG.strip()
    lengths = [expected_seconds(turn.text) for turn in parts]
    assert max(lengths) < 2 * min(lengths)  # evenly split
    assert not spoken.turns[-1].continues
    assert [chapter.turn for chapter in spoken.chapters] == [0, len(spoken.turns) - 1]
    [warning] = spoken.warnings
    assert warning.startswith("<script>:2: a turn of about ")
    assert warning.endswith(f"into {len(parts)} turns, numbers 2 to {len(parts) + 1}")


def test_every_part_of_a_long_turn_has_its_dialect() -> None:
    spoken = spoken_script(parse_script("[S1] <|Sichuan|>" + "今天天气好得很。" * 50))
    assert len(spoken.turns) > 1
    assert all(turn.text.startswith("<|Sichuan|>今天") for turn in spoken.turns)


@pytest.mark.parametrize(
    "text", ["word " * 400, "一二三四" * 100, "one, two; " * 100, "It has 5 kg and " * 60]
)
def test_long_text_without_sentences_is_split(text: str) -> None:
    spoken = spoken_script(parse_script(f"[S1] {text}"))
    assert len(spoken.turns) > 1
    assert all(expected_seconds(turn.text) <= LONGEST_TURN_SECONDS for turn in spoken.turns)


@given(
    st.lists(
        st.sampled_from(
            ["One. ", "two ", "3,141.5 kg ", "<|laughter|>", "你好。", "世界，", "5", "！"]
        ),
        min_size=1,
        max_size=40,
    ),
    st.floats(0.1, 5),
)
def test_splitting_loses_no_text(parts: list[str], longest: float) -> None:
    script = parse_script("[S1] x " + "".join(parts))
    unsplit = spoken_script(script, SpeechTextOptions(longest_seconds=1e9))
    split = spoken_script(script, SpeechTextOptions(longest_seconds=longest))
    joined = "".join(texts(split)).replace(" ", "")
    assert joined == unsplit.turns[0].text.replace(" ", "")
    assert "".join(turn.shown for turn in split.turns).replace(" ", "") == (
        script.turns[0].text.replace(" ", "")
    )
    for before, after in pairwise(split.turns):
        assert after.continues
        assert not (before.shown[-1].isdigit() and after.shown[0].isdigit())


def test_the_longest_turn_is_well_within_the_limit_of_the_model() -> None:
    limit_seconds = SamplingOptions().max_tokens / TOKENS_PER_SECOND
    assert limit_seconds >= LONGEST_TURN_SECONDS * 3  # slower turns fail the length check


@pytest.mark.parametrize("text", [".", "…", "\u200b", "?!", "—"])
def test_a_turn_with_nothing_to_say_is_silence_before_the_next_words(text: str) -> None:
    spoken = spoken_script(parse_script(f"[S1] One.\n# Two\n[S2] {text}\n[S1] [pause 0.5] Two."))
    assert [(turn.text, turn.pause) for turn in spoken.turns] == [("One.", 0.0), ("Two.", 1.3)]
    assert [chapter.turn for chapter in spoken.chapters] == [1]
    (warning,) = spoken.warnings
    assert warning.startswith("<script>:3: nothing to say in this turn")
    assert warning.endswith("it is 0.8 s of silence before the next words")


def test_silence_of_many_turns_is_at_most_a_pause() -> None:
    spoken = spoken_script(parse_script("[S1] One.\n" + "[S2] .\n" * 20 + "[S1] Two."))
    assert spoken.turns[1].pause == 10.0
    assert len(spoken.warnings) == 20


def test_a_turn_with_nothing_to_say_at_the_end_has_no_sound() -> None:
    spoken = spoken_script(parse_script("[S1] One.\n[S2] ."))
    assert [turn.text for turn in spoken.turns] == ["One."]
    assert spoken.warnings == ('<script>:2: nothing to say in this turn ".", and no words follow',)


def test_words_without_a_spoken_form_are_kept_as_written() -> None:
    """Silence is for what has no words: an address that a grammar rejects is not silent."""
    for text in ("sale.com/50%", "x", "7"):
        (turn,) = spoken_script(parse_script(f"[S1] {text}")).turns
        assert any(character.isalnum() for character in turn.text)


def test_a_script_with_nothing_to_say_is_refused() -> None:
    with pytest.raises(ScriptError, match="<script>:1: the script has nothing to say"):
        spoken_script(parse_script("[S1] .\n[S2] …"))


@given(st.lists(st.sampled_from(["Word ", "don't, ", "好", "。", "…", "<|sigh|>", "é! ", "“So” "])))
def test_any_ordinary_text_is_unchanged(parts: list[str]) -> None:
    script = parse_script("[S1] x" + "".join(parts))
    assert spoken_script(script) == script


def test_a_very_long_turn_is_split_in_reasonable_time() -> None:
    spoken = spoken_script(parse_script("[S1] " + "word " * 20_000))
    assert len(spoken.turns) > 100
