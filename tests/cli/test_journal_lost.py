"""A journal that is removed or moved while a run uses it is missed, and nothing else is said."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import Result, run, started
from support.gates import gate
from support.journals import FLAGS, journal, turns_spoken

Change = Callable[[Path], object]
CHANGES: dict[str, Change] = {
    "removed": shutil.rmtree,
    "moved": lambda folder: folder.rename(folder.with_name("elsewhere")),
}
changes = pytest.mark.parametrize("change", CHANGES)


def interrupted(
    command: tuple[str | Path, ...], folder: Path, pattern: str, change: Change, *signals: int
) -> Result:
    """Run a command up to a gate, change its journal, send it signals and let it pass."""
    with gate(folder / "gate", pattern) as held, started(*command, env=held.env) as process:
        held.wait_for_arrival(process)
        change(journal(folder / "out.wav"))
        for number in signals:
            process.process.send_signal(number)
        if not signals:
            held.open()
        return process.finish()


@changes
@pytest.mark.parametrize("pattern", ["*/turn-0003*", "*/.podtts-*out.wav.part", "*/partial.wav"])
def test_a_lost_journal_ends_the_run_with_one_line(
    change: str, pattern: str, six_turns: Path, prepared: Path, finished: Path, tmp_path: Path
) -> None:
    """While a turn is stored, when the mix is complete, and while the file is published."""
    output = tmp_path / "out.wav"
    command = ("synth", six_turns, "-o", output, *FLAGS, "--cache-dir", prepared)
    result = interrupted(command, tmp_path, pattern, CHANGES[change])
    assert result.code == 1
    assert result.said[-1] == (
        f"podtts: {journal(output)} was removed, moved or replaced while this run used it; "
        "if it was moved, move it back; then run the same command again"
    )
    assert "stored" not in result.stderr
    assert not output.exists()
    if change == "moved":
        assert not journal(output).exists()
        (tmp_path / "elsewhere").rename(journal(output))
        assert len(turns_spoken(output)) >= 2
    run(*command).done()
    assert output.read_bytes() == finished.read_bytes()


@changes
def test_an_interrupted_run_does_not_say_that_turns_are_stored_where_there_are_none(
    change: str, six_turns: Path, prepared: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.wav"
    command = ("synth", six_turns, "-o", output, *FLAGS, "--cache-dir", prepared)
    result = interrupted(command, tmp_path, "*/turn-0003*", CHANGES[change], signal.SIGTERM)
    assert result.code == 143
    assert "stored" not in result.stderr
    assert f"{journal(output)} was removed, moved or replaced while this run" in result.stderr


def test_turns_whose_files_were_removed_are_not_counted(
    six_turns: Path, prepared: Path, finished: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.wav"
    command = ("synth", six_turns, "-o", output, *FLAGS, "--cache-dir", prepared)

    def remove_a_turn(folder: Path) -> None:
        [file] = folder.glob("turn-0002*")
        file.unlink()

    result = interrupted(command, tmp_path, "*/turn-0004*", remove_a_turn, signal.SIGINT)
    assert result.code == 130
    assert f"2 turns are stored in {journal(output)}; continue with the same command" in (
        result.stderr
    )
    run(*command).done()
    assert output.read_bytes() == finished.read_bytes()


@changes
def test_an_episode_of_a_batch_that_loses_its_journal_fails_alone(
    change: str, prepared: Path, tmp_path: Path
) -> None:
    for name in ("out", "b"):
        (tmp_path / "scripts" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "scripts" / f"{name}.txt").write_text("[anna] One.\n[ben] Two.\n")
    folder = tmp_path / "episodes"
    flags = (*FLAGS, "--cache-dir", prepared, "--batch", "1")
    command = ("batch", tmp_path / "scripts", "-o", folder, *flags)
    pattern = f"{folder}/out.wav.podtts/turn-0002*"
    with gate(tmp_path / "gate", pattern) as held, started(*command, env=held.env) as process:
        held.wait_for_arrival(process)
        CHANGES[change](folder / "out.wav.podtts")
        held.open()
        result = process.finish()
    assert result.code == 1
    assert f"podtts: out: {folder}/out.wav.podtts was removed, moved or replaced" in result.stderr
    assert (folder / "b.wav").is_file()
    assert not (folder / "out.wav").exists()
    run(*command).done()
    assert (folder / "out.wav").is_file()
