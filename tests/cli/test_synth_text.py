"""The journal has the spoken form of texts: after lexicon, normalization, pauses and cuts."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import run
from support.golden_data import MODEL

SCRIPT = "S1 = anna\n[S1] Hello, my dear Xi. [pause 1] Good evening.\n[S1] I have 3 dogs.\n"


Speak = Callable[..., tuple[list[str], list[str]]]


@pytest.fixture
def speak(prepared: Path, tmp_path: Path) -> Speak:
    """Synthesizes SCRIPT; returns the texts of the journal and the lines of stderr."""
    script, output = tmp_path / "talk.txt", tmp_path / "out.wav"
    script.write_text(SCRIPT, encoding="utf-8")
    flags = ("--model", MODEL, "--cache-dir", prepared, "--flow-steps", "1")

    def run_again(*more: str | Path) -> tuple[list[str], list[str]]:
        done = run("synth", script, "-o", output, *flags, *more).done()
        journal = (tmp_path / "out.wav.podtts" / "turns.jsonl").read_text(encoding="utf-8")
        lines = [json.loads(line) for line in journal.splitlines()[1:]]
        return [line["text"] for line in lines], done.said

    return run_again


def test_the_journal_has_spoken_forms_and_a_changed_one_is_synthesized_again(
    speak: Speak, tmp_path: Path
) -> None:
    texts, _ = speak()
    assert texts == ["Hello, my dear Xi.", "Good evening.", "I have three dogs."]

    texts, said = speak()
    assert len(texts) == 3
    assert any("3 of 3 turns are taken from" in line for line in said)

    words = tmp_path / "words.txt"
    words.write_text("Xi = She\n", encoding="utf-8")
    texts, said = speak("--lexicon", words)
    assert texts == ["Hello, my dear She.", "Good evening.", "I have three dogs."]
    assert any("turn 1 has another text" in line for line in said)

    texts, _ = speak("--lexicon", words, "--no-normalize", "--retake", "2")
    assert texts[3:] == ["Good evening.", "I have 3 dogs."]
