import pytest

from podtts.cli.earlier_run import parse_retakes
from podtts.errors import UsageError


@pytest.mark.parametrize(
    ("flag", "turns"), [(None, set()), ("7", {6}), ("7, 12", {6, 11}), ("1,1", {0})]
)
def test_retakes_are_turns_of_the_script(flag: str | None, turns: set[int]) -> None:
    assert parse_retakes(flag, 12) == turns


@pytest.mark.parametrize("flag", ["", "0", "13", "-1", "1,", "two", "1.5"])
def test_other_retakes_are_refused(flag: str) -> None:
    with pytest.raises(UsageError, match="is no turn of this script") as refused:
        parse_retakes(flag, 12)
    assert refused.value.hint == "its turns are 1 to 12; separate numbers by commas"
