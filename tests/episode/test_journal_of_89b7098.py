"""A journal that an earlier version of podtts left when it was killed.

`journal_89b7098` is of commit 89b7098, the last before fingerprints had a version, killed after two
of four turns: podtts synth talk.txt -o out.wav --model tests/golden/model --preset faithful
--flow-steps 2 --max-turn-tokens 16 --dtype float32 --device cpu, with the voices anna and ben.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from support.commands import Result, run
from support.golden_data import MODEL

from podtts.episode.fingerprint import speaker_fingerprint
from podtts.prompts.cache import PromptCache
from podtts.prompts.casting import gather_prompts
from podtts.prompts.voices import VoiceStore
from podtts.script.parse import parse_script
from podtts.weights.voices import checkpoint_encoders

RECORDED = Path(__file__).parent / "journal_89b7098"
SPEAKERS = Path(__file__).parents[1] / "speakers"
TALK = "[ben] line 0\n[anna] line 1\n[ben] line 2\n[anna] line 3\n"
FLAGS = ("--model", MODEL, "--preset", "faithful", "--dtype", "float32", "--device", "cpu")
LENGTHS = ("--flow-steps", "2", "--max-turn-tokens", "16")

Header = dict[str, Any]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the voices anna and ben."""
    folder = tmp_path_factory.mktemp("prepared") / "cache"
    run("prep", SPEAKERS, "--model", MODEL, "--cache-dir", folder).done()
    return folder


@pytest.fixture
def header(cache: Path) -> Header:
    """The first line, with what depends on the machine as it is on this one."""
    values: Header = json.loads((RECORDED / "turns.jsonl").read_text().splitlines()[0])
    encoders, store = checkpoint_encoders(MODEL), PromptCache(cache, pytest.fail)
    cast = gather_prompts(parse_script(TALK), {}, encoders, store, VoiceStore(cache))
    speakers = [speaker_fingerprint(member.prompt) for member in cast]
    assert [speaker["transcript"] for speaker in speakers] == [
        speaker["transcript"] for speaker in values["speakers"]
    ]
    return values | {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "speakers": speakers,
    }


def resume(folder: Path, cache: Path, header: Any, *flags: str) -> Result:
    """Resume the recorded journal with another first line."""
    journal = folder / "out.wav.podtts"
    shutil.copytree(RECORDED, journal)
    first = header if isinstance(header, str) else json.dumps(header)
    lines = (RECORDED / "turns.jsonl").read_text().splitlines()[1:]
    (journal / "turns.jsonl").write_text("\n".join([first, *lines]) + "\n")
    (folder / "talk.txt").write_text(TALK)
    command = ("synth", folder / "talk.txt", "-o", folder / "out.wav", *FLAGS, *LENGTHS)
    return run(*command, "--cache-dir", cache, "--resume", *flags)


def test_it_is_resumed(tmp_path: Path, cache: Path, header: Header) -> None:
    result = resume(tmp_path, cache, header).done()
    journal = tmp_path / "out.wav.podtts"
    assert f"2 of 4 turns are taken from {journal}" in result.said
    before = (RECORDED / "turns.jsonl").read_text().splitlines()[1:]
    _, *turns = (journal / "turns.jsonl").read_text().splitlines()
    assert turns[:2] == before
    assert [json.loads(line)["turn"] for line in turns] == [1, 2, 3, 4]
    seconds = [json.loads(line)["seconds"] for line in turns]
    frames = soundfile.info(tmp_path / "out.wav").frames
    assert frames == round(24_000 * (sum(seconds) + 3 * 0.25))


def without(key: str) -> Callable[[Header], Header]:
    return lambda header: {name: value for name, value in header.items() if name != key}


def changed(**values: Any) -> Callable[[Header], Header]:
    return lambda header: header | values


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (without("seed"), "does not record seed: its first line is damaged; move the journal away"),
        (changed(mode="streaming"), "records mode, which this podtts does not know"),
        (changed(seed=3), "made with seed 3, this run uses 1988; use the same --seed again"),
        (changed(torch="1.0"), "install the same version of torch again"),
        (changed(podtts="0.0.1"), "made with podtts 0.0.1, whose numerics are unknown"),
        (changed(schema=99), "a fingerprint of version 99, and this podtts reads versions up to"),
        (changed(format=2), "has layout 2, and this podtts reads layout 1"),
        (lambda _: [], "turns.jsonl is damaged"),
        (lambda _: "{", "turns.jsonl is damaged"),
        (lambda _: '{"podtts": "0.1.0"}', "has layout None"),
    ],
)
def test_what_is_not_of_this_run_is_refused_with_the_reason(
    change: Callable[[Header], Any], problem: str, tmp_path: Path, cache: Path, header: Header
) -> None:
    result = resume(tmp_path, cache, change(header))
    assert result.code == 2
    assert problem in result.error
    assert not (tmp_path / "out.wav").exists()


def test_two_other_options_are_named(tmp_path: Path, cache: Path, header: Header) -> None:
    result = resume(tmp_path, cache, header, "--flow-steps", "3", "--seed", "4")
    assert "made with seed 1988, this run uses 4; with flow steps 2, this run uses 3" in (
        result.error
    )
