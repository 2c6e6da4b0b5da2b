import errno
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support.fingerprint import fingerprint

from podtts.audio.wav import to_pcm16
from podtts.episode.journal import Journal, JournalLostError
from podtts.episode.journal_files import journal_folder
from podtts.errors import UsageError
from podtts.options import SamplingOptions, SynthesisOptions
from podtts.values import Heard, SpeechTokens, Turn, TurnAudio

FINGERPRINT = fingerprint()


def audio(index: int, text: str = "hello", attempt: int = 0) -> TurnAudio:
    rng = torch.Generator().manual_seed(index)
    tokens = SpeechTokens(tuple(range(index, index + 5)), ended=index % 2 == 0)
    wave = torch.rand(4800, generator=rng) * 2 - 1
    return TurnAudio(index, Turn(0, text, 3), tokens, wave, attempt=attempt)


def fill(output: Path, count: int) -> None:
    with Journal(output, FINGERPRINT, resume=False) as journal:
        for index in range(count):
            journal.append(audio(index), "S1")


def test_a_stored_turn_is_read_as_it_was_written(tmp_path: Path) -> None:
    with Journal(tmp_path / "a.wav", FINGERPRINT, resume=False) as journal:
        for index in range(3):
            journal.append(audio(index), "S1")
    with Journal(tmp_path / "a.wav", FINGERPRINT, resume=True) as journal:
        for index in range(3):
            again = journal.finished(index, audio(index).turn)
            assert again is not None
            assert again.tokens == audio(index).tokens
            assert to_pcm16(journal.wave(index)) == to_pcm16(audio(index).wave)
        assert journal.finished(3, audio(3).turn) is None


def test_a_turn_with_a_changed_text_is_not_finished(tmp_path: Path) -> None:
    fill(tmp_path / "a.wav", 2)
    with Journal(tmp_path / "a.wav", FINGERPRINT, resume=True) as journal:
        changed = Turn(0, "another", 3)
        assert journal.finished(1, changed) is None
        assert journal.has_changed(1, changed)
        assert not journal.has_changed(0, audio(0).turn)
        assert not journal.has_changed(5, changed)
        assert journal.finished(0, Turn(0, "hello", line=99)) is not None  # moved to another line


def test_the_last_attempt_counts(tmp_path: Path) -> None:
    fill(tmp_path / "a.wav", 2)
    with Journal(tmp_path / "a.wav", FINGERPRINT, resume=True) as journal:
        journal.append(audio(1, attempt=1), "S1")
    with Journal(tmp_path / "a.wav", FINGERPRINT, resume=True) as journal:
        again = journal.finished(1, audio(1).turn)
        assert again is not None
        assert again.attempt == 1
        assert journal.next_attempts([0, 1, 7]) == {0: 1, 1: 2, 7: 0}
        assert journal.count == 2


def test_what_was_heard_is_kept(tmp_path: Path) -> None:
    heard = replace(audio(0, attempt=1), heard=Heard("hallo", 0.25), later_attempts=2)
    with Journal(tmp_path / "a.wav", FINGERPRINT, resume=False) as journal:
        journal.append(heard, "S1")
        journal.append(audio(1), "S1")
    with Journal(tmp_path / "a.wav", FINGERPRINT, resume=True) as journal:
        first, second = (journal.finished(index, audio(index).turn) for index in (0, 1))
        assert first is not None
        assert second is not None
        assert (first.heard, second.heard) == (Heard("hallo", 0.25), None)
        assert journal.next_attempts([0, 1]) == {0: 4, 1: 1}
    lines = (journal_folder(tmp_path / "a.wav") / "turns.jsonl").read_text().splitlines()
    assert not json.loads(lines[2]).keys() & {"heard", "later_variations"}


