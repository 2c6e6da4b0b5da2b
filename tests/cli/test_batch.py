"""`podtts batch`: what it writes, what it refuses, and what a second run computes again."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import soundfile
from support.commands import Result, run, run_script, started
from support.golden_data import MODEL

FLAGS = ("--model", MODEL, "--flow-steps", "1", "--max-turn-tokens", "12", "--dtype", "float32")
TALK = "[anna] Hello, number {}.\n[ben] Hello to you, too.\n"


def manifest(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def line(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"e{number}",
        "turns": [["anna", f"Hello, number {number}."], ["ben", "Hello to you, too."]],
        **more,
    }


def summary(output: Path) -> dict[str, dict[str, Any]]:
    """The lines of summary.jsonl by id. Every id has one line."""
    lines = [json.loads(line) for line in (output / "summary.jsonl").read_text().splitlines()]
    by_id = {line["id"]: line for line in lines}
    assert len(by_id) == len(lines)
    return by_id


def figures(result: Result) -> dict[str, str]:
    """The figures at the end, by name."""
    rows = (re.fullmatch(r"([a-zA-Z ]+?) {2,}(\S.*)", line) for line in result.said)
    return {row[1]: row[2] for row in rows if row}


@pytest.fixture(scope="module")
def first(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A folder with three scripts and their episodes."""
    folder = tmp_path_factory.mktemp("batch")
    (folder / "scripts").mkdir()
    for number in range(3):
        (folder / "scripts" / f"e{number}.txt").write_text(TALK.format(number))
    command = ("batch", folder / "scripts", "-o", folder / "out", *FLAGS, "--cache-dir", prepared)
    return folder, run(*command).done()


@pytest.fixture
def again(first: tuple[Path, Result], tmp_path: Path) -> Path:
    """A copy of these scripts and episodes."""
    return Path(shutil.copytree(first[0], tmp_path / "again"))


def test_a_folder_becomes_episodes_a_summary_and_a_table(
    first: tuple[Path, Result], prepared: Path, tmp_path: Path
) -> None:
    folder, result = first
    outcomes = summary(folder / "out")
    assert sorted(outcomes) == ["e0", "e1", "e2"]
    seconds = 0.0
    for name, outcome in outcomes.items():
        info = soundfile.info(folder / "out" / f"{name}.wav")
        assert (info.samplerate, info.channels, info.frames) == (
            24_000,
            1,
            round(24_000 * outcome["audio_seconds"]),
        )
        assert (outcome["state"], outcome["turns"], outcome["failed_turns"]) == ("done", 2, [])
        assert outcome["voices"] == {
            "anna": {"voice": "anna", "cached": True},
            "ben": {"voice": "ben", "cached": True},
        }
        seconds += info.duration
    table = figures(result)
    assert (table["done"], table["failed"], table["turns"]) == ("3", "0", "6")
    assert float(table["audio s"]) == pytest.approx(seconds, abs=0.06)
    assert table["voices from cache"] == "2 of 2"
    assert len(result.said) == 12  # the setting, ten figures, the files: a pipe gets no more
    written = re.fullmatch("in (.*): (.*); summary.jsonl there names every file", result.said[-1])
    assert written
    assert written[1] == str(folder / "out")
    assert sorted(written[2].split(", ")) == ["e0.wav", "e1.wav", "e2.wav"]
    assert max(map(len, result.said[1:-1])) < 40  # it can be read at any width
    assert result.stdout == b""
    alone = tmp_path / "alone.wav"
    run("synth", folder / "scripts/e1.txt", "-o", alone, *FLAGS, "--cache-dir", prepared).done()
    assert alone.read_bytes() == (folder / "out/e1.wav").read_bytes()


def test_a_second_run_skips_finished_episodes_by_their_content(
    again: Path, first: tuple[Path, Result], prepared: Path
) -> None:
    """One episode is complete, one has a changed file, one has a changed script."""
    command = ("batch", again / "scripts", "-o", again / "out", *FLAGS, "--cache-dir", prepared)
    (again / "out/e1.wav").write_bytes((again / "out/e0.wav").read_bytes())
    (again / "scripts/e2.txt").write_text(TALK.format("ninety"))
    stamp = (again / "out/e0.wav").stat().st_mtime_ns
    result = run(*command, "--verbose").done()
    table = figures(result)
    assert (table["done"], table["done before"]) == ("2", "1")
    assert (again / "out/e0.wav").stat().st_mtime_ns == stamp
    assert (again / "out/e1.wav").read_bytes() == (first[0] / "out/e1.wav").read_bytes()
    assert "e1: done, 2 turns, 2 from the journal" in result.stderr
    [line] = [line for line in result.said if line.startswith("e2: done, 2 turns, ")]
    assert "from the journal" not in line
    assert len(summary(again / "out")) == 3
    nothing = run(*command, "--verbose").done()
    assert figures(nothing)["done before"] == "3"
    assert "worker 1" not in nothing.stderr  # no model was loaded
    table = figures(run(*command, "--seed", "5").done())
    assert (table["done"], table["done before"]) == ("3", "0")
    assert (again / "out/e0.wav").read_bytes() != (first[0] / "out/e0.wav").read_bytes()


