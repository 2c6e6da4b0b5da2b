import pytest

from podtts.cli.amounts import format_bytes, parse_age, parse_bytes
from podtts.errors import UsageError


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("500", 500), ("1k", 1024), ("500M", 500 * 2**20), (" 1.5 G ", 3 * 2**29)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("90s", 90), ("5m", 300), ("12h", 43_200), ("30d", 2_592_000), ("1.5w", 907_200)],
)
def test_ages(text: str, seconds: float) -> None:
    assert parse_age(text) == seconds


@pytest.mark.parametrize("text", ["", "M", "-1", "1X", "1e3", "nan", "1 000", "1,5G", "٣"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no size"):
        parse_bytes(text)
    with pytest.raises(UsageError, match="is no age"):
        parse_age(text)


def test_an_age_needs_a_unit() -> None:
    with pytest.raises(UsageError, match="examples of ages: 30d, 12h"):
        parse_age("30")


def test_sizes_are_formatted_for_people() -> None:
    shown = [format_bytes(size) for size in (0, 1023, 1024, 500 * 2**20, 3 * 2**29)]
    assert shown == ["0 B", "1023 B", "1 KiB", "500 MiB", "1.5 GiB"]