@pytest.mark.parametrize("heard", ["hallo", {"text": "hallo"}, {"text": 3, "error": 0.1}])
def test_a_line_with_another_kind_of_what_was_heard_is_damaged(
    tmp_path: Path, heard: object
) -> None:
    fill(tmp_path / "a.wav", 1)
    file = journal_folder(tmp_path / "a.wav") / "turns.jsonl"
    header, line = file.read_text().splitlines()
    file.write_text(f"{header}\n{json.dumps({**json.loads(line), 'heard': heard})}\n")
    with (
        pytest.raises(UsageError, match=r"turns\.jsonl is damaged"),
        Journal(tmp_path / "a.wav", FINGERPRINT, resume=True),
    ):
        pass


def test_a_second_run_is_refused_while_one_holds_the_journal(tmp_path: Path) -> None:
    with (
        Journal(tmp_path / "a.wav", FINGERPRINT, resume=False),
        pytest.raises(UsageError, match=r"another run is writing a\.wav"),
        Journal(tmp_path / "a.wav", FINGERPRINT, resume=False),
    ):
        pass
    fill(tmp_path / "a.wav", 1)  # free again


def test_other_options_are_named_and_refused(tmp_path: Path) -> None:
    fill(tmp_path / "a.wav", 1)
    other = fingerprint(SynthesisOptions(sampling=SamplingOptions(top_k=5)))
    with (
        pytest.raises(UsageError, match="made with top-k 100, this run uses 5") as caught,
        Journal(tmp_path / "a.wav", other, resume=True),
    ):
        pass
    assert caught.value.hint == "use the same options again, or start over with --fresh"


def test_what_computes_may_change_when_that_is_asked_for(tmp_path: Path) -> None:
    output = tmp_path / "a.wav"
    fill(output, 1)
    with (
        pytest.raises(UsageError, match="made with threads 2, this run uses 1") as caught,
        Journal(output, fingerprint(threads=1), resume=True),
    ):
        pass
    assert caught.value.hint == (
        "use the same --threads again, go on regardless with --resume-anyway, or start over with "
        "--fresh"
    )
    for threads in (1, 3):
        new = fingerprint(threads=threads)
        with Journal(output, new, resume=True, anyway=True) as journal:
            assert journal.is_mixed
            assert journal.finished(0, audio(0).turn) is not None
            journal.append(audio(threads), "S1")
    with Journal(output, new, resume=True) as journal:  # now it is of this run
        assert journal.is_mixed
        assert journal.count == 3
    header = json.loads((journal.folder / "turns.jsonl").read_text().splitlines()[0])
    assert header["mixed"] == [{"threads": 2}, {"threads": 1}]
    other = fingerprint(SynthesisOptions(seed=7), threads=1)
    with (
        pytest.raises(UsageError, match="with threads 3, this run uses 1; with seed 1988"),
        Journal(output, other, resume=True, anyway=True),
    ):
        pass


def test_a_run_begins_where_there_is_none_to_continue(tmp_path: Path) -> None:
    with Journal(tmp_path / "a.wav", FINGERPRINT, resume=True) as journal:
        assert (journal.count, journal.is_mixed, journal.set_aside) == (0, False, None)
        journal.append(audio(0), "S1")
    with Journal(tmp_path / "a.wav", FINGERPRINT, resume=True) as journal:
        assert journal.count == 1


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}


def test_starting_over_sets_every_old_run_aside(tmp_path: Path) -> None:
    fill(tmp_path / "a.wav", 3)
    folder = journal_folder(tmp_path / "a.wav")
    (folder / "partial.wav").write_bytes(b"the mix")
    full = contents(folder)
    older = folder.with_name("a.wav.podtts.previous")
    older.mkdir()
    fill(tmp_path / "a.wav", 1)
    fill(tmp_path / "a.wav", 0)
    fill(tmp_path / "a.wav", 2)
    assert contents(folder.with_name("a.wav.podtts.previous-1")) == full
    assert len(contents(folder.with_name("a.wav.podtts.previous-2"))) == 2
    assert not folder.with_name("a.wav.podtts.previous-3").exists()  # a run without turns
    assert list(older.iterdir()) == []
    assert len(contents(folder)) == 3


