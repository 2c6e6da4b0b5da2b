"""Runs that are stopped by a signal and resumed, as real processes."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import soundfile
from support.commands import run, started
from support.golden_data import MODEL

TURNS = 6
FLAGS = ("--model", MODEL, "--flow-steps", "2", "--max-turn-tokens", "16", "--dtype", "float32")


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("talk") / "talk.txt"
    lines = [f"[{'anna' if number % 2 else 'ben'}] line {number}" for number in range(TURNS)]
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="session")
def finished(talk: Path, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run, with its journal."""
    output = tmp_path_factory.mktemp("finished") / "out.wav"
    run("synth", talk, "-o", output, *FLAGS, "--cache-dir", prepared).done()
    return output


@pytest.fixture
def again(finished: Path, tmp_path: Path) -> Path:
    """A copy of the uninterrupted run."""
    shutil.copytree(journal(finished), journal(tmp_path / "out.wav"))
    return Path(shutil.copy(finished, tmp_path / "out.wav"))


def journal(output: Path) -> Path:
    return output.with_name(output.name + ".podtts")


def lines_of(output: Path) -> list[dict[str, Any]]:
    lines = (journal(output) / "turns.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines[1:]]


def turns_spoken(output: Path) -> list[int]:
    return [line["turn"] for line in lines_of(output)]


def test_the_journal_has_the_fingerprint_and_every_turn(finished: Path) -> None:
    text = (journal(finished) / "turns.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert {"seed", "checkpoint", "device", "dtype", "sampling", "speakers"} <= lines[0].keys()
    assert turns_spoken(finished) == list(range(1, TURNS + 1))
    for line in lines[1:]:
        assert {"text", "label", "variation", "tokens", "problems"} <= line.keys()
        assert (journal(finished) / line["file"]).is_file()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_stopped_in_any_turn_resumes_to_the_same_bytes(
    number: signal.Signals, talk: Path, prepared: Path, finished: Path, tmp_path: Path
) -> None:
    """The same run is killed after every finished turn and resumed until one turn is left.

    The run waits until its output is read: when it has reported a turn, it may have stored the
    next one, but no more.
    """
    output = tmp_path / "out.wav"
    command = ("synth", talk, "-o", output, *FLAGS, "--verbose", "--cache-dir", prepared)
    done = 0
    while done < TURNS - 1:
        with started(*command, *(["--resume"] if done else [])) as process:
            process.wait_for("stage=vocoder")  # a turn is finished and stored
            process.process.send_signal(number)
            code = process.finish().code
        assert code == (-9 if number == signal.SIGKILL else 143)
        assert not output.exists()
        done += 1
        assert done <= len(turns_spoken(output)) <= done + 1
        # The partial file has the stored turns: all of them after a signal that can be caught.
        frames = soundfile.info(journal(output) / "partial.wav").frames
        tokens = [line["tokens"] for line in lines_of(output)[:done]]
        assert frames >= 960 * sum(tokens) or number == signal.SIGKILL
        done = len(turns_spoken(output))
    result = run(*command, "--resume").done()
    assert output.read_bytes() == finished.read_bytes()
    assert "turns are taken from" in result.stderr
    assert sorted(set(turns_spoken(output))) == list(range(1, TURNS + 1))
    assert len(turns_spoken(output)) == TURNS  # no turn was stored twice


def test_a_finished_run_is_resumed_without_loading_weights(
    again: Path, talk: Path, prepared: Path, finished: Path
) -> None:
    again.unlink()
    result = run(
        "synth", talk, "-o", again, *FLAGS, "--cache-dir", prepared, "--resume", "--verbose"
    ).done()
    assert again.read_bytes() == finished.read_bytes()
    assert "stage=load" not in result.stderr


def test_retake_synthesizes_one_turn_again_and_keeps_the_others(
    again: Path, talk: Path, prepared: Path, finished: Path
) -> None:
    flags = ("synth", talk, "-o", again, *FLAGS, "--cache-dir", prepared)
    run(*flags, "--retake", "3").done()
    assert turns_spoken(again) == [*range(1, TURNS + 1), 3]
    assert again.read_bytes() != finished.read_bytes()
    first = again.read_bytes()
    run(*flags, "--resume").done()
    assert again.read_bytes() == first


def test_a_changed_text_is_synthesized_again_with_a_note_on_later_turns(
    again: Path, talk: Path, prepared: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.txt"
    changed.write_text(talk.read_text().replace("line 1", "quite another line"))
    result = run("synth", changed, "-o", again, *FLAGS, "--cache-dir", prepared, "--resume").done()
    assert turns_spoken(again) == [*range(1, TURNS + 1), 2]
    assert (
        "turn 2 has another text and is synthesized again; turns 3 to 6 continue" in result.stderr
    )


def test_another_seed_is_not_resumed(again: Path, talk: Path, prepared: Path) -> None:
    flags = ("synth", talk, "-o", again, *FLAGS, "--cache-dir", prepared)
    before = again.read_bytes()
    result = run(*flags, "--resume", "--seed", "5")
    assert result.code == 2
    assert "made with seed 1988, this run uses 5; use the same --seed again" in result.error
    assert again.read_bytes() == before
    assert turns_spoken(again) == list(range(1, TURNS + 1))


def test_a_new_run_keeps_the_previous_journal(
    again: Path, talk: Path, prepared: Path, finished: Path
) -> None:
    run("synth", talk, "-o", again, *FLAGS, "--cache-dir", prepared, "--limit-turns", "1").done()
    assert turns_spoken(again) == [1]
    previous = again.with_name("out.wav.podtts.previous")
    assert len((previous / "turns.jsonl").read_text().splitlines()) == TURNS + 1


def test_no_keep_and_pipes_leave_no_journal(talk: Path, prepared: Path, tmp_path: Path) -> None:
    flags = ("synth", talk, *FLAGS, "--cache-dir", prepared, "--limit-turns", "1")
    run(*flags, "-o", tmp_path / "out.wav", "--no-keep").done()
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]
    run(*flags, "-o", "-", cwd=tmp_path).done()
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("--retake", "9"), "'9' is no turn of this script"),
        (("--retake", "1,x"), "'x' is no turn of this script"),
        (("--resume",), "holds no run to resume"),
    ],
)
def test_flags_that_cannot_be_combined_with_resume_are_refused(
    flags: tuple[str, ...], problem: str, talk: Path, prepared: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.wav"
    result = run("synth", talk, "-o", output, *FLAGS, "--cache-dir", prepared, *flags)
    assert result.code == 2
    assert problem in result.error


def test_a_second_run_on_the_same_output_at_the_same_time_is_refused(
    talk: Path, prepared: Path, finished: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.wav"
    command = ("synth", talk, "-o", output, *FLAGS, "--cache-dir", prepared)
    with started(*command, "--verbose") as first:
        first.wait_for("stage=load")  # it holds the journal by then, and waits to be read
        second = run(*command)
        assert second.code == 2
        assert "another run is writing out.wav" in second.error
        assert first.finish().code == 0
    assert output.read_bytes() == finished.read_bytes()
