from podtts.bench.words import words_of


def test_words_lose_case_punctuation_and_hyphens() -> None:
    assert words_of("Don't, Twenty-One!") == ["don't", "twenty", "one"]
