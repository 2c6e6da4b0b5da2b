"""The same command again, and another one for the same output: no turn is ever lost."""

import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.commands import run, started
from support.journals import (
    FLAGS,
    TURNS,
    forget_turns_behind,
    journal,
    lines_in,
    previous,
    turns_spoken,
)


def test_two_forgotten_runs_lose_no_turn(
    again: Path, six_turns: Path, prepared: Path, finished: Path
) -> None:
    """A finished run, then another seed by mistake, twice, and Ctrl-C."""
    command = ("synth", six_turns, "-o", again, *FLAGS, "--cache-dir", prepared)
    for seed in ("1", "2"):
        with started(*command, "--seed", seed, "--verbose") as process:
            process.wait_for("stage=vocoder")  # a turn is finished and stored
            process.process.send_signal(signal.SIGINT)
            result = process.finish()
        assert result.code == 130
        aside = previous(again, int(seed))
        [said] = [line for line in result.said if "set aside" in line]
        kept = len(lines_in(aside))
        assert said.startswith(f"{kept} turn")
        assert f" set aside in {aside}: the journal was made with seed " in said
    assert len(lines_in(previous(again, 1))) == TURNS
    assert again.read_bytes() == finished.read_bytes()  # until a run is complete

    # The command that the second message names brings back the run before, and so on.
    [first] = [line for line in result.said if "set aside" in line]
    subprocess.run(["sh", "-c", first.split("to go back to that run: ")[1]], check=True)
    assert [line["turn"] for line in lines_in(journal(again))] == turns_spoken(again)
    assert not previous(again, 2).exists()
    assert previous(again, 3).is_dir()
    shutil.rmtree(journal(again))
    previous(again, 1).rename(journal(again))
    again.unlink()
    run(*command, "--resume").done()
    assert again.read_bytes() == finished.read_bytes()


def test_a_loop_ends_with_the_episode(
    six_turns: Path, prepared: Path, finished: Path, tmp_path: Path
) -> None:
    """`until podtts synth ...; do :; done`, and every run but the last is interrupted."""
    output = tmp_path / "out.wav"
    command = ("synth", six_turns, "-o", output, *FLAGS, "--verbose", "--cache-dir", prepared)
    codes: list[int] = []
    while not codes or codes[-1] != 0:
        with started(*command) as process:
            if len(codes) < 2:
                process.wait_for("stage=vocoder")
                process.process.send_signal(signal.SIGINT)
            codes.append(process.finish().code)
    assert codes == [130, 130, 0]
    assert output.read_bytes() == finished.read_bytes()
    assert turns_spoken(output) == list(range(1, TURNS + 1))


def test_a_loop_ends_with_an_episode_whose_turns_failed(
    six_turns: Path, prepared: Path, own_model: Path, tmp_path: Path
) -> None:
    """The run that synthesizes them says so with its exit code; a repeat synthesizes nothing."""
    weights = load_file(own_model / "model.safetensors")
    weights["model.norm.weight"].fill_(torch.nan)
    save_file(weights, own_model / "model.safetensors")
    flags = (*FLAGS, "--model", own_model, "--cache-dir", prepared, "--limit-turns", "2")
    command = ("synth", six_turns, "-o", tmp_path / "out.wav", *flags)
    first = run(*command, "--retries", "0")
    assert first.code == 1
    assert "2 of 2 turns failed a check: 1,2; listen to them" in first.said[-1]
    second = run(*command, "--retries", "0").done()
    assert "podtts: warning: 2 of 2 turns failed a check: 1,2; listen to them" in second.said[-1]


