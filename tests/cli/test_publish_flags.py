from datetime import date
from pathlib import Path

import pytest

from podtts.cli.publish_flags import PublishFlags, today
from podtts.errors import UsageError
from podtts.publish.publish_options import LayoutOptions, PublishOptions


def test_the_defaults_of_the_flags_are_those_of_the_options() -> None:
    assert PublishFlags().options("wav", None) == PublishOptions()


def test_flags_become_options() -> None:
    flags = PublishFlags(gap=0.5, loudness=-16.0, split="turns", subtitles="srt, vtt", title="On")
    assert flags.options("flac", Path("page.html")) == PublishOptions(
        layout=LayoutOptions(gap_seconds=0.5),
        format="flac",
        loudness_lufs=-16.0,
        splits=("turns",),
        subtitles=("srt", "vtt"),
        page=Path("page.html"),
        title="On",
    )


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(UsageError, match="unknown subtitles 'str'; did you mean srt"):
        PublishFlags(subtitles="str").options("wav", None)


@pytest.mark.parametrize(
    ("epoch", "day"),
    [("0", "1970-01-01"), ("1767225600", "2026-01-01"), ("253402300799", "9999-12-31")],
)
def test_the_source_date_epoch_is_the_date_of_an_episode(
    epoch: str, day: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert today() == day


def test_without_a_source_date_epoch_it_is_today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "")
    days = [date.today().isoformat()]
    day = today()
    assert day in [*days, date.today().isoformat()]  # midnight may have passed in between


@pytest.mark.parametrize(
    "epoch", ["abc", "-5", "1.5", "+1", " 1", "1\n", "²", "٣", "253402300800", "9" * 5000]
)
def test_a_source_date_epoch_that_is_no_date_is_refused(
    epoch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
        PublishFlags().options("wav", None)
