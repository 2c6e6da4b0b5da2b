"""The inside of a worker, with the small checkpoint: what it speaks, writes, and leaves."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
from support.batch_worker import DAY, OPTIONS, WHERE, speak, station, task
from support.golden_data import models

from podtts.audio.wav import to_pcm16
from podtts.batch.episode import Episode
from podtts.batch.episode_paths import episode_file, file_sha256
from podtts.batch.task import Task
from podtts.pipeline import Synthesizer
from podtts.values import TurnAudio


def spoken(one: Task) -> bytes:
    """Samples of a script spoken by itself."""
    turns = Synthesizer(models()).synthesize(one.script, one.prompts, one.options)
    return b"".join(to_pcm16(turn.wave) for turn in turns)


def samples(path: Path) -> bytes:
    return bytes(soundfile.read(path, dtype="int16")[0].tobytes())


def test_scripts_side_by_side_are_those_spoken_alone(tmp_path: Path) -> None:
    tasks = [task(f"e{turns}", turns) for turns in (1, 3, 2, 4)]
    for one, outcome in zip(tasks, speak(tmp_path, *tasks), strict=True):
        path = episode_file(tmp_path, one.id, "wav")
        assert (outcome.id, outcome.state) == (one.id, "done")
        assert (outcome.turns, outcome.kept_turns) == (one.options.limit_turns, 0)
        assert outcome.files == {f"{one.id}.wav": file_sha256(path)}
        assert outcome.audio_seconds == len(samples(path)) / 2 / 24_000
        assert outcome.work.llm > 0
        assert samples(path) == spoken(one)


def test_what_is_there_is_gone_on_with(tmp_path: Path) -> None:
    speak(tmp_path, task("e", 1))
    [outcome] = speak(tmp_path, task("e", 3))
    assert (outcome.turns, outcome.kept_turns) == (3, 1)
    assert samples(episode_file(tmp_path, "e", "wav")) == spoken(task("e", 3))
    [whole] = speak(tmp_path, task("e", 3))
    assert (whole.kept_turns, whole.files) == (3, outcome.files)


@pytest.mark.parametrize("changed", ["text", "seed"])
def test_what_is_of_another_content_is_set_aside(changed: str, tmp_path: Path) -> None:
    speak(tmp_path, task("e"))
    other = task("e", text="Number {}.") if changed == "text" else task("e")
    if changed == "seed":
        other = replace(other, options=replace(other.options, seed=5))
    [outcome] = speak(tmp_path, other)
    assert (outcome.state, outcome.kept_turns) == ("done", 0)
    assert samples(episode_file(tmp_path, "e", "wav")) == spoken(other)
    assert (tmp_path / "e.wav.podtts.previous" / "turns.jsonl").is_file()


def test_a_script_that_fails_fails_alone(tmp_path: Path) -> None:
    bad = task("bad")
    bad = replace(bad, prompts=bad.prompts[:1])
    first, failed, last = speak(tmp_path, task("a"), bad, task("b"))
    assert (first.state, failed.state, last.state) == ("done", "failed", "done")
    assert failed.error == "2 speakers, but 1 prompts"
    assert not episode_file(tmp_path, "bad", "wav").exists()


def test_a_drained_station_answers_everything_and_keeps_what_is_spoken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is drained when the second turn is kept; nothing is kept after that turn before."""
    add, is_kept, is_drained = Episode.add, threading.Event(), threading.Event()

    def add_and_wait(episode: Episode, audio: TurnAudio) -> None:
        add(episode, audio)
        if (episode.task.id, audio.index) == ("e0", 1):
            is_kept.set()
            is_drained.wait()

    monkeypatch.setattr(Episode, "add", add_and_wait)
    tasks = [task(f"e{number}", 40) for number in range(6)]
    working = station(tmp_path)
    answers = [working.submit(one) for one in tasks]
    journal = tmp_path / "e0.wav.podtts" / "turns.jsonl"
    is_kept.wait()
    working.drain()
    is_drained.set()
    outcomes = [answer.result() for answer in [*answers, working.submit(task("late"))]]
    working.close()
    assert {one.state for one in outcomes} == {"stopped"}
    lines = [json.loads(line) for line in journal.read_text().splitlines()[1:]]
    assert 2 <= len(lines) < 40
    kept = samples(journal.parent / "partial.wav")
    assert len(kept) == 2 * 960 * sum(line["tokens"] for line in lines)
    assert spoken(task("e0", len(lines))) == kept


def test_an_episode_another_run_has_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("podtts.batch.episode._PATIENCE_SECONDS", 0.1)
    held = Episode(task("a"), OPTIONS, tmp_path, WHERE, "small", DAY)
    first, second = speak(tmp_path, task("a"), task("b"))
    held.stop()
    assert (first.state, second.state) == ("failed", "done")
    assert "another run is writing a.wav" in first.error
    assert not first.unwritable
