"""--keep-later: an edit in the middle of a script, and the turns behind it stay."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file
from support.commands import run, started
from support.journals import FLAGS, TURNS, journal, lines_of, previous

NEW = ("[ben] this line is new", "[anna] so is this one")


@pytest.fixture
def edited(six_turns: Path, tmp_path: Path) -> Path:
    """The script of six turns, with two new ones: in the middle, and before the last."""
    lines = six_turns.read_text().splitlines()
    first = len(lines) - TURNS  # what stands before the turns
    path = tmp_path / "edited.txt"
    turns = lines[first:]
    path.write_text(
        "\n".join([*lines[:first], *turns[:3], NEW[0], *turns[3:5], NEW[1], *turns[5:]]) + "\n"
    )
    return path


def last_lines(output: Path) -> dict[int, dict[str, Any]]:
    return {line["turn"]: line for line in lines_of(output)}


def stored(output: Path, turn: int) -> tuple[str, list[int], bytes]:
    """What a turn says, and how."""
    line = last_lines(output)[turn]
    tensors = load_file(journal(output) / line["file"])
    return line["text"], tensors["tokens"].tolist(), tensors["samples"].tobytes()


def test_turns_behind_inserted_ones_keep_their_sound(
    again: Path, edited: Path, prepared: Path
) -> None:
    before = [stored(again, turn) for turn in range(1, TURNS + 1)]
    command = ("synth", edited, "-o", again, *FLAGS, "--cache-dir", prepared)
    result = run(*command, "--keep-later", "--subtitles", "json").done()
    after = [stored(again, turn) for turn in range(1, TURNS + 3)]
    assert [*after[:3], *after[4:6], after[7]] == before
    assert [after[3][0], after[6][0]] == [line.partition("] ")[2] for line in NEW]
    draws = [last_lines(again)[turn]["draws"] for turn in range(1, TURNS + 3)]
    assert draws == [1, 2, 3, 9, 4, 5, 7, 6]
    assert (
        f"6 turns of the earlier run are set aside in {previous(again, 1)}: the script has "
        "changed; turns kept with the draws they were made with: 1-3, 5-6, 8; turns to "
        "synthesize, because they are new or have another text or speaker: 4, 7; "
        "to go back to that run: "
    ) in result.stderr
    assert f"6 of 8 turns are taken from {journal(again)}" in result.said
    cues = json.loads(again.with_name("out.subtitles.json").read_text())["segments"]
    assert [cue["body"] for cue in cues] == [
        *("line 0", "line 1", "line 2", "this line is new", "line 3", "line 4"),
        *("so is this one", "line 5"),
    ]

    # Then all of it is one run: nothing is synthesized again, and a retake is of the same draws.
    whole = again.read_bytes()
    result = run(*command, "--verbose").done()
    assert "stage=load" not in result.stderr
    assert again.read_bytes() == whole
    run(*command, "--retake", "5").done()
    assert (last_lines(again)[5]["draws"], last_lines(again)[5]["variation"]) == (4, 1)


@pytest.mark.parametrize("flags", [("--keep-later",), ()])
def test_a_run_that_keeps_turns_is_killed_and_continued_to_the_same_bytes(
    flags: tuple[str, ...], again: Path, edited: Path, prepared: Path, tmp_path: Path
) -> None:
    """Also without the flag, which has done its work before the kill."""
    whole = tmp_path / "whole.wav"
    shutil.copytree(journal(again), journal(whole))
    command = ("synth", edited, *FLAGS, "--cache-dir", prepared, "--verbose")
    run(*command, "-o", whole, "--keep-later").done()
    with started(*command, "-o", again, "--keep-later") as process:
        process.wait_for("stage=vocoder")  # a turn is finished and stored
        process.process.send_signal(signal.SIGKILL)
        assert process.finish().code == -9
    run(*command, "-o", again, *flags).done()
    assert again.read_bytes() == whole.read_bytes()
    assert not previous(again, 2).exists()


def test_what_has_no_earlier_run_cannot_keep_its_turns(
    edited: Path, prepared: Path, tmp_path: Path
) -> None:
    command = ("synth", edited, *FLAGS, "--cache-dir", prepared, "--keep-later")
    stream = run(*command, "-o", "-")
    assert stream.code == 2
    assert "-o - keeps no journal to resume" in stream.error
    fresh = run(*command, "-o", tmp_path / "out.wav", "--fresh")
    assert fresh.code == 2
    assert "--fresh begins anew, and --resume, --resume-anyway, --keep-later and" in fresh.error