def test_what_is_set_aside_is_said_with_the_way_back(tmp_path: Path) -> None:
    output = tmp_path / "my talk.wav"
    fill(output, 2)
    other = fingerprint(SynthesisOptions(seed=7))
    with Journal(output, other, resume=False) as journal:
        journal.append(audio(0), "S1")
        folder = f"{tmp_path}/my talk.wav.podtts"
        assert str(journal.set_aside) == (
            f"2 turns of the earlier run are set aside in {folder}.previous-1: the journal was "
            "made with seed 1988, this run uses 7; to go back to that run: "
            f"mv '{folder}' '{folder}.previous-2' && mv '{folder}.previous-1' '{folder}'"
        )
    with Journal(output, other, resume=False) as journal:
        assert str(journal.set_aside).startswith(
            f"1 turn of the earlier run is set aside in {folder}.previous-2; to go back"
        )


def test_the_first_turns_are_kept_and_all_others_set_aside(tmp_path: Path) -> None:
    output = tmp_path / "a.wav"
    fill(output, 4)
    folder = journal_folder(output)
    full = contents(folder)
    with Journal(output, FINGERPRINT, resume=True, day="2026-01-31") as journal:
        journal.keep({0: 0, 1: 1}, "why")
        assert journal.set_aside is not None
        assert (journal.set_aside.turns, journal.set_aside.reason) == (4, "why")
        assert journal.count == 2
        journal.append(audio(2, "another"), "S1")
    assert contents(journal.set_aside.folder) == full
    with Journal(output, FINGERPRINT, resume=True) as journal:
        turns = [audio(0), audio(1), audio(2, "another"), audio(3)]
        there = [journal.finished(turn.index, turn.turn) is not None for turn in turns]
        assert there == [True, True, True, False]
    assert len(list(folder.glob("turn-*"))) == 3


