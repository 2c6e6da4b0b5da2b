"""`podtts batch` writes the same files for an episode as `podtts synth`."""

import json
import shutil
from pathlib import Path

import pytest
from support.commands import Result, run
from support.golden_data import MODEL

FLAGS = ("--model", MODEL, "--flow-steps", "1", "--max-turn-tokens", "12", "--dtype", "float32")
TALK = "# The opening\n[anna] Hello, number {}.\n[ben] Hello to you, too.\n"
FILES = (
    *("--loudness", "-19", "--subtitles", "srt,json", "--chapters", "--transcript"),
    *("--split", "turns,speakers", "--artist", "Anna and Ben"),
)
FORMATS = {"e0": "ogg", "e1": "mp3"}


def files(folder: Path, name: str) -> dict[str, bytes]:
    """The files of an episode and its folders."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    own = {name: path for name, path in names.items() if ".podtts/" not in name}
    return {key: path.read_bytes() for key, path in own.items() if key.startswith(f"{name}.")}


@pytest.fixture(scope="module")
def batch(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The episodes of a manifest of two scripts, each in its own format."""
    folder = tmp_path_factory.mktemp("batch")
    with (folder / "all.jsonl").open("w") as lines:
        for name, ending in FORMATS.items():
            (folder / f"{name}.txt").write_text(TALK.format(name))
            line = {"id": name, "script": f"{name}.txt", "format": ending}
            lines.write(json.dumps(line) + "\n")
    return folder, run(*command(folder, prepared)).done()


def command(folder: Path, cache: Path, *more: str) -> tuple[str | Path, ...]:
    place = ("--cache-dir", cache, "-o", folder / "out", "--verbose")
    return ("batch", folder / "all.jsonl", *FLAGS, *FILES, *place, *more)


def test_an_episode_has_the_files_that_synth_writes(
    batch: tuple[Path, Result], prepared: Path, tmp_path: Path
) -> None:
    folder, result = batch
    said = {}
    for name, ending in FORMATS.items():
        script, output = folder / f"{name}.txt", tmp_path / f"{name}.{ending}"
        alone = run("synth", script, "-o", output, *FLAGS, *FILES, "--cache-dir", prepared).done()
        ours, theirs = files(folder / "out", name), files(tmp_path, name)
        assert len(ours) == 5 + 2 + 2
        assert ours == theirs
        [said[name]] = [line for line in alone.said if line.startswith("loudness: ")]
        assert f"{name}: {said[name]}" in result.said
    lines = [json.loads(line) for line in (folder / "out/summary.jsonl").read_text().splitlines()]
    for line in lines:
        assert next(iter(line["files"])) == f"{line['id']}.{FORMATS[line['id']]}"
        assert sorted(line["files"]) == sorted(files(folder / "out", line["id"]))
        assert line["notes"] == [said[line["id"]]]


@pytest.mark.parametrize("changed", ["e1.srt", "e1.speakers/2-ben.wav"])
def test_an_episode_with_a_missing_file_is_exported_again(
    changed: str, batch: tuple[Path, Result], prepared: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(batch[0], tmp_path / "again"))
    before = files(folder / "out", "e1")
    (folder / "out" / changed).write_bytes(b"something else")
    result = run(*command(folder, prepared)).done()
    assert "e0: done before" in result.stderr
    assert "e1: done, 2 turns, 2 from the journal" in result.stderr
    assert files(folder / "out", "e1") == before


def test_another_format_synthesizes_no_turn_again(
    batch: tuple[Path, Result], prepared: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(batch[0], tmp_path / "again"))
    lines = (folder / "all.jsonl").read_text().replace("mp3", "flac")
    (folder / "all.jsonl").write_text(lines)
    result = run(*command(folder, prepared, "--no-keep")).done()
    assert "e0: done before" in result.stderr
    assert "e1: done, 2 turns, 2 from the journal" in result.stderr
    assert (folder / "out/e1.flac").is_file()
    assert (folder / "out/e1.turns/0001-anna.flac").is_file()
    assert not list((folder / "out").glob("*.podtts"))


def test_an_episode_that_cannot_be_published_fails_before_synthesis(
    prepared: Path, tmp_path: Path
) -> None:
    """A script without headings, and a folder that contains other files."""
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.txt").write_text(TALK.format(name))
    (tmp_path / "b.txt").write_text("[anna] Hello, everybody.")
    (tmp_path / "out/c.turns").mkdir(parents=True)
    (tmp_path / "out/c.turns/precious.txt").touch()
    lines = [json.dumps({"id": name, "script": f"{name}.txt"}) + "\n" for name in ("a", "b", "c")]
    (tmp_path / "all.jsonl").write_text("".join(lines))
    checked = run(*command(tmp_path, prepared, "--check"))
    assert checked.code == 1
    assert "1 of 3 scripts can be synthesized" in checked.said
    assert "all.jsonl:2: --chapters: " in checked.said[0]
    assert "b.txt has no headings" in checked.said[0]
    assert "all.jsonl:3: " in checked.said[1]
    assert "c.turns contains precious.txt" in checked.said[1]
