"""Fixtures of several commands: a cache with two voices, a script, and its episode."""

import shutil
from pathlib import Path

import pytest
from support.commands import Result, run
from support.golden_data import MODEL
from support.journals import FLAGS, TURNS, journal

SPEAKERS = Path(__file__).parents[1] / "speakers"

TALK = """\
// two voices, four turns
S1 = anna
S2 = ben

# An opening
[S1] Good evening!
[S2] Good evening. <|laughter|>
[S1] Shall we begin?
[S2] We just did.
"""


@pytest.fixture
def speakers(tmp_path: Path) -> Path:
    """A copy of the folder with the recordings of anna and ben."""
    return Path(shutil.copytree(SPEAKERS, tmp_path / "speakers"))


@pytest.fixture(scope="session")
def first_prep(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A cache with the voices anna and ben, and the result of prep. Do not change it."""
    folder = tmp_path_factory.mktemp("prepared") / "cache"
    return folder, run("prep", SPEAKERS, "--model", MODEL, "--cache-dir", folder).done()


@pytest.fixture(scope="session")
def prepared(first_prep: tuple[Path, Result]) -> Path:
    """A cache with the voices anna and ben. Do not change it."""
    return first_prep[0]


@pytest.fixture
def own_cache(prepared: Path, tmp_path: Path) -> Path:
    """A copy of the cache with the voices anna and ben, without the results of any synthesis."""
    left = shutil.ignore_patterns("prefixes", "quantized", "digests")
    return Path(shutil.copytree(prepared, tmp_path / "cache", ignore=left))


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A script of four turns."""
    script = tmp_path_factory.mktemp("script") / "talk.txt"
    script.write_text(TALK)
    return script


@pytest.fixture(scope="session")
def first_synth(
    talk: Path, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Result]:
    """The episode of `talk` with two flow steps, and the output of `--verbose`."""
    wav = tmp_path_factory.mktemp("episode") / "episode.wav"
    options = ("--model", MODEL, "--cache-dir", prepared, "--flow-steps", "2", "--verbose")
    return wav, run("synth", talk, "-o", wav, *options).done()


@pytest.fixture(scope="session")
def episode(first_synth: tuple[Path, Result]) -> bytes:
    """The WAV file of `talk` with two flow steps."""
    return first_synth[0].read_bytes()


@pytest.fixture(scope="session")
def six_turns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A script of six turns."""
    path = tmp_path_factory.mktemp("talk") / "talk.txt"
    lines = [f"[{'anna' if number % 2 else 'ben'}] line {number}" for number in range(TURNS)]
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="session")
def finished(six_turns: Path, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run of `six_turns`, with its journal. Do not change it."""
    output = tmp_path_factory.mktemp("finished") / "out.wav"
    run("synth", six_turns, "-o", output, *FLAGS, "--cache-dir", prepared).done()
    return output


@pytest.fixture
def again(finished: Path, tmp_path: Path) -> Path:
    """A copy of the uninterrupted run, alone in a folder."""
    folder = tmp_path / "again"
    folder.mkdir()
    shutil.copytree(journal(finished), journal(folder / "out.wav"))
    return Path(shutil.copy(finished, folder / "out.wav"))


@pytest.fixture
def own_model(tmp_path: Path) -> Path:
    """A copy of the small checkpoint."""
    return Path(shutil.copytree(MODEL, tmp_path / "model"))
