"""Addresses of web and mail, files, hashtags and handles in English."""

import pytest
from support.reading import english


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("See shop.org/20% today.", "See shop dot org slash twenty percent today."),
        ("Go to books.net/$ now.", "Go to books dot net slash dollar now."),
        (
            "visit https://a-b.io/x?q=1.",
            "visit HTTPS colon slash slash a dash b dot io slash x question mark q equals one.",
        ),
        ("www.podcasts.fm", "WWW dot podcasts dot fm"),
        ("Write to kim_7@mail.co.uk!", "Write to kim underscore seven at mail dot co dot UK!"),
        ("open notes.txt and main.py", "open notes dot txt and main dot PY"),
        ("/etc/hosts", "slash etc slash hosts"),
        ("localhost:3000", "localhost colon three zero zero zero"),
    ],
)
def test_addresses_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("the U.S. team, a Ph.D. thesis", "the U.S. team, a Ph.D. thesis"),
        ("It ended.Then it began.", "It ended.Then it began."),
    ],
)
def test_abbreviations_and_missing_spaces_are_no_addresses(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("#MorningShow2021", "hashtag Morning Show twenty twenty one"),
        ("thanks @lee_99!", "thanks at lee underscore ninety nine!"),
    ],
)
def test_hashtags_and_handles_are_read(written: str, words: str) -> None:
    assert english(written) == words
