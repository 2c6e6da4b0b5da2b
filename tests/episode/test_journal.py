import json
from pathlib import Path

import pytest
import torch
from support.fingerprint import fingerprint

from podtts.audio.wav import to_pcm16
from podtts.episode.journal import Journal, journal_folder
from podtts.errors import UsageError
from podtts.options import SamplingOptions, SynthesisOptions
from podtts.values import SpeechTokens, Turn, TurnAudio

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
    assert caught.value.hint == (
        "use the same options again, or leave out --resume and --retake to start over"
    )


def test_an_empty_journal_is_not_resumed(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="holds no run to resume"),
        Journal(tmp_path / "a.wav", FINGERPRINT, resume=True),
    ):
        pass


def test_starting_over_sets_the_old_run_aside(tmp_path: Path) -> None:
    fill(tmp_path / "a.wav", 3)
    fill(tmp_path / "a.wav", 1)
    folder = journal_folder(tmp_path / "a.wav")
    assert len((folder / "turns.jsonl").read_text().splitlines()) == 2
    previous = folder.with_name(folder.name + ".previous")
    assert len((previous / "turns.jsonl").read_text().splitlines()) == 4


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
