import math

import pytest

from podtts.errors import UsageError
from podtts.publish.publish_options import (
    FORMATS,
    SUBTITLES,
    LayoutOptions,
    PublishOptions,
    choose_format,
    parse_names,
)


def test_the_format_is_chosen_by_ending_or_name() -> None:
    for name in FORMATS:
        assert choose_format(f"out.{name}", None, is_stream=False) == name
        assert choose_format(f"out.{name.upper()}", name, is_stream=False) == name
        assert choose_format("-", name, is_stream=True) == name
        assert choose_format("out", name, is_stream=False) == name
    assert choose_format("-", None, is_stream=True) == "wav"
    assert choose_format("/dev/null", None, is_stream=True) == "wav"


@pytest.mark.parametrize(
    ("output", "name", "words"),
    [
        (
            "out.wave",
            None,
            ".mp3, .ogg, .opus, .m4a, .m4b; did you mean wav?",
        ),
        ("out", None, "does not end in"),
        ("out.mp3", "wav", "ends in .mp3, but --format is wav"),
        ("-", "mp4", "unknown format 'mp4'; did you mean mp3?"),
    ],
)
def test_invalid_formats_are_refused(output: str, name: str | None, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        choose_format(output, name, is_stream=output == "-")
    assert words in caught.value.problem


def test_names_are_parsed_and_unknown_ones_get_a_suggestion() -> None:
    assert parse_names("srt, vtt,srt", SUBTITLES, "subtitles") == ("srt", "vtt")
    assert parse_names(None, SUBTITLES, "subtitles") == ()
    with pytest.raises(UsageError, match="unknown subtitles 'str'; did you mean srt"):
        parse_names("str", SUBTITLES, "subtitles")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rate_hz": 22_050}, "sample-rate is 22050, but must be 24000, 44100, 48000"),
        ({"rate_hz": 44_100, "format": "opus"}, "opus has no sample rate of 44100"),
        ({"loudness_lufs": 3.0}, "loudness is 3.0"),
        ({"loudness_lufs": math.nan}, "loudness is nan"),
        ({"date": "2026-13-01"}, "date is '2026-13-01'"),
        ({"date": "today"}, "date is 'today'"),
        ({"title": "two\nlines"}, "title must be a single line"),
        ({"artist": "a" * 501}, "artist must be a single line"),
        ({"format": "wv"}, "unknown format 'wv'"),
    ],
)
def test_invalid_values_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        PublishOptions(**options)  # type: ignore[arg-type]
    assert words in caught.value.problem


@pytest.mark.parametrize("seconds", [-0.1, 10.1, math.nan, math.inf])
def test_gaps_have_a_range(seconds: float) -> None:
    with pytest.raises(UsageError, match="gap is"):
        LayoutOptions(seconds)
    with pytest.raises(UsageError, match="gap-same-speaker is"):
        LayoutOptions(0.25, seconds)


def test_parts_are_lossless() -> None:
    assert PublishOptions(format="mp3").split_format == "wav"
    assert PublishOptions(format="flac").split_format == "flac"


def test_the_option_that_needs_a_file_is_named() -> None:
    assert PublishOptions(format="mp3", rate_hz=48_000).option_that_needs_a_file() is None
    assert PublishOptions(loudness_lufs=-19).option_that_needs_a_file() == "--loudness"
    assert PublishOptions(transcript=True).option_that_needs_a_file() == "--transcript"
