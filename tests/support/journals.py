"""Journals that runs of `synth` have left, and how the tests of them call it."""

import json
from pathlib import Path
from typing import Any

from support.golden_data import MODEL

TURNS = 6  # of the script of the fixture `six_turns`
FLAGS = ("--model", MODEL, "--flow-steps", "2", "--max-turn-tokens", "16", "--dtype", "float32")


def journal(output: Path) -> Path:
    return output.with_name(output.name + ".podtts")


def previous(output: Path, number: int) -> Path:
    """A journal that was set aside."""
    return output.with_name(f"{output.name}.podtts.previous-{number}")


def header_of(output: Path) -> dict[str, Any]:
    """The first line of the journal of an output."""
    lines = (journal(output) / "turns.jsonl").read_text().splitlines()
    header: dict[str, Any] = json.loads(lines[0])
    return header


def lines_in(folder: Path) -> list[dict[str, Any]]:
    """The lines of turns in a journal."""
    lines = (folder / "turns.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines[1:]]


def lines_of(output: Path) -> list[dict[str, Any]]:
    """The lines of turns in the journal of an output."""
    return lines_in(journal(output))


def turns_spoken(output: Path) -> list[int]:
    return [line["turn"] for line in lines_of(output)]


def forget_turns_behind(output: Path, turns: int) -> None:
    """Leave the journal and no file, as a kill behind so many turns does."""
    output.unlink()
    path = journal(output) / "turns.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[: turns + 1]))
    for number in range(turns + 1, TURNS + 1):
        for file in journal(output).glob(f"turn-{number:04}*"):
            file.unlink()
