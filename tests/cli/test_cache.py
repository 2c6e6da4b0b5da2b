import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors import safe_open
from support.commands import run
from support.golden_data import MODEL

from podtts.prompts.voices import VoiceStore

KEYS = [
    *("voice", "audio_sha256", "transcript_source", "encoders_sha256"),
    *("seconds", "tokens", "bytes", "path"),
]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def add_voice(cache: Path, name: str, like: str) -> None:
    """Add a second voice with the same recording."""
    voices = VoiceStore(cache)
    known = voices.get(like)
    assert known is not None
    voices.put(replace(known, name=name))


def prompts(cache: Path) -> set[str]:
    return {path.name for path in (cache / "prompts").iterdir()}


def test_ls_json_has_a_row_for_every_voice(prepared: Path, speakers: Path) -> None:
    rows = run("cache", "ls", "--json", "--cache-dir", prepared).done().json
    assert [list(row) for row in rows] == [KEYS, KEYS]
    assert [row["voice"] for row in rows] == ["anna", "ben"]
    for row in rows:
        assert row["audio_sha256"] == sha256(speakers / f"{row['voice']}.wav")
        assert row["seconds"] == row["tokens"] / 25
        assert Path(row["path"]).stat().st_size == row["bytes"]
    assert rows[0]["tokens"] == 185
    both = b"".join(
        bytes.fromhex(sha256(MODEL / name))
        for name in ("speech_tokenizer_v2.onnx", "campplus.onnx")
    )
    assert {row["encoders_sha256"] for row in rows} == {hashlib.sha256(both).hexdigest()}


def test_ls_has_a_line_for_every_voice(prepared: Path) -> None:
    lines = run("cache", "ls", "--cache-dir", prepared).done().lines
    assert [line.split()[0] for line in lines] == ["anna", "ben"]
    assert "7.4 s" in lines[0]
    assert "185 tokens" in lines[0]


def test_a_prompt_file_has_the_documented_format(prepared: Path) -> None:
    row = run("cache", "ls", "--json", "--cache-dir", prepared).done().json[0]
    path, tokens = Path(row["path"]), row["tokens"]
    assert path.parent == prepared / "prompts"
    with safe_open(path, framework="np") as entry:
        layout = {name: entry.get_tensor(name) for name in entry.keys()}  # noqa: SIM118 (no dict)
        metadata = entry.metadata()
    assert {name: (tensor.dtype.name, tensor.shape) for name, tensor in layout.items()} == {
        "speech_tokens": ("int32", (tokens,)),
        "mel": ("float32", (2 * tokens, 80)),
        "speaker_embedding": ("float32", (192,)),
    }
    assert metadata["audio_sha256"] == row["audio_sha256"]
    assert metadata["encoders_sha256"] == row["encoders_sha256"]
    assert metadata["recipe"].isdecimal()
    assert metadata["podtts_version"]
    raw = path.read_bytes()
    assert b"anna" not in raw[:2000]
    assert b"starter" not in raw  # a word of the transcript


def test_a_voice_file_is_json(prepared: Path, speakers: Path) -> None:
    voice = json.loads((prepared / "voices" / "anna.json").read_text())
    assert re.fullmatch("[0-9a-f]{64}", voice.pop("payload_sha256"))
    assert voice == {
        "name": "anna",
        "audio_sha256": sha256(speakers / "anna.wav"),
        "transcript": (speakers / "anna.txt").read_text().strip(),
        "dialect_prompt": "",
    }


def test_a_voice_without_its_prompt_is_listed(own_cache: Path) -> None:
    shutil.rmtree(own_cache / "prompts")
    rows = run("cache", "ls", "--json", "--cache-dir", own_cache).done().json
    assert [row["voice"] for row in rows] == ["anna", "ben"]
    assert [rows[0][key] for key in KEYS[3:]] == [None] * 5
    assert "no prompt" in run("cache", "ls", "--cache-dir", own_cache).done().lines[0]


def test_an_empty_cache_has_no_rows(tmp_path: Path) -> None:
    listed = run("cache", "ls", "--cache-dir", tmp_path)
    assert (listed.code, listed.lines) == (0, [])
    assert "podtts prep" in listed.stderr
    assert run("cache", "ls", "--json", "--cache-dir", tmp_path).done().json == []


def test_a_damaged_voice_is_a_warning_of_one_line(own_cache: Path) -> None:
    (own_cache / "voices" / "ben.json").write_text("{")
    result = run("cache", "ls", "--cache-dir", own_cache)
    assert result.code == 0
    assert [line.split()[0] for line in result.lines] == ["anna"]
    assert "ben.json is damaged" in result.stderr
    assert "podtts prep" in result.stderr


def test_rm_removes_voice_and_prompt(own_cache: Path) -> None:
    before = prompts(own_cache)
    result = run("cache", "rm", "anna", "--cache-dir", own_cache).done()
    assert result.lines == ["removed voice anna and 1 prompt"]
    assert len(before - prompts(own_cache)) == 1
    rows = run("cache", "ls", "--json", "--cache-dir", own_cache).done().json
    assert [row["voice"] for row in rows] == ["ben"]
    again = run("cache", "rm", "anna", "--cache-dir", own_cache)
    assert again.code == 3
    assert "no voice anna" in again.error


def test_rm_keeps_a_prompt_that_another_voice_uses(own_cache: Path) -> None:
    add_voice(own_cache, "anne", like="anna")
    before = prompts(own_cache)
    result = run("cache", "rm", "anna", "--cache-dir", own_cache).done()
    assert result.lines == ["removed voice anna and 0 prompts"]
    assert prompts(own_cache) == before
    assert run("cache", "rm", "anne", "--cache-dir", own_cache).done()
    assert len(before - prompts(own_cache)) == 1


@pytest.mark.parametrize("name", ["nobody", "../voices/anna", ""])
def test_rm_refuses_a_name_without_a_voice(own_cache: Path, name: str) -> None:
    result = run("cache", "rm", name, "--cache-dir", own_cache)
    assert result.code == 3
    assert result.error
    assert len(prompts(own_cache)) == 2


def test_path_is_of_the_flag_the_environment_or_the_user(tmp_path: Path, home: Path) -> None:
    flag, named = str(tmp_path / "flag"), {"PODTTS_CACHE_DIR": str(tmp_path / "named")}
    assert run("cache", "path", "--cache-dir", flag, env=named).done().lines == [flag]
    assert run("cache", "path", env=named).done().lines == [named["PODTTS_CACHE_DIR"]]
    for nothing in ({}, {"PODTTS_CACHE_DIR": ""}):
        (default,) = run("cache", "path", env=nothing).done().lines
        assert Path(default).is_relative_to(home)
        assert Path(default).name == "podtts"
    assert not Path(default).exists()
