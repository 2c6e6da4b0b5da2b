"""Rates, pauses and gaps together: all files agree with positions counted by hand."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
import soundfile
from support.commands import run
from support.golden_data import MODEL

SCRIPT = """\
S1 = anna, rate 0.9
S2 = ben, rate 1.3

# The opening
[S1] Good evening. [pause 0.7] And welcome.
[S1] Shall we begin? <|pause:333|>
# The middle
[pause 1.25]
[S2] We just did.
[S1] Then I say good night.
"""
GAP, SAME_SPEAKER = 12_000, 2_400  # samples: --gap 0.5, --gap-same-speaker 0.1
TURNS = [  # label, rate, samples of silence before it
    ("S1", Fraction("0.9"), 0),
    ("S1", Fraction("0.9"), 16_800),  # within a written turn a pause stands alone: 0.7 s
    ("S1", Fraction("0.9"), SAME_SPEAKER),
    ("S2", Fraction("1.3"), GAP + 7_992 + 30_000),  # 0.333 s and 1.25 s
    ("S1", Fraction("0.9"), GAP),
]
FLAGS = ("--gap", "0.5", "--gap-same-speaker", "0.1", "--subtitles", "srt,vtt,json", "--chapters")


@pytest.fixture(scope="module")
def episode(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The episode with all files that contain positions in time."""
    folder = tmp_path_factory.mktemp("timing")
    (folder / "talk.txt").write_text(SCRIPT)
    quick = ("--model", MODEL, "--cache-dir", prepared, "--flow-steps", "2")
    output = ("-o", folder / "talk.flac", "--split", "turns,speakers")
    run("synth", folder / "talk.txt", *output, *quick, *FLAGS, "--max-turn-tokens", "37").done()
    return folder


@pytest.fixture(scope="module")
def places(episode: Path) -> list[tuple[int, int]]:
    """First sample and end of every turn, from the token counts of the journal."""
    lines = (episode / "talk.flac.podtts" / "turns.jsonl").read_text().splitlines()[1:]
    places, at = [], 0
    for line, (_, rate, silence) in zip(map(json.loads, lines), TURNS, strict=True):
        start = at + silence
        at = start + round(Fraction(960 * line["tokens"]) / rate)
        places.append((start, at))
    return places


def test_the_file_has_sound_only_in_its_turns(episode: Path, places: list[tuple[int, int]]) -> None:
    samples, _ = soundfile.read(episode / "talk.flac", dtype="int16")
    assert len(samples) == places[-1][1]
    checked = 0
    for start, stop in places:
        assert not samples[checked:start].any()
        assert samples[start:stop].any()
        checked = stop


def test_parts_are_cut_at_the_exact_samples(episode: Path, places: list[tuple[int, int]]) -> None:
    samples, _ = soundfile.read(episode / "talk.flac", dtype="int16")
    parts = sorted((episode / "talk.turns").iterdir())
    for part, (start, stop) in zip(parts, places, strict=True):
        assert (soundfile.read(part, dtype="int16")[0] == samples[start:stop]).all()
    stems = [
        soundfile.read(path, dtype="int16")[0] for path in (episode / "talk.speakers").iterdir()
    ]
    assert len(stems) == 2
    assert (sum(stems) == samples).all()


def test_subtitles_and_chapters_have_the_exact_times(
    episode: Path, places: list[tuple[int, int]]
) -> None:
    subtitles = json.loads((episode / "talk.subtitles.json").read_text())
    shown = [(segment["startSample"], segment["endSample"]) for segment in subtitles["segments"]]
    assert shown == places
    assert subtitles["samples"] == places[-1][1]
    chapters = json.loads((episode / "talk.chapters.json").read_text())["chapters"]
    first, second = (
        (chapter["title"], round(chapter["startTime"] * 24_000), round(chapter["endTime"] * 24_000))
        for chapter in chapters
    )
    assert first == ("The opening", 0, places[3][0])
    assert second == ("The middle", places[3][0], places[-1][1])
    seconds = places[-1][1] / 24_000
    for kind, mark in (("srt", ","), ("vtt", ".")):
        times = [
            line for line in (episode / f"talk.{kind}").read_text().splitlines() if "-->" in line
        ]
        hours, minutes, rest = times[-1].split(" --> ")[1].replace(mark, ".").split(":")
        end = 3600 * int(hours) + 60 * int(minutes) + float(rest)
        assert abs(end - seconds) <= 0.0005 + 1e-9  # subtitles know milliseconds
        assert len(times) == len(TURNS)
