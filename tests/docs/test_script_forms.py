"""The scripts of other tools on the page about scripts are read as the page says."""

from pathlib import Path

import pytest
from support.documents import DOCS, Block, blocks, prose

from podtts.script.directions import meaning
from podtts.script.own_form import own_form
from podtts.script.parse import parse_script
from podtts.script.read import decode_script

PAGE = DOCS / "scripts.md"
LANGUAGES = ("text", "markdown", "xml", "srt", "vtt", "json")
EXAMPLES = [
    block for block in blocks(PAGE) if block.language in LANGUAGES and "how are you?" in block.text
]


@pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: block.text[:30])
def test_every_form_is_the_same_two_turns(block: Block) -> None:
    script = decode_script(block.text.encode(), "talk", Path())
    assert [turn.text for turn in script.turns] == ["Hello there.", "Hi, how are you?"]
    assert [turn.speaker for turn in script.turns] == [0, 1]
    assert parse_script(own_form(script)).turns[1].text == "Hi, how are you?"


def test_there_is_an_example_of_every_form() -> None:
    assert {block.language for block in EXAMPLES} == set(LANGUAGES)
    assert len(EXAMPLES) == 17


def test_directions_become_what_the_table_says() -> None:
    table = prose(PAGE).partition("## Stage directions")[2].partition("\n## ")[0]
    rows = [line.strip("| ").replace("\\|", "\0").split("|") for line in table.splitlines()]
    pairs = [row for row in rows if len(row) == 2 and "`" in row[0]]
    assert len(pairs) == 9
    for written, becomes in pairs:
        wanted = becomes.strip(" `").replace("\0", "|")
        for spelling in written.replace("\0", "|").split("`")[1::2]:
            script = parse_script(f"[S1] One. {spelling} Two.")
            found = parse_script(f"[S1] One. {wanted} Two.")
            assert script.turns == found.turns, spelling
            assert any(wanted in warning for warning in script.warnings)


def test_directions_without_a_sound_are_those_of_the_page() -> None:
    for direction in ("whispering", "music", "nods"):
        assert f"{direction}" in prose(PAGE)
        assert meaning(direction) == ""
