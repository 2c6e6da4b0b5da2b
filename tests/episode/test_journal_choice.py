from pathlib import Path

import torch
from support.fingerprint import fingerprint

from podtts.episode.journal import journal_folder
from podtts.episode.journal_choice import journal_owner, open_or_replace, remove_journals
from podtts.options import SynthesisOptions
from podtts.values import SpeechTokens, Turn, TurnAudio

ENDINGS = ("wav", "mp3")
TURNS = [Turn(0, "Hello."), Turn(1, "Hi.")]


def stored(output: Path, turns: list[Turn], options: SynthesisOptions | None = None) -> int:
    """Open the journal of an output and store its turns; return how many it held before."""
    values = fingerprint(options)
    with open_or_replace(output, ENDINGS, values, turns, day="", patience_seconds=0) as journal:
        count = journal.count
        for index, turn in enumerate(turns):
            tokens = SpeechTokens((1,), ended=True)
            journal.append(TurnAudio(index, turn, tokens, torch.zeros(960)), "S1")
    return count


def test_a_run_of_the_same_content_resumes_in_any_format(tmp_path: Path) -> None:
    assert stored(tmp_path / "a.wav", TURNS[:1]) == 0
    assert stored(tmp_path / "a.wav", TURNS) == 1
    assert stored(tmp_path / "a.mp3", TURNS) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav.podtts"]


def test_a_run_of_another_content_begins_anew(tmp_path: Path) -> None:
    output = tmp_path / "a.wav"
    stored(output, TURNS)
    assert stored(output, [Turn(0, "Good evening."), TURNS[1]]) == 0
    assert (tmp_path / "a.wav.podtts.previous" / "turns.jsonl").is_file()
    assert stored(output, TURNS, SynthesisOptions(seed=3)) == 0


def test_the_only_journal_of_another_format_is_resumed(tmp_path: Path) -> None:
    mp3, wav, flac = (tmp_path / f"a.{ending}" for ending in ("mp3", "wav", "flac"))
    endings = ("wav", "flac", "mp3")
    assert journal_owner(mp3, endings) == mp3
    journal_folder(wav).mkdir()
    assert journal_owner(mp3, endings) == wav
    assert journal_owner(mp3, ()) == mp3  # when nothing is resumed
    journal_folder(flac).mkdir()
    assert journal_owner(mp3, endings) == mp3  # two are there
    journal_folder(mp3).mkdir()
    assert journal_owner(mp3, endings) == mp3


def test_all_journals_of_an_output_are_removed(tmp_path: Path) -> None:
    for name in ("a.wav", "a.mp3", "b.wav"):
        journal_folder(tmp_path / name).mkdir()
    remove_journals(tmp_path / "a.wav", ENDINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["b.wav.podtts"]
