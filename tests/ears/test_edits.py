from podtts.ears.edits import edits, total_rate


def test_equal_sequences_need_no_edit() -> None:
    assert edits("abc", "abc").rate == 0


def test_repeats_are_insertions_and_skips_are_deletions() -> None:
    repeated, skipped = edits("abcd", "ababcd"), edits("abcd", "ad")
    assert (repeated.substituted, repeated.inserted, repeated.deleted) == (0, 2, 0)
    assert (skipped.substituted, skipped.inserted, skipped.deleted) == (0, 0, 2)


def test_an_empty_hypothesis_is_all_deletions() -> None:
    assert edits("abc", "").rate == 1


def test_the_total_rate_weighs_references_by_length() -> None:
    assert total_rate([edits("a", "b"), edits("abc", "abc")]) == 0.25
