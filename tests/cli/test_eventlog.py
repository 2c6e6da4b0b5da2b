"""`synth --log-json`: every event is a line, written as it happens."""

import json
import os
import re
import signal
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support.commands import run, started
from support.golden_data import MODEL

FLAGS = ("--model", MODEL, "--flow-steps", "2", "--max-turn-tokens", "16", "--dtype", "float32")
FULL = Path("/dev/full")


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_is_logged_from_start_to_summary(talk: Path, prepared: Path, tmp_path: Path) -> None:
    out, log = tmp_path / "out.wav", tmp_path / "log.jsonl"
    page = tmp_path / "page.html"
    flags = (*FLAGS, "--cache-dir", prepared, "--log-json", log, "--subtitles", "srt")
    said = run("synth", talk, "-o", out, *flags, "--page", page).done().said
    logged = events(log)
    assert [event["event"] for event in logged] == [
        "start", "voices", "load", *["turn"] * 4, "step", "published", "summary",
    ]  # fmt: skip
    start, voices, load, *turns, step, published, summary = logged
    assert start["options"]["seed"] == 1988
    assert start["options"]["script"] == str(talk)
    assert start["options"]["gap"] == 0.25
    assert start["versions"].keys() >= {"podtts", "python", "torch"}
    assert voices["voices"][0] == {"label": "S1", "voice": "anna", "cached": True}
    assert load["stage_seconds"] > 0
    assert [(turn["turn"], turn["label"], turn["voice"]) for turn in turns[:2]] == [
        (1, "S1", "anna"),
        (2, "S2", "ben"),
    ]
    assert turns[1]["text"] == "Good evening. <|laughter|>"
    for turn in turns:
        assert turn["audio_seconds"] == pytest.approx(turn["tokens"] / 25)
        assert turn["stage_seconds"].keys() == {"llm", "flow", "vocoder"}
        assert turn["variation"] == 0
        assert (turn["kept"], turn["problems"]) == (False, [])
    assert (step["step"], step["what"]) == ("writing", "page.html")
    assert 0 < step["stage_seconds"] <= published["seconds"]
    assert published["files"] == [str(out.with_suffix(".srt")), str(page), str(out)]
    assert summary["spoken_seconds"] == pytest.approx(sum(turn["audio_seconds"] for turn in turns))
    shown = re.search(r"RTF ([\d.]+)", said[-1])
    assert shown
    assert float(shown[1]) == pytest.approx(summary["rtf"], abs=0.0056)  # both are rounded
    assert f"{summary['audio_seconds']:.1f} s of audio" in said[-1]
    seconds = [event["seconds"] for event in logged]
    assert seconds == sorted(seconds)
    assert all(datetime.fromisoformat(event["time"]).utcoffset() is not None for event in logged)


def test_a_resumed_run_appends_to_the_same_log(talk: Path, prepared: Path, tmp_path: Path) -> None:
    out, log, page = tmp_path / "out.wav", tmp_path / "log.jsonl", tmp_path / "page.html"
    flags = ("synth", talk, "-o", out, *FLAGS, "--cache-dir", prepared, "--log-json", log)
    run(*flags, "--limit-turns", "3").done()
    first = len(events(log))
    said = run(*flags, "--resume").done().said
    logged = events(log)[first:]
    assert [event["kept"] for event in logged if event["event"] == "turn"] == [
        True,
        True,
        True,
        False,
    ]
    assert (logged[-1]["turns"], logged[-1]["spoken"]) == (4, 1)
    assert "out.wav: 4 turns (1 synthesized now), " in said[-1]
    again = run(*flags, "--resume", "--page", page).done()
    assert events(log)[-1]["rtf"] is None
    assert "(0 synthesized now)" in again.said[-1]
    assert again.said[-1].endswith("RTF -")
    assert "This run spoke nothing" in page.read_text()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_events_before_a_signal_are_in_the_log(
    number: signal.Signals, talk: Path, prepared: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    command = ("synth", talk, "-o", tmp_path / "out.wav", *FLAGS, "--cache-dir", prepared)
    with started(*command, "--verbose", "--log-json", log) as process:
        process.wait_for("stage=vocoder")  # of the first turn: it waits to be read in the second
        process.process.send_signal(number)
        process.finish()
    assert log.read_text().endswith("\n")
    logged = events(log)
    if number == signal.SIGTERM:
        assert logged[-1]["event"] == "error"
        assert (logged[-1]["problem"], logged[-1]["exit_code"]) == ("stopped (SIGTERM)", 143)
    assert [event["event"] for event in logged[:2]] == ["start", "voices"]


def test_an_error_is_the_last_line(talk: Path, prepared: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    flags = (*FLAGS, "--cache-dir", tmp_path / "none", "--log-json", log)
    result = run("synth", talk, "-o", tmp_path / "out.wav", *flags)
    assert result.code == 3
    last = events(log)[-1]
    assert last["event"] == "error"
    assert f"{last['problem']}; {last['hint']}" == result.error
    assert last["exit_code"] == 3


def test_the_log_can_go_to_stdout(talk: Path, prepared: Path, tmp_path: Path) -> None:
    flags = (*FLAGS, "--cache-dir", prepared, "--limit-turns", "1", "--log-json", "-")
    result = run("synth", talk, "-o", tmp_path / "out.wav", *flags).done()
    assert [json.loads(line)["event"] for line in result.lines][-1] == "summary"


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_a_log_that_cannot_be_written_does_not_stop_the_run(
    talk: Path, prepared: Path, tmp_path: Path
) -> None:
    flags = (*FLAGS, "--cache-dir", prepared, "--limit-turns", "2", "--log-json", FULL)
    result = run("synth", talk, "-o", tmp_path / "out.wav", *flags)
    assert result.code == 1  # the episode is done, the log is not
    warnings = [line for line in result.said if "log-json" in line]
    assert warnings == [
        f"podtts: warning: --log-json {FULL}: No space left on device; nothing more is logged",
        f"podtts: the log of --log-json {FULL} is incomplete, see above",
    ]
    assert result.said[-2].startswith(f"{tmp_path / 'out.wav'}: 2 turns, ")
    assert (tmp_path / "out.wav").exists()


def test_a_reader_of_the_log_may_leave(talk: Path, prepared: Path, tmp_path: Path) -> None:
    flags = (*FLAGS, "--cache-dir", prepared, "--limit-turns", "1", "--log-json", "-")
    reader, writer = os.pipe()
    os.close(reader)
    result = run("synth", talk, "-o", tmp_path / "out.wav", *flags, stdout=writer)
    os.close(writer)
    assert result.code == 0, result.stderr
    assert "--log-json -: Broken pipe; nothing more is logged" in result.stderr


def test_a_log_to_a_file_of_the_run_is_refused(talk: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    for output, log, words in (
        ("-", "-", "--log-json - and -o - would mix on stdout; name a file for one of them"),
        (out, f"{tmp_path}{os.sep}.{os.sep}out.wav", "out.wav is the output itself"),
        (out, talk, "talk.txt is the script itself; name another file"),
        (out, tmp_path / "none" / "log", "No such file or directory; choose another file"),
    ):
        result = run("synth", talk, "-o", output, "--model", MODEL, "--log-json", log)
        assert result.code == 2
        assert words in result.error
    assert [path.name for path in tmp_path.iterdir()] == []
    assert talk.read_text().startswith("// two voices")
