"""synth, prep and batch, killed again and again before any change of a file.

After every kill, whatever has a name is whole; the same command then ends with the bytes of a run
that nobody killed. `make torture` kills for ten minutes.
"""

import hashlib
import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.golden_data import MODEL
from support.killable_commands import KillableCommands
from torture.conftest import Torment

from podtts.prompts.cache import PromptCache
from podtts.prompts.voices import VoiceStore
from podtts.storage.verify import verify_sealed

SPEAKERS = Path(__file__).parents[1] / "speakers"
FLAGS = (
    *("--model", MODEL, "--flow-steps", "1", "--max-turn-tokens", "25", "--dtype", "float32"),
    *("--threads", "1"),
)
TALK = "S1 = anna\nS2 = ben\n[S1] Good evening!\n[S2] Good evening.\n[S1] Shall we begin?\n"
Command = tuple[str | Path, ...]
Commands = Callable[[Path], Command]


@pytest.fixture(scope="module")
def cache(commands: KillableCommands, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the voices anna and ben."""
    folder = tmp_path_factory.mktemp("prepared") / "cache"
    ended = commands.run("prep", SPEAKERS, "--model", MODEL, "--cache-dir", folder)
    assert ended.code == 0, ended.stderr
    return folder


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    script = tmp_path_factory.mktemp("script") / "talk.txt"
    script.write_text(TALK)
    return script


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scripts")
    for name in ("e1", "e2"):
        (folder / f"{name}.txt").write_text(TALK)
    return folder


def test_synth(
    torment: Torment, commands: KillableCommands, cache: Path, talk: Path, tmp_path: Path
) -> None:
    def synth(folder: Path) -> Command:
        out = folder / "out.opus"
        # No page: it has the seconds that the run took.
        files = ("--subtitles", "srt,vtt", "--split", "turns", "--transcript")
        return ("synth", talk, "-o", out, *files, "--cache-dir", cache, *FLAGS)

    kill_again_and_again(torment, commands, synth, tmp_path)


def test_prep(torment: Torment, commands: KillableCommands, tmp_path: Path) -> None:
    def prep(folder: Path) -> Command:
        return ("prep", SPEAKERS, "--model", MODEL, "--cache-dir", folder)

    kill_again_and_again(torment, commands, prep, tmp_path)


@pytest.mark.parametrize("parent", [True, False], ids=["driver", "worker"])
def test_batch(
    parent: bool,
    torment: Torment,
    commands: KillableCommands,
    cache: Path,
    scripts: Path,
    tmp_path: Path,
) -> None:
    def batch(folder: Path) -> Command:
        files = ("--format", "flac", "--subtitles", "srt", "--split", "turns")
        return ("batch", scripts, "-o", folder, *files, "--cache-dir", cache, *FLAGS)

    torment.kills //= 2
    # A worker of two such scripts changes files about 150 times.
    kill: dict[str, Any] = {"word": "spawn_main", "parent": parent}
    kill_again_and_again(torment, commands, batch, tmp_path, most=150, **kill)


def kill_again_and_again(
    torment: Torment,
    commands: KillableCommands,
    command: Commands,
    tmp_path: Path,
    *,
    most: int | None = None,
    **kill: Any,
) -> None:
    """Kill a command some times, each time before a change of a file, and let it end at last.

    most: about how many changes the killed process makes; None: as many as the command itself.
    kill: see `KillableCommands.run`.
    """
    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    reference = commands.run(*command(undisturbed))
    assert reference.code == 0, reference.stderr
    whole = named_files(undisturbed)
    assert whole
    kills = 0
    while kills < torment.kills and torment.goes_on:
        folder = tmp_path / "killed"
        folder.mkdir()
        for _ in range(3):
            at = torment.chance.randint(1, most or reference.steps)
            ended = commands.run(*command(folder), kill_at=at, **kill)
            assert ended.code in (0, -signal.SIGKILL), f"killed at {at}: {ended.stderr}"
            kills += ended.has_killed
            assert_whole(folder, whole)
        ended = commands.run(*command(folder))
        assert ended.code == 0, ended.stderr
        assert named_files(folder) == whole
        shutil.rmtree(folder)
    print(f"{kills} kills at {most or reference.steps} places")  # noqa: T201 (for make torture)


def named_files(folder: Path) -> dict[str, bytes]:
    """The files that users see: all but hidden ones, journals, and what says when it was made."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    found = {path.relative_to(folder): path for path in files}
    return {
        str(name): path.read_bytes()
        for name, path in found.items()
        if not any(part.startswith(".") or part.endswith(".podtts") for part in name.parts)
        and name.name != "summary.jsonl"
    }


def assert_whole(folder: Path, whole: dict[str, bytes]) -> None:
    """Whatever has a name has all of its content, and every line of a journal is true."""
    for name, content in named_files(folder).items():
        assert content == whole[name], name
    for lines in [*folder.rglob("turns.jsonl"), *folder.rglob("summary.jsonl")]:
        complete = lines.read_bytes().split(b"\n")[:-1]
        for line in map(json.loads, complete):
            if "sha256" in line:
                turn = (lines.parent / line["file"]).read_bytes()
                assert hashlib.sha256(turn).hexdigest() == line["sha256"]
            for name, sha256 in line.get("files", {}).items():
                assert hashlib.sha256((lines.parent / name).read_bytes()).hexdigest() == sha256
    problems = [*PromptCache(folder, pytest.fail).verify(), *VoiceStore(folder).verify()]
    assert all(problem is None for _, problem in [*problems, *verify_sealed(folder, "prefixes")])
