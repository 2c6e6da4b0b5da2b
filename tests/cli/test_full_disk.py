"""Disks that are full, read-only or out of names for files: what is said, kept and done again."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.commands import Result, run
from support.golden_data import MODEL
from support.small_disk import SmallDisk, small_disk

AGAIN = "No space left on device; make room, then run the same command again"
FLAGS = ("--model", MODEL, "--flow-steps", "2")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of 2 MiB."""
    with small_disk(tmp_path / "disk", "size=2m") as disk:
        yield disk


def prep(disk: SmallDisk, speakers: Path) -> Result:
    cache = disk.inside / "cache"
    return run("prep", speakers, "--model", MODEL, "--cache-dir", cache, namespaces=disk.namespaces)


def test_prep_into_a_full_cache_names_every_voice_and_keeps_none(
    disk: SmallDisk, speakers: Path
) -> None:
    disk.fill(spare_bytes=16 * 1024)  # for the file of a voice, not for a prompt
    refused = prep(disk, speakers)
    assert refused.code == 1
    assert refused.lines == []
    cache = disk.inside / "cache"
    assert refused.said == [
        *(
            f"podtts: voice {name} is not stored: {cache}: cannot be written: {AGAIN}"
            for name in ("anna", "ben")
        ),
        "podtts: 2 of 2 recordings could not be prepared",
    ]
    left = [path for path in (disk.outside / "cache").rglob("*") if path.is_file()]
    assert left == []
    disk.make_room()
    assert len(prep(disk, speakers).done().lines) == 2
    run("cache", "verify", "--cache-dir", cache, namespaces=disk.namespaces).done()


def test_prep_into_a_read_only_cache_computes_nothing(disk: SmallDisk, speakers: Path) -> None:
    disk.remount("ro")
    refused = prep(disk, speakers)
    assert refused.code == 1
    assert refused.said[0] == (
        f"podtts: voice anna is not stored: {disk.inside / 'cache'}: cannot be written: "
        f"{disk.inside} is read-only; choose another folder with --cache-dir, or get the "
        "permission to write there"
    )
    assert "make room" not in refused.stderr


def test_voices_are_exported_and_imported_when_there_is_room(
    disk: SmallDisk, prepared: Path, tmp_path: Path
) -> None:
    file, cache = disk.inside / "anna.voice", disk.inside / "cache"
    export = ("cache", "export", "anna", file, "--cache-dir", prepared)
    disk.fill()
    refused = run(*export, namespaces=disk.namespaces)
    assert (refused.code, refused.error) == (5, f"{file}: cannot be written: {AGAIN}")
    disk.make_room()
    run(*export, namespaces=disk.namespaces).done()
    disk.fill()
    load = ("cache", "import", file, "--cache-dir", cache)
    refused = run(*load, namespaces=disk.namespaces)
    assert (refused.code, refused.error) == (5, f"{cache}: cannot be written: {AGAIN}")
    disk.make_room()
    run(*load, namespaces=disk.namespaces).done()


def synth(disk: SmallDisk, talk: Path, cache: Path, *flags: str | Path) -> tuple[str | Path, ...]:
    return ("synth", talk, "-o", disk.inside / "out.wav", *FLAGS, "--cache-dir", cache, *flags)


@pytest.mark.parametrize("spare", [8, 160])  # KiB: for the first lines; for some turns
def test_an_episode_is_finished_when_there_is_room(
    spare: int, disk: SmallDisk, talk: Path, prepared: Path, episode: bytes
) -> None:
    command = synth(disk, talk, prepared)
    disk.fill(spare_bytes=spare * 1024)
    refused = run(*command, namespaces=disk.namespaces)
    assert refused.code == 5
    assert refused.said[-1].startswith(f"podtts: {disk.inside / 'out.wav'}")
    assert refused.said[-1].endswith(f": cannot be written: {AGAIN}")
    assert not (disk.outside / "out.wav").exists()
    disk.make_room()
    run(*command, namespaces=disk.namespaces).done()
    assert (disk.outside / "out.wav").read_bytes() == episode


