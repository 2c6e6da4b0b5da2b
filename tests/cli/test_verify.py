"""`synth --verify` and `batch --verify`, with a recognizer that hears the same in everything."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.commands import Result, run
from support.golden_data import MODEL
from support.journals import header_of, lines_of
from support.no_network import NoNetwork
from support.tiny_whisper import tiny_whisper

QUICK = ("--model", MODEL, "--flow-steps", "1", "--max-turn-tokens", "16", "--dtype", "float32")
HEARD = "We have twelve dogs, and they bark."
TALK = "[anna] We have 12 dogs and they bark.\n[ben] Nobody said a word of that, I think.\n"


@pytest.fixture(scope="module")
def ears(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper(tmp_path_factory.mktemp("ears") / "whisper", HEARD)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script whose first turn is heard as it is written, and whose second is not."""
    (tmp_path / "talk.txt").write_text(TALK)
    return tmp_path / "talk.txt"


def synth(
    script: Path, cache: Path, *flags: str | Path, env: Mapping[str, str] | None = None
) -> Result:
    output = script.with_suffix(".wav")
    return run("synth", script, "-o", output, *QUICK, "--cache-dir", cache, *flags, env=env)


def test_every_turn_is_heard_and_named_if_it_is_heard_otherwise(
    ears: Path, script: Path, prepared: Path
) -> None:
    log = script.with_suffix(".jsonl")
    verify = ("--verify", "--recognizer", ears)
    result = synth(script, prepared, *verify, "--retries", "1", "--log-json", log)
    assert result.code == 1
    problem = (
        f"100% of its words are heard otherwise (limit 30%): “{HEARD}” for "
        "“Nobody said a word of that, I think.”"
    )
    assert f"podtts: warning: turn 2 (line 2) failed a check: {problem}" in result.said
    assert f", verified by {ears}" in result.stderr
    assert re.search(r"RTF \d+\.\d\d \(hearing \d+\.\d\d\), 1 turn failed a check", result.stderr)
    output = script.with_suffix(".wav")
    first, second = lines_of(output)
    assert first["heard"] == {"text": HEARD, "error": 0.0}
    assert (first["variation"], first["problems"]) == (0, [])
    assert "later_variations" not in first
    assert second["heard"] == {"text": HEARD, "error": 1.0}
    assert (second["variation"], second["later_variations"]) == (0, 1)
    events = [json.loads(line) for line in log.read_text().splitlines()]
    turns = [event for event in events if event["event"] == "turn"]
    assert [event["heard"]["error"] for event in turns] == [0.0, 1.0]
    assert all(event["stage_seconds"]["hearing"] > 0 for event in turns)
    header = header_of(output)
    assert header["verify_limit"] == 0.3
    assert len(header["recognizer"]) == 64
    assert header["recognizer_version"].startswith("faster-whisper ")

    # The same command continues it, and knows what was heard.
    again = synth(script, prepared, *verify, "--retries", "1", "--log-json", log)
    assert again.code == 0
    assert problem in again.stderr
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [event["heard"]["error"] for event in events if event["event"] == "turn"][2:] == [0, 1]

    # A retake begins behind the attempts that were made.
    retake = synth(script, prepared, *verify, "--retries", "0", "--retake", "2")
    assert retake.code == 2  # other retries are another run
    retake = synth(script, prepared, *verify, "--retries", "1", "--retake", "2")
    assert retake.code == 1
    assert lines_of(output)[-1]["variation"] == 2


