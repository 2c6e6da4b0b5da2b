import json
from pathlib import Path

import pytest

from podtts.batch.summary import Summary, Totals
from podtts.batch.task import CastVoice, Outcome
from podtts.errors import DiskError
from podtts.values import StageSeconds

DONE = Outcome(
    "a",
    "done",
    turns=3,
    failed_turns=(2,),
    problems=("turn 2 (line 5) failed a check: it is silent",),
    audio_seconds=4.5,
    work=StageSeconds(1.0, 2.0, 0.5),
    files={"a.mp3": "5" * 64, "a.turns/0001-anna.wav": "6" * 64},
    notes=("loudness: -30.9 LUFS as spoken",),
    fingerprint="f" * 64,
    voices={"S1": CastVoice("anna", cached=False)},
)


def ids(folder: Path) -> list[str]:
    lines = (folder / "summary.jsonl").read_text().splitlines()
    return [json.loads(line)["id"] for line in lines]


def test_what_is_noted_is_known_in_the_next_run(tmp_path: Path) -> None:
    with Summary(tmp_path) as summary:
        assert summary.before("a") is None
        summary.add(DONE)
        assert summary.before("a") == DONE
    with Summary(tmp_path) as summary:
        assert summary.before("a") == DONE
        assert summary.before("b") is None


def test_the_last_line_of_an_id_counts_and_stays_alone(tmp_path: Path) -> None:
    with Summary(tmp_path) as summary:
        summary.add(Outcome("a", "failed", "it was too loud"))
        summary.add(Outcome("b", "done"))
        assert summary.before("a") is None  # what failed is tried again
        summary.add(DONE)
        assert summary.before("a") == DONE
        assert ids(tmp_path) == ["a", "b", "a"]
    assert ids(tmp_path) == ["a", "b"]


def test_a_line_that_a_kill_cut_off_is_dropped(tmp_path: Path) -> None:
    with Summary(tmp_path) as summary:
        summary.add(Outcome("b", "done"))
        summary.add(DONE)
    path = tmp_path / "summary.jsonl"
    whole = path.read_bytes()
    for length in range(whole.index(b"\n") + 1, len(whole)):
        path.write_bytes(whole[:length])
        with Summary(tmp_path) as summary:
            assert summary.before("b") is not None
            assert summary.before("a") is None
        assert ids(tmp_path) == ["b"]


def test_a_run_that_is_killed_has_noted_what_it_said_it_had(tmp_path: Path) -> None:
    with Summary(tmp_path) as summary:
        summary.add(DONE)
        assert (tmp_path / "summary.jsonl").read_bytes().endswith(b"\n")
        with Summary(tmp_path) as other:
            assert other.before("a") == DONE


def test_lines_of_others_are_no_outcomes(tmp_path: Path) -> None:
    (tmp_path / "summary.jsonl").write_text('nonsense\n[1]\n{"id": "a"}\n{"id": 5, "voices": 3}\n')
    with Summary(tmp_path) as summary:
        assert summary.before("a") is None
    assert ids(tmp_path) == []


def test_a_summary_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "summary.jsonl").mkdir()
    with pytest.raises(DiskError, match="cannot be written"), Summary(tmp_path):
        pass


def test_totals_tell_work_of_now_from_work_of_before() -> None:
    totals = Totals()
    again = Outcome("b", "done", turns=9, audio_seconds=99, failed_turns=(1,), skipped=True)
    cached = Outcome("c", "done", turns=1, audio_seconds=1.5, voices={"A": CastVoice("ben", True)})
    for outcome in (DONE, again, cached, Outcome("d", "failed"), Outcome("e", "stopped", turns=2)):
        totals.add(outcome)
    assert (totals.done, totals.skipped, totals.failed, totals.stopped) == (2, 1, 1, 1)
    assert (totals.turns, totals.failed_turns, totals.audio_seconds) == (6, 2, 6.0)
    assert (totals.voices, totals.prepared) == ({"anna", "ben"}, {"anna"})
