"""`podtts cache`: verify, prune, clear, export and import."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import run
from support.golden_data import MODEL


def entries(cache: Path) -> list[Path]:
    return sorted((cache / "prompts").glob("*.safetensors"))


def test_verify_finds_damaged_files_and_prep_repairs_them(own_cache: Path, speakers: Path) -> None:
    sound = run("cache", "verify", "--cache-dir", own_cache).done()
    files = [*entries(own_cache), own_cache / "voices/anna.json", own_cache / "voices/ben.json"]
    assert sound.lines == [f"ok   {path}" for path in files]

    damaged = entries(own_cache)[0]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    (own_cache / "voices" / "ben.json").write_bytes(b"{")
    bad = run("cache", "verify", "--cache-dir", own_cache)
    assert bad.code == 1
    assert [line[:4] for line in bad.lines] == ["bad ", "ok  ", "ok  ", "bad "]
    assert len(list((own_cache / "quarantine").iterdir())) == 2
    assert bad.said == [
        f"podtts: 2 of 4 files in {own_cache} are damaged or cannot be read; "
        "prepare the recordings of these voices again: podtts prep PATH"
    ]

    run("prep", speakers, "--model", MODEL, "--cache-dir", own_cache).done()
    assert run("cache", "verify", "--cache-dir", own_cache).done().lines == sound.lines


def test_a_flipped_bit_in_a_voice_is_found_wherever_it_is_used(
    own_cache: Path, tmp_path: Path
) -> None:
    file = own_cache / "voices" / "anna.json"
    raw = bytearray(file.read_bytes())
    raw[raw.index(b'"transcript"') + 20] ^= 1
    file.write_bytes(raw)
    flags = ("--model", MODEL, "--cache-dir", own_cache, "--speaker", "S1=anna")
    refused = run(
        "synth", "-", "-o", tmp_path / "out.wav", *flags, stdin="[S1] Good evening, my friend."
    )
    assert refused.code == 3
    assert f"{file} is damaged" in refused.error
    assert f"podtts prep PATH/{file.stem}.wav" in refused.error
    bad = run("cache", "verify", "--cache-dir", own_cache)
    assert bad.code == 1
    assert next(line for line in bad.lines if line.startswith("bad")).startswith(
        f"bad  {file}: its content does not match its digest; it was moved to "
    )


def test_verify_seals_the_voices_of_older_versions(own_cache: Path) -> None:
    file = own_cache / "voices" / "anna.json"
    voice = json.loads(file.read_text())
    sealed = file.read_bytes()
    del voice["payload_sha256"]
    file.write_text(json.dumps(voice, ensure_ascii=False, indent=2) + "\n")
    first = run("cache", "verify", "--cache-dir", own_cache).done()
    assert f"{file} had no digest, as podtts 0.1.0 wrote it: it has one now" in first.said
    assert file.read_bytes() == sealed
    assert len(run("cache", "verify", "--cache-dir", own_cache).done().said) == 1


def test_ls_lists_good_voices_and_warns_of_a_damaged_one(own_cache: Path) -> None:
    (own_cache / "voices" / "ben.json").write_bytes(b"{")
    listed = run("cache", "ls", "--cache-dir", own_cache).done()
    assert [line.split()[0] for line in listed.lines] == ["anna"]
    assert f"{own_cache}/voices/ben.json is damaged" in listed.said[0]


def test_prune_keeps_the_prompt_used_last(own_cache: Path) -> None:
    old, new = entries(own_cache)
    os.utime(old, (0, 0))
    size = new.stat().st_size
    first = run("cache", "prune", "--max-bytes", str(size + 10), "--cache-dir", own_cache).done()
    assert first.lines == [f"removed {old} (118 KiB, least recently used)"] or first.lines == [
        f"removed {old} (130 KiB, least recently used)"
    ]
    assert first.said[0].startswith("1 file removed")
    assert entries(own_cache) == [new]
    assert run("cache", "prune", "--older-than", "30d", "--cache-dir", own_cache).done().lines == []
    os.utime(new, (0, 0))
    assert run("cache", "prune", "--older-than", "30d", "--cache-dir", own_cache).done().lines
    assert entries(own_cache) == []
    wrong = run("cache", "prune", "--older-than", "30", "--cache-dir", own_cache)
    assert (wrong.code, wrong.error) == (2, "'30' is no age; examples of ages: 30d, 12h")


def test_clear_asks_first(own_cache: Path) -> None:
    refused = run("cache", "clear", "--cache-dir", own_cache)
    assert refused.code == 2
    assert "--yes must be given to remove everything" in refused.error
    assert (
        "2 in prompts, 0 in prefixes, 0 in quantized, 0 in quarantine, 2 in voices" in refused.error
    )
    assert len(entries(own_cache)) == 2
    (own_cache / "README.md").touch()
    assert len(run("cache", "clear", "--yes", "--cache-dir", own_cache).done().lines) == 4
    assert [path for path in own_cache.rglob("*") if path.is_file()] == [own_cache / "README.md"]


def test_an_exported_voice_works_in_another_cache_without_its_recording(
    prepared: Path, tmp_path: Path
) -> None:
    file, here, other = tmp_path / "gift" / "anna.voice", prepared, tmp_path / "elsewhere"
    exported = run("cache", "export", "anna", file, "--cache-dir", here).done()
    assert exported.lines == [f"exported voice anna to {file}: 7.4 s, 185 tokens"]
    imported = run("cache", "import", file, "--name", "eva", "--cache-dir", other).done()
    assert imported.lines == ["imported voice eva: 7.4 s, 185 tokens"]

    def spoken(cache: Path, *speakers: str) -> bytes:
        target = tmp_path / "out.wav"
        flags = [part for speaker in speakers for part in ("--speaker", speaker)]
        options: list[str | Path] = [
            "--model",
            MODEL,
            "--cache-dir",
            cache,
            "--flow-steps",
            "1",
            "--no-keep",
        ]
        script = b"[S1] Hi."
        run("synth", "-", "-o", target, *options, *flags, stdin=script).done()
        return target.read_bytes()

    assert spoken(other, "S1=eva") == spoken(here, "S1=anna")


def test_a_file_that_cannot_be_imported_is_an_error_of_one_line(
    prepared: Path, tmp_path: Path
) -> None:
    file = tmp_path / "anna.voice"
    run("cache", "export", "anna", file, "--cache-dir", prepared).done()
    file.write_bytes(file.read_bytes()[:-1])
    damaged = run("cache", "import", file, "--cache-dir", tmp_path / "elsewhere")
    assert damaged.code == 3
    assert damaged.error.startswith(f"{file} is not a voice file, or it is damaged: ")
    missing = run("cache", "export", "zoe", file, "--cache-dir", prepared)
    assert (missing.code, missing.error) == (3, "there is no voice zoe; see: podtts cache ls")


@pytest.mark.parametrize("home", ["/dev/null/home", None], ids=["impossible", "unset"])
def test_a_missing_home_is_no_error_if_nothing_is_stored(home: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if "XDG" not in name}
    environment.pop("HOME")
    if home:
        environment["HOME"] = home
    done = subprocess.run(
        [sys.executable, "-m", "podtts", "cache", "prune"],
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "0 files removed, 0 B\n")


def test_synth_warns_once_of_a_cache_that_cannot_be_written(
    own_cache: Path, tmp_path: Path
) -> None:
    """A file in the place of the folder `prompts` acts like a read-only disk."""
    shutil.rmtree(own_cache / "prompts")
    (own_cache / "prompts").touch()
    speakers = Path(__file__).parents[1] / "speakers"
    options: list[str | Path] = ["--model", MODEL, "--cache-dir", own_cache, "--speakers", speakers]
    target = tmp_path / "out.wav"
    flags = ["--speaker", "S1=anna", "--flow-steps", "1", "--no-keep"]
    done = run("synth", "-", "-o", target, *options, *flags, stdin=b"[S1] Hi.").done()
    warnings = [line for line in done.said if "warning" in line and "cache" in line]
    assert warnings == [
        f"podtts: warning: the prompt cache {own_cache} cannot be written: File exists"
    ]
    assert target.stat().st_size > 44