def test_turns_without_a_flag_are_those_of_the_first_attempt(
    ears: Path, script: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nobody else hears them."""
    monkeypatch.delenv("HF_HUB_OFFLINE")
    network = NoNetwork(tmp_path)
    synth(script, prepared, "--verify", "--recognizer", ears, env=network.env)
    assert network.wanted() == set()
    verified = script.with_suffix(".wav").read_bytes()
    synth(script, prepared, "--fresh").done()
    assert script.with_suffix(".wav").read_bytes() == verified  # all attempts were heard the same
    assert header_of(script.with_suffix(".wav"))["recognizer"] is None


def test_a_run_that_was_heard_is_another_run(ears: Path, script: Path, prepared: Path) -> None:
    verify = ("--verify", "--recognizer", ears, "--retries", "0")
    synth(script, prepared, *verify, "--verify-limit", "1").done()
    refused = synth(script, prepared, *verify, "--resume")
    assert refused.code == 2
    assert "limit of --verify 1.0, this run uses 0.3" in refused.error
    assert "use the same --verify-limit again" in refused.error
    plain = synth(script, prepared, "--retries", "0", "--resume")
    assert plain.code == 2
    assert "limit of --verify 1.0, this run uses none" in plain.error


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--verify-limit", "0.2"), "--verify-limit needs --verify; add --verify"),
        (("--recognizer", "whisper-base"), "--recognizer needs --verify; add --verify"),
        (("--verify", "--verify-limit", "1.5"), "verify-limit is 1.5, but must be 0 to 1"),
    ],
)
def test_flags_that_cannot_work_are_refused(
    script: Path, prepared: Path, flags: tuple[str, ...], words: str
) -> None:
    result = synth(script, prepared, *flags)
    assert result.code == 2
    assert words in result.error


def test_a_stream_takes_nothing_back(ears: Path, script: Path, prepared: Path) -> None:
    flags = ("--verify", "--recognizer", ears, "--cache-dir", prepared)
    result = run("synth", script, "-o", "-", *QUICK, *flags)
    assert result.code == 2
    assert result.error == "--verify cannot take back what -o - has sent; write to a file"


def test_a_damaged_recognizer_ends_the_run_in_one_line(
    script: Path, prepared: Path, tmp_path: Path
) -> None:
    damaged = tiny_whisper(tmp_path / "damaged", HEARD)
    (damaged / "model.bin").write_bytes(b"no network")
    result = synth(script, prepared, "--verify", "--recognizer", damaged)
    assert result.code == 4
    assert f"podtts: {damaged} cannot be used to recognize speech: " in result.said[-1]
    assert not script.with_suffix(".wav").exists()


def test_a_batch_hears_the_turns_of_all_scripts(
    ears: Path, script: Path, prepared: Path, tmp_path: Path
) -> None:
    def batch(*flags: str | Path) -> Result:
        folder = tmp_path / "scripts"
        folder.mkdir(exist_ok=True)
        (folder / "talk.txt").write_text(TALK)
        (folder / "fine.txt").write_text(TALK.splitlines()[0])
        where = ("-o", tmp_path / "episodes", "--cache-dir", prepared)
        return run("batch", folder, *where, *QUICK, "--verify", "--recognizer", ears, *flags)

    first = batch("--retries", "1")
    assert first.code == 1
    assert "talk: turn 2 (line 2) failed a check: 100% of its words are heard" in first.stderr
    assert re.search(r"hearing took \d+\.\d\d s for each second of audio", first.stderr)
    lines = (tmp_path / "episodes" / "summary.jsonl").read_text().splitlines()
    summary = {record["id"]: record for record in map(json.loads, lines)}
    assert summary["talk"]["failed_turns"] == [2]
    assert summary["fine"]["failed_turns"] == []
    assert all(record["work"]["hearing"] > 0 for record in summary.values())
    heard = [line["heard"]["error"] for line in lines_of(tmp_path / "episodes" / "talk.wav")]
    assert heard == [0.0, 1.0]

    again = batch("--retries", "1", "--verbose")
    assert "fine: done before" in again.stderr
    other = batch("--retries", "1", "--verbose", "--verify-limit", "1")
    assert "fine: done, 1 turn," in other.stderr
    assert "resource_tracker" not in other.stderr
    assert other.code == 0
