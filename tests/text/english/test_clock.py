"""Times, durations, ratios and verses in English."""

import pytest
from support.reading import english


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("at 6:45", "at six forty five"),
        ("at 6:05 pm", "at six oh five PM"),
        ("at 9 a.m. sharp", "at nine AM sharp"),
        ("We left at 9 p.m.", "We left at nine PM."),
        ("at 17:00", "at seventeen o'clock"),
        ("at 00:00", "at midnight"),
        ("at 8.30 am", "at eight thirty AM"),
        ("at 7pm EST", "at seven PM EST"),
        ("at 12:30 p.m. GMT", "at twelve thirty PM GMT"),
        ("0730 hrs", "zero seven thirty hours"),
    ],
)
def test_times_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("8 am–6 pm", "eight AM to six PM"),
        ("8-6pm", "eight to six PM"),
        ("9:15-10:45", "nine fifteen to ten forty five"),
    ],
)
def test_ranges_of_times_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("3h 12m", "three hours twelve minutes"),
        ("1h05", "one hour five minutes"),
        ("1h20m, then 3m05s", "one hour twenty minutes, then three minutes five seconds"),
        ("4h15m, 2d", "four hours fifteen minutes, two d"),
        ("2 min 1 sec", "two minutes one second"),
        ("1d 4h", "one day four hours"),
        ("2:03:04", "two hours three minutes and four seconds"),
    ],
)
def test_durations_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("a 4:3 screen", "a four to three screen"),
        ("5:1 odds", "five to one odds"),
        ("a scale of 1:50,000", "a scale of one to fifty thousand"),
        ("Luke 6:31", "Luke six thirty one"),
        ("Psalm 91:1-4", "Psalm ninety one one to four"),
    ],
)
def test_ratios_and_verses_are_read(written: str, words: str) -> None:
    assert english(written) == words
