import pytest

from podtts.text.addresses import DOMAIN, HANDLE, MAIL, PATH, URL, is_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://a.org/b?c=d.", "https://a.org/b?c=d"),
        ("www.a.org, then", "www.a.org"),
        ("ftp://x/y!", "ftp://x/y"),
    ],
)
def test_punctuation_behind_an_address_is_not_part_of_it(text: str, address: str) -> None:
    match = URL.match(text)
    assert match
    assert match[0] == address


def test_other_addresses_are_found() -> None:
    assert MAIL.fullmatch("a.b+c@d-e.org")
    assert PATH.fullmatch("/usr/lib/x.so")
    assert PATH.fullmatch("C:\\a\\b")
    assert HANDLE.fullmatch("@anna_1")
    assert not PATH.match("/or")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a.org", True),
        ("README.MD", True),
        ("notes.final", True),
        ("t.me/x", True),
        ("e.g", False),
        ("Ph.D", False),
        ("End.Then", False),
        ("1.de", False),
    ],
)
def test_domains_are_told_from_abbreviations(text: str, found: bool) -> None:
    match = DOMAIN.match(text)
    assert (match is not None and is_address(match)) is found
