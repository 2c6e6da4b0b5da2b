from pathlib import Path

import pytest
import torch
from support.fingerprint import fingerprint

from podtts.episode.journal import JournalBusyError
from podtts.episode.journal_choice import Earlier, journal_owner, open_journal, remove_journals
from podtts.episode.journal_files import journal_folder
from podtts.errors import UsageError
from podtts.options import SynthesisOptions
from podtts.values import SpeechTokens, Turn, TurnAudio

ENDINGS = ("wav", "mp3")
TURNS = [Turn(0, "Hello."), Turn(1, "Hi.")]


def stored(output: Path, turns: list[Turn], options: SynthesisOptions | None = None) -> int:
    """Open the journal of an output and store its turns; return how many it held before."""
    values = fingerprint(options)
    with open_journal(output, ENDINGS, values, turns, Earlier.CONTINUE, day="") as journal:
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
    assert stored(output, TURNS, SynthesisOptions(seed=3)) == 0
    assert stored(output, TURNS, SynthesisOptions(seed=3)) == 2
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"a.wav.podtts", "a.wav.podtts.previous-1", "a.wav.podtts.previous-2"}


def test_turns_before_a_changed_one_are_kept(tmp_path: Path) -> None:
    output, turns = tmp_path / "a.wav", [*TURNS, Turn(0, "Bye.")]
    stored(output, turns)
    assert stored(output, [turns[0], Turn(1, "Well."), turns[2]]) == 1
    assert stored(output, [turns[0], Turn(0, "Well."), turns[2]]) == 1  # another speaker
    assert stored(output, turns[:1]) == 3  # fewer turns change nothing


def test_a_journal_of_another_format_is_left_alone_where_it_does_not_fit(tmp_path: Path) -> None:
    wav, mp3 = tmp_path / "a.wav", tmp_path / "a.mp3"
    stored(wav, TURNS)
    lines = (journal_folder(wav) / "turns.jsonl").read_bytes()
    assert stored(mp3, [TURNS[0], Turn(1, "Well.")]) == 0
    assert (journal_folder(wav) / "turns.jsonl").read_bytes() == lines
    assert {path.name for path in tmp_path.iterdir()} == {"a.wav.podtts", "a.mp3.podtts"}


def test_a_journal_of_another_format_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    wav, mp3 = tmp_path / "a.wav", tmp_path / "a.mp3"
    stored(wav, TURNS)
    with open_journal(wav, ENDINGS, fingerprint(), TURNS, Earlier.CONTINUE, day=""):
        assert stored(mp3, TURNS) == 0
        with pytest.raises(JournalBusyError):
            stored(wav, TURNS)


@pytest.mark.parametrize("earlier", [Earlier.RESUME, Earlier.RETAKE])
def test_a_run_that_is_asked_for_is_continued_or_refused(earlier: Earlier, tmp_path: Path) -> None:
    output, other = tmp_path / "a.wav", fingerprint(SynthesisOptions(seed=3))
    stored(output, TURNS)
    with (
        pytest.raises(UsageError, match="made with seed 1988, this run uses 3"),
        open_journal(output, ENDINGS, other, TURNS, earlier, day=""),
    ):
        pass
    changed = [Turn(0, "Good evening."), TURNS[1]]
    with open_journal(output, ENDINGS, fingerprint(), changed, earlier, day="") as journal:
        assert journal.count == (0 if earlier is Earlier.RESUME else 2)
        assert (journal.set_aside is None) == (earlier is Earlier.RETAKE)


def test_a_fresh_run_ignores_journals_of_other_formats(tmp_path: Path) -> None:
    stored(tmp_path / "a.wav", TURNS)
    output, values = tmp_path / "a.mp3", fingerprint()
    with open_journal(output, ENDINGS, values, TURNS, Earlier.FRESH, day="") as journal:
        assert (journal.folder, journal.count) == (journal_folder(output), 0)


def test_without_a_run_there_is_nothing_to_retake(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="holds no run to retake"),
        open_journal(tmp_path / "a.wav", (), fingerprint(), TURNS, Earlier.RETAKE, day=""),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


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
