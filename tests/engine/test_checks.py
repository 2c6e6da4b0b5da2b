import pytest
import torch

from podtts.engine.checks import is_finite, token_problems, wave_problems
from podtts.text.length import expected_seconds
from podtts.values import SpeechTokens


def tokens(seconds: float, *, ended: bool = True) -> SpeechTokens:
    return SpeechTokens((0,) * round(seconds * 25), ended)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("你好世界", 1.0), ("hello there world", 1.25), ("<|laughter|>", 0.0), ("我 love 你", 0.833)],
)
def test_expected_length_counts_characters_and_letters(text: str, seconds: float) -> None:
    assert expected_seconds(text) == pytest.approx(seconds, abs=1e-3)


LONG = "This sentence has about sixty letters, so it takes five seconds to say."  # 57 letters


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (tokens(5), None),
        (tokens(2), None),
        (tokens(15), None),
        (tokens(18), "takes 18.0 s where the text asks for about 4.8 s"),
        (tokens(0.32), "ends after 0.3 s where the text asks for about 4.8 s"),
        (tokens(5, ended=False), "limit of 125 tokens"),
    ],
)
def test_length_far_from_the_text_is_a_problem(said: SpeechTokens, problem: str | None) -> None:
    found = list(token_problems(LONG, said))
    assert len(found) == (problem is not None)
    assert all(problem in line for line in found if problem)


def test_short_texts_have_room() -> None:
    assert not list(token_problems("Yes.", tokens(0.4)))
    assert not list(token_problems("<|sigh|>", tokens(1.5)))


def test_silence_and_constant_signals_are_problems() -> None:
    wave = torch.sin(torch.arange(4800) / 10) * 0.3
    assert not list(wave_problems(wave))
    assert list(wave_problems(torch.zeros(4800))) == ["it is silent"]
    assert list(wave_problems(torch.full((4800,), 0.99))) == ["it is a constant signal"]


def test_one_nan_or_infinity_is_seen() -> None:
    values = torch.ones(1000)
    assert is_finite(values)
    for bad in (float("nan"), float("inf"), -float("inf")):
        values[777] = bad
        assert not is_finite(values)
