"""Speakers beside each other: one gain for each brings them to the same loudness."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from publish.conftest import voice
from torch import Tensor

from podtts.audio.loudness import measure
from podtts.audio.metadata import NO_METADATA
from podtts.audio.mix_parts import MixParts
from podtts.audio.mix_reader import MixReader
from podtts.audio.wav import WavWriter
from podtts.publish.mix import Mix
from podtts.publish.publish_options import LayoutOptions, PublishOptions
from podtts.publish.publishing import publish
from podtts.publish.timeline import Timeline
from podtts.script.model import Script
from podtts.values import Turn

LEVELS = (0.1, 0.02)  # of anna and ben: 14 dB apart


def mixed(folder: Path, waves: Sequence[Tensor]) -> tuple[Path, Timeline]:
    """A mix of turns by anna and ben in turn."""
    path = folder / "mix.wav"
    turns = tuple(Turn(number % 2, f"Sentence {number}.") for number in range(len(waves)))
    script = Script("talk.txt", ("A", "B"), turns)
    with WavWriter(path, path) as sink:
        mix = Mix(sink, LayoutOptions())
        for turn, wave in zip(turns, waves, strict=True):
            mix.add(turn, wave)
    return path, mix.timeline(script, ("anna", "ben"))


def loudness(path: Path, timeline: Timeline, speaker: int) -> tuple[float, float]:
    """Integrated loudness and true peak of a speaker."""
    spans = [(turn.start, turn.stop) for turn in timeline.turns if turn.turn.speaker == speaker]
    with MixReader(path) as mix:
        measured = measure(MixParts(mix, spans))
    return measured.lufs, measured.true_peak_dbtp


def publish_balanced(
    mix: tuple[Path, Timeline], output: Path, **options: object
) -> tuple[list[str], np.ndarray[tuple[int], np.dtype[np.int16]]]:
    messages: list[str] = []
    chosen = PublishOptions(balance=True, **options)  # type: ignore[arg-type]
    publish(*mix, output, chosen, NO_METADATA, messages.append)
    return messages, soundfile.read(output, dtype="int16")[0]


def test_all_speakers_get_the_same_loudness_with_one_gain_for_each(tmp_path: Path) -> None:
    waves = [voice(48_000, number, LEVELS[number % 2]) for number in range(6)]
    path, timeline = mixed(tmp_path, waves)
    before = [loudness(path, timeline, speaker)[0] for speaker in (0, 1)]
    original = soundfile.read(path, dtype="int16")[0].astype(float)
    output = tmp_path / "talk.wav"
    [message], samples = publish_balanced((path, timeline), output)
    after = [loudness(output, timeline, speaker)[0] for speaker in (0, 1)]
    assert after[0] == pytest.approx(after[1], abs=0.1)
    assert min(before) < after[0] < max(before)
    assert message == (
        f"balance: anna {before[0]:.1f}, ben {before[1]:.1f} LUFS, "
        f"{before[0] - before[1]:.1f} LU apart; all are at {after[0]:.1f} LUFS now"
    )
    for turn in timeline.turns:  # the gain is that of the speaker in every turn
        gain = 10 ** ((after[0] - before[turn.turn.speaker]) / 20)
        part = slice(turn.start, turn.stop)
        assert np.abs(samples[part] - gain * original[part]).max() < 20


def test_the_true_peak_is_kept(tmp_path: Path) -> None:
    """A click in the quiet voice leaves no room to raise it."""
    waves = [voice(48_000, number, LEVELS[number % 2]) for number in range(4)]
    waves[1][1000] = 0.5
    path, timeline = mixed(tmp_path, waves)
    publish_balanced((path, timeline), tmp_path / "talk.wav")
    measured = [loudness(tmp_path / "talk.wav", timeline, speaker) for speaker in (0, 1)]
    assert measured[0][0] == pytest.approx(measured[1][0], abs=0.1)
    assert max(peak for _, peak in measured) == pytest.approx(-1.0, abs=0.1)


def test_stems_are_balanced_and_the_loudness_is_that_of_the_balanced_episode(
    tmp_path: Path,
) -> None:
    waves = [voice(48_000, number, LEVELS[number % 2]) for number in range(4)]
    messages, samples = publish_balanced(
        mixed(tmp_path, waves), tmp_path / "talk.wav", splits=("speakers",), loudness_lufs=-30.0
    )
    assert [message.partition(":")[0] for message in messages] == ["balance", "loudness"]
    assert "-30.0 after" in messages[1]
    stems = [
        soundfile.read(path, dtype="int16")[0] for path in (tmp_path / "talk.speakers").iterdir()
    ]
    assert np.abs(sum(stem.astype(int) for stem in stems) - samples).max() == 0


def test_a_speaker_without_a_loudness_changes_nothing(tmp_path: Path) -> None:
    waves = [voice(48_000, 0), torch.zeros(48_000)]
    path, timeline = mixed(tmp_path, waves)
    before = soundfile.read(path, dtype="int16")[0]
    [message], samples = publish_balanced((path, timeline), tmp_path / "talk.wav")
    assert message == "balance: not changed, because fewer than two speakers have a loudness"
    assert np.array_equal(samples, before)


def test_parts_are_read_across_their_borders(tmp_path: Path) -> None:
    path, _ = mixed(tmp_path, [voice(5000, 0), voice(5000, 1)])
    with MixReader(path) as mix:
        parts = MixParts(mix, [(100, 400), (1000, 1000), (2000, 2050)])
        joined = torch.cat([mix.read(100, 400), mix.read(2000, 2050)])
        assert parts.samples == 350
        assert torch.equal(parts.read(0, 350), joined)
        assert torch.equal(parts.read(250, 320), joined[250:320])
        assert torch.equal(torch.cat([*parts.blocks()]), joined)
        assert len(MixParts(mix, []).read(0, 0)) == 0