@pytest.mark.parametrize("name", ["a.wav.podtts.previous-1", "turns.jsonl"])
def test_a_kill_while_a_run_is_set_aside_loses_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it has its name, and before the new run has its first line."""
    output = tmp_path / "a.wav"
    fill(output, 3)
    full = contents(journal_folder(output))
    rename, replace = Path.rename, Path.replace

    def killed(move: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
        def moved(source: Path, target: Path) -> Path:
            if target.name == name and target.parent.name != ".set-aside":
                raise KeyboardInterrupt
            return move(source, target)

        return moved

    monkeypatch.setattr(Path, "rename", killed(rename))
    monkeypatch.setattr(Path, "replace", killed(replace))
    with pytest.raises(KeyboardInterrupt):
        fill(output, 1)
    monkeypatch.undo()
    with Journal(output, FINGERPRINT, resume=True) as journal:
        assert journal.count == 3
    fill(output, 1)
    aside = [path for path in tmp_path.iterdir() if ".previous-" in path.name]
    assert len(aside) == (1 if name.endswith("-1") else 2)
    assert all(contents(path) == full for path in aside)


def test_files_are_copied_where_there_are_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(target: Path, source: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    fill(tmp_path / "a.wav", 3)
    full = contents(journal_folder(tmp_path / "a.wav"))
    fill(tmp_path / "a.wav", 1)
    assert contents(tmp_path / "a.wav.podtts.previous-1") == full


def test_a_journal_that_is_a_link_is_set_aside_where_it_is(tmp_path: Path) -> None:
    there = tmp_path / "disk" / "a.wav.podtts"
    there.mkdir(parents=True)
    journal_folder(tmp_path / "a.wav").symlink_to(there)
    fill(tmp_path / "a.wav", 2)
    full = contents(there)
    with Journal(tmp_path / "a.wav", FINGERPRINT, resume=False) as journal:
        assert journal.set_aside is not None
    assert journal.set_aside.folder == there.with_name("a.wav.podtts.previous-1")
    assert contents(journal.set_aside.folder) == full


@pytest.mark.parametrize("change", ["removed", "moved", "replaced", "emptied"])
def test_a_journal_that_is_lost_during_a_run_is_named(change: str, tmp_path: Path) -> None:
    output = tmp_path / "a.wav"
    with Journal(output, FINGERPRINT, resume=False) as journal:
        journal.append(audio(0), "S1")
        if change == "emptied":
            (journal.folder / "turns.jsonl").unlink()
        elif change == "removed":
            shutil.rmtree(journal.folder)
        else:
            journal.folder.rename(tmp_path / "elsewhere")
        if change == "replaced":
            fill(output, 1)
        with pytest.raises(JournalLostError, match=r"a\.wav\.podtts was removed, moved or repl"):
            journal.append(audio(1), "S1")
        if change in ("moved", "removed"):
            with pytest.raises(JournalLostError):
                journal.wave(0)
            assert not journal.folder.exists()
    if change == "moved":
        (tmp_path / "elsewhere").rename(journal.folder)
        with Journal(output, FINGERPRINT, resume=True) as journal:
            assert journal.finished(0, audio(0).turn) is not None


def test_a_journal_cut_anywhere_keeps_its_complete_turns(tmp_path: Path) -> None:
    """A kill can end the file anywhere; turns whose line is complete are still there."""
    fill(tmp_path / "a.wav", 3)
    path = journal_folder(tmp_path / "a.wav") / "turns.jsonl"
    raw = path.read_bytes()
    ends = [place for place, byte in enumerate(raw) if byte == 10]
    for cut in range(ends[0] + 1, len(raw) + 1):
        path.write_bytes(raw[:cut])
        with Journal(tmp_path / "a.wav", FINGERPRINT, resume=True) as journal:
            complete = sum(end < cut for end in ends) - 1
            there = [journal.finished(index, audio(index).turn) is not None for index in range(3)]
            assert there == [index < complete for index in range(3)]
        for line in path.read_bytes().splitlines():
            json.loads(line)


def test_a_damaged_turn_is_not_finished(tmp_path: Path) -> None:
    fill(tmp_path / "a.wav", 2)
    folder = journal_folder(tmp_path / "a.wav")
    file = next(folder.glob("turn-0001*"))
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(raw)
    next(folder.glob("turn-0002*")).unlink()
    with Journal(tmp_path / "a.wav", FINGERPRINT, resume=True) as journal:
        assert journal.finished(0, audio(0).turn) is None
        assert journal.finished(1, audio(1).turn) is None


def test_a_turn_without_audio_can_be_stored(tmp_path: Path) -> None:
    failed = TurnAudio(
        0, Turn(0, "x"), SpeechTokens((), ended=False), torch.zeros(0), problems=("it failed",)
    )
    with Journal(tmp_path / "a.wav", FINGERPRINT, resume=False) as journal:
        journal.append(failed, "S1")
    with Journal(tmp_path / "a.wav", FINGERPRINT, resume=True) as journal:
        again = journal.finished(0, failed.turn)
        assert again is not None
        assert again.problems == ("it failed",)
        assert len(journal.wave(0)) == 0


def test_a_turn_that_is_damaged_during_a_run_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "a.wav", 1)
    with Journal(tmp_path / "a.wav", FINGERPRINT, resume=True) as journal:
        assert journal.finished(0, audio(0).turn) is not None
        next(journal.folder.glob("turn-0001*")).write_bytes(b"")
        with pytest.raises(UsageError, match="damaged while it was used"):
            journal.wave(0)


def test_a_resumed_run_keeps_its_day(tmp_path: Path) -> None:
    with Journal(tmp_path / "a.wav", FINGERPRINT, resume=False, day="2026-01-31") as journal:
        assert journal.day == "2026-01-31"
    with Journal(tmp_path / "a.wav", FINGERPRINT, resume=True, day="2026-02-01") as journal:
        assert journal.day == "2026-01-31"
