"""Runs that are stopped by a signal and continued, as real processes."""

import json
import signal
from pathlib import Path

import pytest
import soundfile
from support.commands import run, started
from support.journals import FLAGS, TURNS, journal, lines_of, turns_spoken


def test_the_journal_has_the_fingerprint_and_every_turn(finished: Path) -> None:
    text = (journal(finished) / "turns.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert {"seed", "checkpoint", "device", "dtype", "sampling", "speakers"} <= lines[0].keys()
    assert turns_spoken(finished) == list(range(1, TURNS + 1))
    for line in lines[1:]:
        assert {"text", "label", "variation", "tokens", "problems"} <= line.keys()
        assert (journal(finished) / line["file"]).is_file()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_stopped_in_any_turn_is_continued_to_the_same_bytes(
    number: signal.Signals, six_turns: Path, prepared: Path, finished: Path, tmp_path: Path
) -> None:
    """The same command is killed after every finished turn and repeated until one turn is left.

    The run waits until its output is read: when it has reported a turn, it may have stored the
    next one, but no more.
    """
    output = tmp_path / "out.wav"
    command = ("synth", six_turns, "-o", output, *FLAGS, "--verbose", "--cache-dir", prepared)
    done = 0
    while done < TURNS - 1:
        with started(*command) as process:
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
    result = run(*command).done()
    assert output.read_bytes() == finished.read_bytes()
    assert "turns are taken from" in result.stderr
    assert sorted(set(turns_spoken(output))) == list(range(1, TURNS + 1))
    assert len(turns_spoken(output)) == TURNS  # no turn was stored twice


@pytest.mark.parametrize("flags", [(), ("--resume",)])
def test_a_finished_run_is_exported_again_without_loading_weights(
    flags: tuple[str, ...], again: Path, six_turns: Path, prepared: Path, finished: Path
) -> None:
    again.unlink()
    command = ("synth", six_turns, "-o", again, *FLAGS, "--cache-dir", prepared)
    result = run(*command, *flags, "--verbose").done()
    assert again.read_bytes() == finished.read_bytes()
    taken = f"6 of 6 turns are taken from {journal(again)}; --fresh synthesizes them anew"
    assert taken in result.said
    assert "stage=load" not in result.stderr
    assert {path.name for path in again.parent.iterdir()} == {"out.wav.podtts", "out.wav"}


def test_resume_begins_a_run_where_there_is_none(
    six_turns: Path, prepared: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.wav"
    flags = ("--limit-turns", "1", "--resume")
    run("synth", six_turns, "-o", output, *FLAGS, "--cache-dir", prepared, *flags).done()
    assert turns_spoken(output) == [1]


def test_retake_synthesizes_one_turn_again_and_keeps_the_others(
    again: Path, six_turns: Path, prepared: Path, finished: Path
) -> None:
    flags = ("synth", six_turns, "-o", again, *FLAGS, "--cache-dir", prepared)
    run(*flags, "--retake", "3").done()
    assert turns_spoken(again) == [*range(1, TURNS + 1), 3]
    assert again.read_bytes() != finished.read_bytes()
    first = again.read_bytes()
    run(*flags, "--resume").done()
    assert again.read_bytes() == first


def test_retake_of_a_changed_text_keeps_all_other_turns(
    again: Path, six_turns: Path, prepared: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.txt"
    changed.write_text(six_turns.read_text().replace("line 1", "quite another line"))
    flags = (*FLAGS, "--cache-dir", prepared, "--retake", "4")
    result = run("synth", changed, "-o", again, *flags).done()
    assert turns_spoken(again) == [*range(1, TURNS + 1), 2, 4]
    assert (
        "turn 2 has another text and is synthesized again; turns 3 to 6 continue" in result.stderr
    )


def test_another_seed_is_not_resumed(again: Path, six_turns: Path, prepared: Path) -> None:
    flags = ("synth", six_turns, "-o", again, *FLAGS, "--cache-dir", prepared)
    before = again.read_bytes()
    result = run(*flags, "--resume", "--seed", "5")
    assert result.code == 2
    assert "made with seed 1988, this run uses 5; use the same --seed again" in result.error
    assert result.error.endswith("or start over with --fresh")
    assert again.read_bytes() == before
    assert turns_spoken(again) == list(range(1, TURNS + 1))


def test_a_run_with_another_context_is_not_resumed(
    again: Path, six_turns: Path, prepared: Path
) -> None:
    flags = ("synth", six_turns, "-o", again, *FLAGS, "--cache-dir", prepared)
    result = run(*flags, "--resume", "--context-turns", "1")
    assert result.code == 2
    assert "turns in the context window 10, this run uses 1" in result.error
    assert "use the same --context-turns again" in result.error
    run(*flags, "--resume", "--context-turns", "10").done()


def test_no_keep_and_pipes_leave_no_journal(
    six_turns: Path, prepared: Path, tmp_path: Path
) -> None:
    flags = ("synth", six_turns, *FLAGS, "--cache-dir", prepared, "--limit-turns", "1")
    run(*flags, "-o", tmp_path / "out.wav", "--no-keep").done()
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]
    run(*flags, "-o", "-", cwd=tmp_path).done()
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("--retake", "9"), "'9' is no turn of this script"),
        (("--retake", "1,x"), "'x' is no turn of this script"),
        (("--retake", "1"), "holds no run to retake"),
        (("--fresh", "--resume"), "--fresh begins anew"),
        (("--fresh", "--retake", "1"), "--fresh begins anew"),
    ],
)
def test_flags_that_do_not_fit_are_refused(
    flags: tuple[str, ...], problem: str, six_turns: Path, prepared: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.wav"
    result = run("synth", six_turns, "-o", output, *FLAGS, "--cache-dir", prepared, *flags)
    assert result.code == 2
    assert problem in result.error
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_on_the_same_output_at_the_same_time_is_refused(
    six_turns: Path, prepared: Path, finished: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.wav"
    command = ("synth", six_turns, "-o", output, *FLAGS, "--cache-dir", prepared)
    with started(*command, "--verbose") as first:
        first.wait_for("stage=load")  # it holds the journal by then, and waits to be read
        second = run(*command)
        assert second.code == 2
        assert "another run is writing out.wav" in second.error
        assert first.finish().code == 0
    assert output.read_bytes() == finished.read_bytes()
