import pytest

from podtts.text.counting import counted


@pytest.mark.parametrize(("count", "words"), [(0, "0 turns"), (1, "1 turn"), (2, "2 turns")])
def test_one_thing_is_not_several(count: int, words: str) -> None:
    assert counted(count, "turn") == words
