import pytest

from podtts.script.openings import find_opening


@pytest.mark.parametrize(
    ("line", "label", "kind", "text"),
    [
        ("Speaker 1: hello", "Speaker 1", "colon", "hello"),
        ("Dr. Smith: hello", "Dr. Smith", "colon", "hello"),
        ("O'Brien, Jr.: hello", "O'Brien, Jr.", "colon", "hello"),
        ("Anna : salut", "Anna", "colon", "salut"),
        ("**Anna:** hello", "Anna", "colon", "hello"),
        ("**Anna**: *hello* you", "Anna", "colon", "*hello* you"),
        ("**Anna:**hello", "Anna", "colon", "hello"),
        ("- **Anna** (softly): hello", "Anna", "colon", "hello"),
        ("3. Anna: hello", "Anna", "colon", "hello"),
        (">> ANNA: hello", "ANNA", "colon", "hello"),
        ("“Anna”: “hello”", "Anna", "colon", "“hello”"),
        ("「小明」：你好", "小明", "colon", "你好"),
        ('Anna: "hello"', "Anna", "colon", '"hello"'),
        ("Anna:hello", "Anna", "tight", "hello"),
        ("ben:10 o clock", "ben", "tight", "10 o clock"),
        ("Anna:", "Anna", "alone", ""),
        ("**Anna:**", "Anna", "alone", ""),
        ("ANNA", "ANNA", "bare", ""),
        ("**Anna** hello", "Anna", "strong", "hello"),
        ("Anna - hello", "Anna", "dash", "hello"),
        ("[Dr. Smith] hello", "Dr. Smith", "bracket", "hello"),
        ("**[Anna]:** hello", "Anna", "bracket", "hello"),
        ("【安娜】：你好", "安娜", "bracket", "你好"),
    ],
)
def test_spellings_of_a_label(line: str, label: str, kind: str, text: str) -> None:
    opening = find_opening(line)
    assert opening is not None
    assert (opening.label, opening.kind, opening.text) == (label, kind, text)


@pytest.mark.parametrize(
    ("line", "time"),
    [
        ("[00:00:01] Anna: hi", "[00:00:01]"),
        ("(0:01) Anna: hi", "(0:01)"),
        ("00:01 - Anna: hi", "00:01"),
        ("[00:01.000 --> 00:02.500] Anna: hi", "[00:01.000 --> 00:02.500]"),
        ("Anna (00:01): hi", "00:01"),
        ("**Anna** [00:01]: hi", "00:01"),
        ("Anna 00:01: hi", "00:01"),
        ("Anna  00:00:01", "00:00:01"),
    ],
)
def test_times_around_a_label(line: str, time: str) -> None:
    opening = find_opening(line)
    assert opening is not None
    assert (opening.label, opening.time, opening.asides) == ("Anna", time, ())


def test_asides_between_a_name_and_its_colon() -> None:
    opening = find_opening("GUEST 1 (laughing) [00:12]: Hi!")
    assert opening is not None
    assert (opening.label, opening.asides, opening.text) == ("GUEST 1", ("laughing",), "Hi!")


@pytest.mark.parametrize(
    "line",
    [
        "https://example.org",
        "see https://example.org: it is good",
        "We meet at 10:30",
        "Room 5:30 is free",
        r"C:\folder",
        "_Anna: hello",
        "**Anna: hello",
        "",
        "42: hello",
        "a word and a word and one more: hello",
    ],
)
def test_what_is_no_label(line: str) -> None:
    opening = find_opening(line)
    assert opening is None or opening.kind == "bare"
