import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtts.text.changes import Change, find_changes, mark_changes


@pytest.mark.parametrize(
    ("written", "spoken", "marked"),
    [
        ("It costs $9.", "It costs nine dollars.", ("It costs «$9».", "It costs «nine dollars».")),
        ("7 kg", "seven kilograms", ("«7 kg»", "«seven kilograms»")),  # one change, not two
        ("Same.", "Same.", ("Same.", "Same.")),
        ("有9个。", "有九个。", ("有«9»个。", "有«九»个。")),
        ("Go 🎉!", "Go!", ("Go« 🎉»!", "Go«»!")),
    ],
)
def test_changes_are_marked(written: str, spoken: str, marked: tuple[str, str]) -> None:
    assert mark_changes(written, spoken) == marked


def test_changes_have_both_forms() -> None:
    assert [change for change in find_changes("a 5 b", "a five b") if change.is_one] == [
        Change("5", "five")
    ]


@given(st.text("ab 5.中"), st.text("ab 五.中"))
def test_the_parts_make_up_both_forms(written: str, spoken: str) -> None:
    parts = find_changes(written, spoken)
    assert "".join(part.written for part in parts) == written
    assert "".join(part.spoken for part in parts) == spoken
