from recipes.mini.measures import share


def test_a_share_carries_its_count() -> None:
    assert share([True, False, True, True]) == {"share": 0.75, "n": 4}
