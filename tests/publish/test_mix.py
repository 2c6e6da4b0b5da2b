from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
import torch

from podtts.audio.wav import WavWriter, round_to_pcm16
from podtts.episode.journal import Journal
from podtts.publish.mix import Mix, longest_mix, tempos
from podtts.publish.publish_options import LayoutOptions
from podtts.script.model import Script
from podtts.values import SpeechTokens, Turn, TurnAudio

TURNS = (Turn(0, "a"), Turn(1, "b"), Turn(1, "c", continues=True, pause=0.2))
SCRIPT = Script("talk.txt", ("S1", "S2"), TURNS)


def turn_wave(index: int) -> torch.Tensor:
    """A turn with nearly silent ends."""
    rng = torch.Generator().manual_seed(index)
    ends = 0.001 * torch.rand(2_400, generator=rng)
    return torch.cat([ends, torch.rand(24_000, generator=rng) - 0.5, ends])


def test_turns_are_at_their_positions_in_the_mix(tmp_path: Path) -> None:
    path = tmp_path / "mix.wav"
    with WavWriter(path) as sink:
        mix = Mix(sink, LayoutOptions(gap_seconds=0.5))
        for index, turn in enumerate(TURNS):
            mix.add(turn, turn_wave(index))
    assert soundfile.info(path).frames == mix.samples == 3 * 28_800 + 12_000 + 4_800
    timeline = mix.timeline(SCRIPT, ["anna", "ben"])
    assert timeline.samples == mix.samples
    samples = torch.from_numpy(soundfile.read(path, dtype="float32")[0])
    for index, timed in enumerate(timeline.turns):
        actual = samples[timed.start : timed.stop] * 32768 / 32767
        assert torch.allclose(actual, round_to_pcm16(turn_wave(index)), atol=1e-6)
    assert not samples[28_800 : 28_800 + 12_000].any()


def test_a_turn_may_come_in_parts(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "whole.wav") as whole, WavWriter(tmp_path / "parts.wav") as parts:
        mixes = [Mix(sink, LayoutOptions(gap_seconds=0.5)) for sink in (whole, parts)]
        for index, turn in enumerate(TURNS):
            wave = turn_wave(index)
            mixes[0].add(turn, wave)
            assert mixes[1].takes_parts(turn)
            for start in range(0, len(wave), 10_000):
                mixes[1].add_part(turn, wave[start : start + 10_000], first=start == 0)
        lines = [mix.timeline(SCRIPT, ["anna", "ben"]) for mix in mixes]
    assert lines[0] == lines[1]
    assert (tmp_path / "whole.wav").read_bytes() == (tmp_path / "parts.wav").read_bytes()


def test_a_turn_that_is_changed_as_a_whole_takes_no_parts(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "mix.wav") as sink:
        assert not Mix(sink, LayoutOptions(trim_silence=True)).takes_parts(TURNS[0])
        stretched = Mix(sink, LayoutOptions(), {1: 1.25})
    assert stretched.takes_parts(TURNS[0])
    assert not stretched.takes_parts(TURNS[1])


def test_turns_are_trimmed_and_stretched(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "mix.wav") as sink:
        mix = Mix(sink, LayoutOptions(trim_silence=True), {1: 1.25})
        for index, turn in enumerate(TURNS):
            mix.add(turn, turn_wave(index))
    trimmed = 24_000 + 2 * 720
    lengths = [turn.stop - turn.start for turn in mix.timeline(SCRIPT, ["anna", "ben"]).turns]
    assert lengths[0] == pytest.approx(trimmed, abs=20)
    assert lengths[1:] == pytest.approx([trimmed / 1.25] * 2, abs=20)


def test_a_turn_from_the_journal_gives_the_same_mix(tmp_path: Path) -> None:
    """Trimming and tempo use 16-bit samples in both cases, so a resumed run has the same bytes."""
    options, tempos = LayoutOptions(trim_silence=True), {0: 0.9, 1: 1.25}
    with (
        Journal(tmp_path / "a.wav", {}, resume=False) as journal,
        WavWriter(tmp_path / "fresh.wav") as fresh,
        WavWriter(tmp_path / "resumed.wav") as resumed,
    ):
        mixes = Mix(fresh, options, tempos), Mix(resumed, options, tempos)
        for index, turn in enumerate(TURNS):
            tokens = SpeechTokens((1, 2), ended=True)
            journal.append(TurnAudio(index, turn, tokens, turn_wave(index)), "S1")
            mixes[0].add(turn, turn_wave(index))
            mixes[1].add(turn, journal.wave(index))
    assert (tmp_path / "fresh.wav").read_bytes() == (tmp_path / "resumed.wav").read_bytes()


def test_tempos_are_those_of_the_script() -> None:
    assert tempos(replace(SCRIPT, rates={"S2": 1.25, "S1": 1.0})) == {1: 1.25}
    assert tempos(SCRIPT) == {}


def test_the_longest_mix_has_full_turns_and_gaps() -> None:
    assert longest_mix(TURNS, 100, {}) == 3 * 96_000 + 3 * 240_000 + 4_800
    assert longest_mix(TURNS, 100, {1: 0.5}) == 3 * 192_000 + 3 * 240_000 + 4_800
    assert longest_mix(TURNS, 100, {1: 2.0}) == longest_mix(TURNS, 100, {})
