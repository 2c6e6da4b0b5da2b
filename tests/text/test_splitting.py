from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtts.text.splitting import candidate_splits, group_evenly


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("One. Two! Three", ["One. ", "Two! ", "Three"]),
        ("one, two; three: four — five", ["one, ", "two; ", "three: ", "four — ", "five"]),
        ("一，二；三", ["一，", "二；", "三"]),
        ("one two three", ["one ", "two ", "three"]),
        ("一二三", ["一", "二", "三"]),
        ("1,234 and 5 kg", ["1,234 and 5 kg"]),  # a number and its unit stay together
        ("it has 3 dogs here", ["it ", "has 3 dogs ", "here"]),
        ("x<|sigh|>y<|throat_clearing|>z", ["x<|sigh|>y<|throat_clearing|>z"]),
        ("word", ["word"]),
    ],
)
def test_the_first_candidate_is_the_coarsest(text: str, pieces: list[str]) -> None:
    assert next(candidate_splits(text), [text]) == pieces


@given(st.text("ab 1中，,.。<|sigh|>"))
def test_joined_pieces_are_the_text_and_no_number_is_split(text: str) -> None:
    for pieces in candidate_splits(text):
        assert "".join(pieces) == text
        for before, after in pairwise(pieces):
            assert not (before[-1].isdigit() and after[0].isdigit())


def test_groups_are_few_and_even() -> None:
    assert group_evenly([4.0] * 11, float, 40) == [[4.0] * 6, [4.0] * 5]
    assert group_evenly([1.0, 2.0], float, 40) == [[1.0, 2.0]]
    assert group_evenly([50.0, 1.0], float, 40) == [[50.0], [1.0]]
    assert group_evenly([], float, 40) == []


@given(st.lists(st.floats(0, 50), min_size=1), st.floats(1, 60))
def test_groups_fit_and_keep_the_order(sizes: list[float], longest: float) -> None:
    groups = group_evenly(sizes, float, longest)
    assert [size for group in groups for size in group] == sizes
    assert all(sum(group) <= longest or len(group) == 1 for group in groups)
    assert all(groups)