def test_bad_scripts_do_not_stop_the_others(prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("[anna] <|lough|>")
    lines = [line(0), {"id": "bad", "script": "bad.txt"}, line(1, speakers={"ben": "bem"})]
    path = manifest(tmp_path / "all.jsonl", *lines)
    command = ("batch", path, "-o", tmp_path / "out", *FLAGS, "--cache-dir", prepared)
    checked = run(*command, "--check")
    assert checked.code == 1
    assert not (tmp_path / "out").exists()
    assert "1 of 3 scripts can be synthesized" in checked.said
    result = run(*command)
    assert result.code == 1
    outcomes = summary(tmp_path / "out")
    assert {name: outcome["state"] for name, outcome in outcomes.items()} == {
        "e0": "done",
        "bad": "failed",
        "e1": "failed",
    }
    assert "bad.txt:1: unknown tag" in outcomes["bad"]["error"]
    assert "no voice 'bem' is prepared for ben; did you mean ben?" in outcomes["e1"]["error"]
    assert result.stderr.count("unknown tag") == 1
    assert "2 of 3 scripts failed" in result.said[-1]


def test_quiet_prints_warnings_and_errors_only(prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("[anna] <|lough|>")
    path = manifest(tmp_path / "all.jsonl", line(0), {"id": "bad", "script": "bad.txt"})
    command = ("batch", path, "-o", tmp_path / "out", *FLAGS, "--cache-dir", prepared)
    result = run(*command, "--quiet")
    assert result.code == 1
    assert all(line.startswith("podtts: ") for line in result.said)
    assert "bad.txt" in result.said[0]
    both = run(*command, "--quiet", "--verbose")
    assert (both.code, both.error.partition(";")[0]) == (
        2,
        "--quiet and --verbose exclude each other",
    )


def test_a_manifest_with_mistakes_is_refused_before_anything_is_loaded(
    prepared: Path, tmp_path: Path
) -> None:
    path = manifest(tmp_path / "all.jsonl", line(0), line(1, sead=1), line(0), line(2, top_p=3))
    command = ("batch", path, "-o", tmp_path / "out", *FLAGS, "--cache-dir", prepared)
    result = run(*command)
    assert result.code == 3
    assert [said.split(": ")[1].rpartition(":")[2] for said in result.said[:3]] == ["2", "3", "4"]
    assert "3 mistakes, see above; nothing was synthesized" in result.said[3]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "code", "problem"),
    [
        (("--devices", "cpu", "--device", "cpu"), 2, "exclude each other"),
        (("--devices", "cpu,cpu"), 2, "names a device twice"),
        (("--devices", "cuda:77"), 5, "'cuda:77' is not available"),
        (("--ray", "local", "--ray-results", "hare"), 2, "did you mean shared?"),
        (("--ray-results", "driver"), 2, "--ray-results needs --ray"),
        (("--music-below", "12"), 2, "--music-below needs --music"),
        (("--speaker", "S7=anna"), 2, "--speaker names S7, which no script"),
        (("-o", "gone/deep"), 2, "there is no folder gone"),
    ],
)
def test_flags_that_cannot_work_are_refused(
    flags: tuple[str, ...], code: int, problem: str, prepared: Path, tmp_path: Path
) -> None:
    path = manifest(tmp_path / "all.jsonl", line(0))
    output = tmp_path / "out"
    result = run("batch", path, "-o", output, *FLAGS, "--cache-dir", prepared, *flags, cwd=tmp_path)
    assert result.code == code
    assert problem in result.error
    assert not list(output.glob("*.wav"))


def test_a_manifest_from_stdin_with_voices_prepared_during_the_run(
    speakers: Path, tmp_path: Path
) -> None:
    lines = "".join(json.dumps(line(number, seed=number)) + "\n" for number in range(2))
    command = ("batch", "-", "-o", tmp_path / "out", "--speakers", speakers, *FLAGS, "--no-keep")
    result = run(*command, "--cache-dir", tmp_path / "cache", stdin=lines).done()
    assert figures(result)["voices from cache"] == "0 of 2"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        ".podtts-batch.lock",
        "e0.wav",
        "e1.wav",
        "summary.jsonl",
    ]
    second = run(*command, "--cache-dir", tmp_path / "cache", stdin=lines).done()
    assert figures(second)["done before"] == "2"


def test_a_second_run_on_the_same_folder_at_the_same_time_is_refused(
    again: Path, prepared: Path, tmp_path: Path
) -> None:
    many = manifest(tmp_path / "all.jsonl", *(line(number) for number in range(6)))
    flags = ("-o", again / "out", *FLAGS, "--cache-dir", prepared)
    with started("batch", many, *flags, "--verbose") as running:
        running.wait_for("worker 1")  # with its lines it waits to be read: it cannot end
        result = run("batch", again / "scripts", *flags)
    assert result.code == 2
    assert f"another run is writing to {again / 'out'}" in result.error


def test_a_full_disk_ends_the_batch(prepared: Path, tmp_path: Path) -> None:
    """No file may be larger than 20 kB, so no turn can be stored."""
    path = manifest(tmp_path / "all.jsonl", *(line(number) for number in range(50)))
    script = (
        "import resource\n"
        "from podtts.cli.app import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "main()\n"
    )
    output = tmp_path / "out"
    command = ("batch", path, "-o", output, *FLAGS, "--cache-dir", prepared, "--batch", "1")
    result = run_script(script, *command)
    assert result.code == 5
    assert "cannot be written: File too large" in result.said[-1]
    assert not list(output.glob("*.wav"))
    assert len(list(output.glob("*.podtts"))) < 20
    assert run(*command, "--limit-turns", "1").done()