def test_a_changed_text_is_synthesized_again_with_all_turns_after_it(
    again: Path, six_turns: Path, prepared: Path, finished: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.txt"
    changed.write_text(six_turns.read_text().replace("line 3", "quite another line"))
    flags = (*FLAGS, "--cache-dir", prepared)
    result = run("synth", changed, "-o", again, *flags).done()
    assert (
        f"6 turns of the earlier run are set aside in {previous(again, 1)}: turn 4 has another "
        "text or speaker, so this turn and all after it are synthesized again, which podtts synth "
        "--keep-later would not; to go back"
    ) in result.stderr
    assert f"3 of 6 turns are taken from {journal(again)}" in result.said
    assert turns_spoken(again) == list(range(1, TURNS + 1))
    whole = tmp_path / "whole.wav"
    run("synth", changed, "-o", whole, *flags).done()
    assert again.read_bytes() == whole.read_bytes()
    # The earlier run is complete.
    shutil.move(previous(again, 1), journal(tmp_path / "back.wav"))
    back = run("synth", six_turns, "-o", tmp_path / "back.wav", *flags, "--resume", "-v").done()
    assert "stage=load" not in back.stderr
    assert (tmp_path / "back.wav").read_bytes() == finished.read_bytes()


def test_speakers_in_another_order_are_the_reason(
    again: Path, six_turns: Path, prepared: Path
) -> None:
    lines = six_turns.read_text().splitlines()
    six_turns_from_the_second = again.parent / "talk.txt"
    six_turns_from_the_second.write_text("\n".join([*lines[1:], lines[0]]))
    command = ("synth", six_turns_from_the_second, "-o", again, *FLAGS, "--cache-dir", prepared)
    result = run(*command, "--resume")
    assert result.code == 2
    assert "made with the speakers in another order; begin the script with a line" in result.error
    assert turns_spoken(again) == list(range(1, TURNS + 1))


def test_fresh_begins_anew_and_sets_the_earlier_run_aside(
    again: Path, six_turns: Path, prepared: Path, finished: Path
) -> None:
    older = again.with_name("out.wav.podtts.previous")  # of an older version of podtts
    older.mkdir()
    (older / "turns.jsonl").write_text("{}\n")
    flags = (*FLAGS, "--cache-dir", prepared, "--fresh", "--limit-turns")
    for turns in ("1", "2"):
        result = run("synth", six_turns, "-o", again, *flags, turns).done()
        assert f"set aside in {previous(again, int(turns))}; to go back" in result.stderr
        assert turns_spoken(again) == [1, 2][: int(turns)]
    assert len(lines_in(previous(again, 1))) == TURNS
    assert len(lines_in(previous(again, 2))) == 1
    assert (older / "turns.jsonl").read_text() == "{}\n"
    for line in lines_in(previous(again, 1)):
        assert (previous(again, 1) / line["file"]).is_file()


def test_fresh_sets_a_damaged_journal_aside(again: Path, six_turns: Path, prepared: Path) -> None:
    with (journal(again) / "turns.jsonl").open("a") as lines:
        lines.write("nothing that podtts wrote\n")
    command = ("synth", six_turns, "-o", again, *FLAGS, "--cache-dir", prepared)
    refused = run(*command)
    assert refused.code == 2
    assert refused.error == (
        f"{journal(again) / 'turns.jsonl'} is damaged; move {journal(again)} away to start over"
    )
    run(*command, "--fresh", "--limit-turns", "1").done()
    damaged = (previous(again, 1) / "turns.jsonl").read_text()
    assert damaged.endswith("nothing that podtts wrote\n")


def test_another_format_takes_the_turns_of_the_first(
    again: Path, six_turns: Path, prepared: Path
) -> None:
    """Nothing is synthesized, and --no-keep removes no journal of another file."""
    flac = again.with_suffix(".flac")
    flags = (*FLAGS, "--cache-dir", prepared, "--no-keep", "--verbose")
    result = run("synth", six_turns, "-o", flac, *flags).done()
    assert f"6 of 6 turns are taken from {journal(again)}" in result.stderr
    assert "stage=load" not in result.stderr
    assert turns_spoken(again) == list(range(1, TURNS + 1))
    # With other options it has a journal of its own, and the first one stays as it is.
    run("synth", six_turns, "-o", flac, *flags, "--seed", "5", "--limit-turns", "1").done()
    assert turns_spoken(again) == list(range(1, TURNS + 1))
    assert not previous(again, 1).exists()


@pytest.mark.parametrize("flags", [(), ("--resume",)])
def test_more_turns_are_added_to_those_that_are_there(
    flags: tuple[str, ...], again: Path, six_turns: Path, prepared: Path, finished: Path
) -> None:
    forget_turns_behind(again, 4)
    command = ("synth", six_turns, "-o", again, *FLAGS, "--cache-dir", prepared)
    result = run(*command, *flags).done()
    assert f"4 of 6 turns are taken from {journal(again)}" in result.said
    assert again.read_bytes() == finished.read_bytes()
