"""How rules are tried, with a small grammar of its own."""

import re

import pytest

from podtts.text.grammar import Grammar, Match, Rule, after, before, either, table


def read_even(match: Match) -> str | None:
    return "even" if int(match[0]) % 2 == 0 else None


GRAMMAR = Grammar(
    rules=(
        Rule("even", re.compile(r"[0-9]+"), read_even),
        Rule(
            "any", re.compile(r"-?[0-9]+"), lambda match: f"<{before(match, 1)}{after(match, 1)}>"
        ),
    ),
    active=re.compile(r"\S*[0-9]"),
    ranged=frozenset({"even"}),
    dash=re.compile(r"(?P<word> kg)?-"),
    join=lambda before: f" till after {before.strip()} ",
)


def words(text: str, fixed: tuple[tuple[int, int], ...] = ()) -> list[str]:
    return [spot.words for spot in GRAMMAR.spots(text, fixed)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no number", []),
        ("2", ["even"]),  # the first rule that reads wins
        ("a3b", ["<ab>"]),  # a rule sees what is around
        ("x 2 y 4", ["even", "even"]),
        ("a 2-4", ["even till after a even"]),
        ("a 2 kg-4 kg", ["even kg till after a even"]),  # a word belongs to the first end
        ("2-3", ["even", "<2>"]),  # not both ends can be
    ],
)
def test_expressions_are_found_and_read(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_fixed_ranges_are_not_touched() -> None:
    assert words("2 4", ((0, 1),)) == ["even"]
    assert words("2-4", ((2, 3),)) == ["even"]


def test_offsets_are_those_of_the_text() -> None:
    [spot] = GRAMMAR.spots("x" * 300 + " 22-44 y")
    assert (spot.start, spot.end) == (301, 306)


def test_longer_words_are_tried_first() -> None:
    assert re.match(either("m mm m/s"), "m/s") is not None
    assert re.match(either(["a", "ab"]), "abc")[0] == "ab"  # type: ignore[index]


def test_tables_have_several_keys_a_line() -> None:
    assert table("km KM: kilometer\nsq_m: square meter") == {
        "km": "kilometer",
        "KM": "kilometer",
        "sq m": "square meter",
    }
