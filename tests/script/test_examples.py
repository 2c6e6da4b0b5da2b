"""The scripts and recordings in examples/ are as their README describes them."""

import wave
from pathlib import Path

import pytest

from podtts.script.cast import cast_voices
from podtts.script.read import read_script

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(("name", "turns"), [("english.txt", 15), ("mandarin.txt", 13)])
def test_text_scripts_are_valid(name: str, turns: int) -> None:
    script = read_script(EXAMPLES / name)
    assert len(script.turns) == turns
    assert script.warnings == ()
    assert script.chapters[0].turn == 0
    assert any("<|" in turn.text for turn in script.turns)
    assert [member.voice for member in cast_voices(script, {})] == ["anna", "ben"]


def test_the_published_script_uses_the_recordings() -> None:
    script = read_script(EXAMPLES / "published.json")
    assert len(script.turns) == 4
    assert script.warnings == ()
    for label, name in (("S1", "anna"), ("S2", "ben")):
        prompt = script.prompts[label]
        assert prompt.audio.samefile(EXAMPLES / "speakers" / f"{name}.wav")
        transcript = (EXAMPLES / "speakers" / f"{name}.txt").read_text(encoding="utf-8")
        assert prompt.transcript == transcript.strip()


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        *(("anna", 5.4), ("clara", 5.3), ("ben", 5.8), ("oscar", 5.6)),
        *(("mei", 6.8), ("jun", 6.3)),
    ],
)
def test_recordings_have_the_described_format(name: str, seconds: float) -> None:
    with wave.open(str(EXAMPLES / "speakers" / f"{name}.wav")) as recording:
        form = (recording.getnchannels(), recording.getsampwidth(), recording.getframerate())
        assert form == (1, 2, 24_000)
        assert recording.getnframes() / recording.getframerate() == pytest.approx(seconds, abs=0.05)
