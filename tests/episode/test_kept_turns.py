from podtts.episode.kept_turns import draw_numbers, match_turns


def former(before: str, script: str) -> dict[int, int]:
    """Where the turns of a script were; a letter is what a turn says."""
    return dict(match_turns(dict(enumerate(before)), script).former)


def test_turns_are_found_behind_an_insertion_a_removal_and_a_change() -> None:
    assert former("abcd", "abxcd") == {0: 0, 1: 1, 3: 2, 4: 3}
    assert former("abcd", "acd") == {0: 0, 1: 2, 2: 3}
    assert former("abcd", "axcd") == {0: 0, 2: 2, 3: 3}
    assert former("abcd", "xyz") == {}


def test_a_turn_that_was_moved_is_found_and_none_is_used_twice() -> None:
    assert former("abcde", "adbce") == {0: 0, 1: 3, 2: 1, 3: 2, 4: 4}
    assert former("yab", "yaby") == {0: 0, 1: 1, 2: 2}
    assert former("ayb", "yayb") == {1: 0, 2: 1, 3: 2}  # in order, before those that look moved


def test_what_is_kept_is_said_with_the_numbers_of_the_script() -> None:
    assert str(match_turns(dict(enumerate("abcde")), "abxcyze")) == (
        "turns kept with the draws they were made with: 1-2, 4, 7; turns to synthesize, "
        "because they are new or have another text or speaker: 3, 5-6"
    )
    assert str(match_turns({0: "a"}, "a")).endswith("were made with: 1")
    assert "were made with: none; " in str(match_turns({0: "a"}, "b"))


def test_turns_have_draws_of_their_own_number_unless_another_turn_has_them() -> None:
    assert draw_numbers({}, 3) == {0: 0, 1: 1, 2: 2}
    inserted = {0: 0, 1: 1, 3: 2, 4: 3}
    assert draw_numbers(inserted, 5) == {**inserted, 2: 5}
    assert draw_numbers({0: 0, 1: 2}, 3) == {0: 0, 1: 2, 2: 3}  # one was removed, one appended
    assert draw_numbers({0: 0, 2: 2}, 4) == {0: 0, 1: 1, 2: 2, 3: 3}  # one was changed


def test_draws_do_not_depend_on_what_a_killed_run_has_stored() -> None:
    stored = {0: 0, 3: 1, 6: 2, 7: 3}
    whole = draw_numbers(stored, 9)
    assert sorted(set(whole.values())) == sorted(whole.values())
    for index in sorted(whole.keys() - stored.keys()):
        stored[index] = whole[index]
        assert draw_numbers(stored, 9) == whole