def test_files_are_published_when_there_is_room(
    disk: SmallDisk, talk: Path, prepared: Path, episode: bytes
) -> None:
    run(*synth(disk, talk, prepared), namespaces=disk.namespaces).done()
    more = synth(disk, talk, prepared, "--resume", "--sample-rate", "48000", "--split", "turns")
    disk.fill(spare_bytes=len(episode) + 64 * 1024)  # for the mix, and not for the parts
    refused = run(*more, namespaces=disk.namespaces)
    assert refused.code == 5
    assert refused.said[-1] == (f"podtts: {disk.inside / 'out.wav'}: cannot be written: {AGAIN}")
    # The former episode is there, and nothing else.
    assert (disk.outside / "out.wav").read_bytes() == episode
    assert sorted(path.name for path in disk.outside.iterdir()) == [
        ".filler", "out.wav", "out.wav.podtts",
    ]  # fmt: skip
    disk.make_room()
    assert "4 of 4 turns are taken" in run(*more, namespaces=disk.namespaces).done().stderr
    assert len(list((disk.outside / "out.turns").iterdir())) == 4


def test_a_disk_without_names_for_files_asks_to_remove_some(
    talk: Path, prepared: Path, episode: bytes, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "size=2m,nr_inodes=7") as disk:
        command = synth(disk, talk, prepared)
        refused = run(*command, namespaces=disk.namespaces)
        assert refused.code == 5
        assert refused.said[-1].endswith(
            "No space left on device; the disk has no room for more files: remove some, then run "
            "the same command again"
        )
        disk.remount("nr_inodes=100")
        run(*command, namespaces=disk.namespaces).done()
        assert (disk.outside / "out.wav").read_bytes() == episode


def test_a_batch_goes_on_when_there_is_room(
    disk: SmallDisk, talk: Path, prepared: Path, episode: bytes, tmp_path: Path
) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for name in ("e1", "e2"):
        (scripts / f"{name}.txt").write_bytes(talk.read_bytes())
    command = ("batch", scripts, "-o", disk.inside / "out", *FLAGS, "--cache-dir", prepared)
    disk.fill(spare_bytes=64 * 1024)
    refused = run(*command, namespaces=disk.namespaces)
    assert refused.code == 5
    assert refused.said[-1].endswith(f": cannot be written: {AGAIN}")
    assert "Traceback" not in refused.stderr
    assert not list((disk.outside / "out").glob("*.wav"))
    disk.make_room()
    run(*command, namespaces=disk.namespaces).done()
    lines = (disk.outside / "out" / "summary.jsonl").read_text().splitlines()
    assert sorted((json.loads(line)["id"], json.loads(line)["state"]) for line in lines) == [
        ("e1", "done"),
        ("e2", "done"),
    ]
    for name in ("e1", "e2"):
        assert np.array_equal(
            soundfile.read(disk.outside / "out" / f"{name}.wav")[0],
            soundfile.read(io.BytesIO(episode))[0],
        )


def test_a_read_only_disk_is_named_before_any_weight_is_loaded(
    disk: SmallDisk, talk: Path, prepared: Path, tmp_path: Path
) -> None:
    disk.remount("ro")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "talk.txt").write_bytes(talk.read_bytes())
    for command, words in (
        (synth(disk, talk, prepared), "choose another output file"),
        (("batch", tmp_path / "empty", "-o", disk.inside / "out", *FLAGS), "choose another folder"),
    ):
        refused = run(*command, namespaces=disk.namespaces)
        assert refused.code == 2
        assert refused.error == f"the folder {disk.inside} is read-only; {words}"


def test_a_full_device_is_no_place_for_an_episode(talk: Path, prepared: Path) -> None:
    command = ("synth", talk, "-o", "/dev/full", *FLAGS, "--cache-dir", prepared)
    for flags in ((), ("--format", "flac")):
        refused = run(*command, *flags)
        assert refused.code == 5
        assert refused.said[-1] == (
            "podtts: /dev/full: cannot be written: No space left on device; name another file or "
            "device"
        )
