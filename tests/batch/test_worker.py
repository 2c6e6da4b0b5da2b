"""The inside of a worker, with the small checkpoint: its audio, its files and its outcomes."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
from support.batch_worker import DAY, OPTIONS, new_worker, synthesize, task
from support.fingerprint import CHECKPOINT
from support.golden_data import models

from podtts.audio.wav import to_pcm16
from podtts.batch.episode import BatchEpisode
from podtts.batch.task import Task
from podtts.pipeline import Synthesizer
from podtts.publish.episode_files import episode_file, file_sha256
from podtts.values import TurnAudio


def synthesized_alone(task: Task) -> bytes:
    """Samples of a script that is synthesized by itself."""
    turns = Synthesizer(models()).synthesize(task.script, task.prompts, task.options)
    return b"".join(to_pcm16(turn.wave) for turn in turns)


def samples(path: Path) -> bytes:
    return bytes(soundfile.read(path, dtype="int16")[0].tobytes())


def test_scripts_of_one_worker_sound_as_each_does_alone(tmp_path: Path) -> None:
    tasks = [task(f"e{turns}", turns) for turns in (1, 3, 2, 4)]
    for wanted, outcome in zip(tasks, synthesize(tmp_path, *tasks), strict=True):
        path = episode_file(tmp_path, wanted.id, "wav")
        assert (outcome.id, outcome.state) == (wanted.id, "done")
        assert (outcome.turns, outcome.kept_turns) == (wanted.options.limit_turns, 0)
        assert outcome.files == {f"{wanted.id}.wav": file_sha256(path)}
        assert outcome.audio_seconds == len(samples(path)) / 2 / 24_000
        assert outcome.work.llm > 0
        assert samples(path) == synthesized_alone(wanted)


def test_a_journal_is_resumed(tmp_path: Path) -> None:
    synthesize(tmp_path, task("e", 1))
    [outcome] = synthesize(tmp_path, task("e", 3))
    assert (outcome.turns, outcome.kept_turns) == (3, 1)
    assert samples(episode_file(tmp_path, "e", "wav")) == synthesized_alone(task("e", 3))
    [whole] = synthesize(tmp_path, task("e", 3))
    assert (whole.kept_turns, whole.files) == (3, outcome.files)


@pytest.mark.parametrize("changed", ["text", "seed"])
def test_the_journal_of_another_content_is_set_aside(changed: str, tmp_path: Path) -> None:
    synthesize(tmp_path, task("e"))
    other = task("e", text="Number {}.") if changed == "text" else task("e")
    if changed == "seed":
        other = replace(other, options=replace(other.options, seed=5))
    [outcome] = synthesize(tmp_path, other)
    assert (outcome.state, outcome.kept_turns) == ("done", 0)
    assert samples(episode_file(tmp_path, "e", "wav")) == synthesized_alone(other)
    assert (tmp_path / "e.wav.podtts.previous-1" / "turns.jsonl").is_file()
    assert outcome.set_aside.startswith("3 turns of the earlier run are set aside in ")


def test_a_script_that_fails_fails_alone(tmp_path: Path) -> None:
    bad = task("bad")
    bad = replace(bad, prompts=bad.prompts[:1])
    first, failed, last = synthesize(tmp_path, task("a"), bad, task("b"))
    assert (first.state, failed.state, last.state) == ("done", "failed", "done")
    assert failed.error == "2 speakers, but 1 prompts"
    assert not episode_file(tmp_path, "bad", "wav").exists()


def test_a_drained_worker_answers_everything_and_stores_finished_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is drained when the second turn is stored; until then no later turn is stored."""
    add, is_stored, is_drained = BatchEpisode.add, threading.Event(), threading.Event()

    def add_and_wait(episode: BatchEpisode, audio: TurnAudio) -> None:
        add(episode, audio)
        if (episode.task.id, audio.index) == ("e0", 1):
            is_stored.set()
            is_drained.wait()

    monkeypatch.setattr(BatchEpisode, "add", add_and_wait)
    tasks = [task(f"e{number}", 40) for number in range(6)]
    worker = new_worker(tmp_path)
    answers = [worker.submit(task) for task in tasks]
    journal = tmp_path / "e0.wav.podtts" / "turns.jsonl"
    is_stored.wait()
    worker.drain()
    is_drained.set()
    outcomes = [answer.result() for answer in [*answers, worker.submit(task("late"))]]
    worker.close()
    assert {outcome.state for outcome in outcomes} == {"stopped"}
    lines = [json.loads(line) for line in journal.read_text().splitlines()[1:]]
    assert 2 <= len(lines) < 40
    kept = samples(journal.parent / "partial.wav")
    assert len(kept) == 2 * 960 * sum(line["tokens"] for line in lines)
    assert synthesized_alone(task("e0", len(lines))) == kept


def test_an_episode_another_run_has_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("podtts.batch.episode._PATIENCE_SECONDS", 0.1)
    held = BatchEpisode(task("a"), OPTIONS, tmp_path, CHECKPOINT, "small", DAY)
    first, second = synthesize(tmp_path, task("a"), task("b"))
    held.stop()
    assert (first.state, second.state) == ("failed", "done")
    assert "another run is writing a.wav" in first.error
    assert not first.unwritable
