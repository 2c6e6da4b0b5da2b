import pytest

from podtts.text.clock_times import parse_time, written_time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12", 12.0),
        ("12.5", 12.5),
        ("0:12", 12.0),
        ("1:02.25", 62.25),
        ("1:02:03", 3723.0),
        (" 95 ", 95.0),
        ("0:75", None),
        ("1:2:75", None),
        ("-3", None),
        ("soon", None),
        ("", None),
    ],
)
def test_positions_are_read(text: str, seconds: float | None) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0:00.00"), (12.5, "0:12.50"), (59.999, "1:00.00"), (3723.4, "1:02:03.40")],
)
def test_positions_are_written(seconds: float, text: str) -> None:
    assert written_time(seconds) == text
    assert parse_time(text) == pytest.approx(seconds, abs=0.005)
