from recipes.mini.measures import collapsed, share


def test_runs_and_silence_are_collapsed() -> None:
    phones = ["_", "h", "h", "_", "i", "i", "?"]
    assert collapsed(phones, frozenset("_?")) == ["h", "i"]


def test_a_share_carries_its_count() -> None:
    assert share([True, False, True, True]) == {"share": 0.75, "n": 4}
