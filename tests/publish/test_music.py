"""Intro, outro and music: levels, places, fades, ducking, and what is refused."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pysubs2
import pytest
import soundfile
import torch
from publish.conftest import voice
from support.media import write_media

from podtts.audio.loudness import Loudness, measure
from podtts.audio.metadata import NO_METADATA
from podtts.audio.music import Sound
from podtts.audio.soundtrack import Envelope, PlacedSound
from podtts.audio.wav import WavWriter
from podtts.errors import AudioError, UsageError
from podtts.publish.mix import Mix
from podtts.publish.music_files import checked_music, load_music
from podtts.publish.publish_options import LayoutOptions, PublishOptions
from podtts.publish.publishing import publish
from podtts.publish.requirements import check_publishing
from podtts.publish.timeline import Timeline
from podtts.script.model import Script
from podtts.values import Chapter, Turn

HZ = 24_000
Samples = np.ndarray[tuple[int], np.dtype[np.int16]]


def music(path: Path, seconds: float, rate_hz: int = 44_100, level: float = 0.2) -> Path:
    """A file of even noise, in stereo."""
    noise = level * np.random.default_rng(1).standard_normal((round(seconds * rate_hz), 2))
    soundfile.write(path, noise.clip(-1, 1), rate_hz)
    return path


def speech(folder: Path, pauses: Sequence[float] = (0.0, 5.0, 0.0)) -> tuple[Path, Timeline]:
    """A mix of turns of two seconds, each with a pause before it."""
    path = folder / "mix.wav"
    turns = tuple(
        Turn(number % 2, f"Sentence {number}.", pause=pause) for number, pause in enumerate(pauses)
    )
    chapters = (Chapter("Opening", 0), Chapter("Middle", 1))
    script = Script("talk.txt", ("A", "B"), turns, chapters)
    with WavWriter(path, path) as sink:
        mix = Mix(sink, LayoutOptions())
        for number, turn in enumerate(turns):
            mix.add(turn, voice(2 * HZ + number, number))
    return path, mix.timeline(script, ("anna", "ben"))


def published(
    mix: tuple[Path, Timeline], output: Path, **options: object
) -> tuple[list[str], Samples]:
    messages: list[str] = []
    files = {
        name: checked_music(value) if isinstance(value, Path) else value
        for name, value in options.items()
    }
    publish(*mix, output, PublishOptions(**files), NO_METADATA, messages.append)  # type: ignore[arg-type]
    return messages, soundfile.read(output, dtype="int16")[0]


def loudness(samples: Samples) -> Loudness:
    return measure(Sound(torch.from_numpy(samples.astype(np.float32) / 32767)))


def rms_of(samples: Samples) -> float:
    return float(np.sqrt(np.mean(samples.astype(float) ** 2)))


def rms_db(samples: Samples) -> float:
    return float(20 * np.log10(rms_of(samples) / 32767))


def test_intro_and_outro_are_around_the_speech_and_as_loud(tmp_path: Path) -> None:
    mix = speech(tmp_path)
    spoken = soundfile.read(mix[0], dtype="int16")[0]
    [message], samples = published(
        mix,
        tmp_path / "talk.wav",
        intro=music(tmp_path / "intro.flac", 6.0),
        outro=music(tmp_path / "outro.ogg", 4.0, 48_000),
    )
    before, after = 6 * HZ, 4 * HZ
    assert len(samples) == before + len(spoken) + after
    assert np.array_equal(samples[before:-after], spoken)
    level = loudness(spoken).lufs
    assert message == (
        f"music: speech at {level:.1f} LUFS, intro of 6.0 s at {level:.1f}, "
        f"outro of 4.0 s at {level:.1f}"
    )
    for part in (samples[:before], samples[-after:]):
        assert loudness(part[HZ // 2 : -3 * HZ // 2]).lufs == pytest.approx(level, abs=0.5)
        assert abs(int(part[0])) == abs(int(part[-1])) == 0
        assert rms_db(part[-HZ // 10 :]) < rms_db(part[HZ:-HZ]) - 20


def test_all_texts_are_later_by_the_intro_exactly(tmp_path: Path) -> None:
    texts = {"subtitles": ("json", "srt"), "chapters": True, "transcript": True}
    plain, scored = tmp_path / "plain", tmp_path / "scored"
    for folder in (plain, scored):
        folder.mkdir()
    published(speech(plain), plain / "talk.wav", **texts)
    intro = music(tmp_path / "intro.wav", 3.0, HZ)
    outro = music(tmp_path / "outro.wav", 2.0, HZ)
    published(speech(scored), scored / "talk.wav", intro=intro, outro=outro, **texts)
    without, there = (
        json.loads((folder / "talk.subtitles.json").read_text()) for folder in (plain, scored)
    )
    assert there["samples"] == without["samples"] + 5 * HZ
    for old, new in zip(without["segments"], there["segments"], strict=True):
        assert new["startSample"] - old["startSample"] == 3 * HZ
        assert new["endSample"] - old["endSample"] == 3 * HZ
    cues = [pysubs2.load(str(folder / "talk.srt")) for folder in (plain, scored)]
    assert [new.start - old.start for old, new in zip(*cues, strict=True)] == [3000] * 3
    marks = [
        json.loads((folder / "talk.chapters.json").read_text())["chapters"]
        for folder in (plain, scored)
    ]
    assert marks[1][0]["startTime"] == 0  # the first chapter has the intro, the last the outro
    assert marks[1][1]["startTime"] == marks[0][1]["startTime"] + 3
    assert marks[1][1]["endTime"] == there["samples"] / HZ
    assert "(0:00:03): Sentence 0." in (scored / "talk.transcript.md").read_text()


def test_stems_and_turns_are_speech_alone_and_as_long_as_the_episode(tmp_path: Path) -> None:
    mix = speech(tmp_path)
    spoken = soundfile.read(mix[0], dtype="int16")[0]
    bed = music(tmp_path / "bed.wav", 3.0)
    _, samples = published(
        mix, tmp_path / "talk.wav", intro=bed, music=bed, splits=("speakers", "turns")
    )
    paths = (tmp_path / "talk.speakers").iterdir()
    stems = [soundfile.read(path, dtype="int16")[0] for path in paths]
    assert {len(stem) for stem in stems} == {len(samples)}
    together = sum(stem.astype(int) for stem in stems)
    assert not together[: 3 * HZ].any()
    assert np.array_equal(together[3 * HZ :], spoken)
    first = soundfile.read(tmp_path / "talk.turns" / "0001-anna.wav", dtype="int16")[0]
    assert np.array_equal(first, spoken[: len(first)])


def test_music_is_under_the_speech_and_comes_up_in_long_pauses(tmp_path: Path) -> None:
    """The file of three seconds is repeated."""
    mix = speech(tmp_path)
    spoken, timeline = soundfile.read(mix[0], dtype="int16")[0], mix[1]
    [message], samples = published(
        mix, tmp_path / "talk.wav", music=music(tmp_path / "bed.wav", 3.0), music_below_lu=20.0
    )
    bed = (samples.astype(int) - spoken).astype(np.int16)
    level = loudness(spoken).lufs
    assert message.endswith(f"music of 3.0 s at {level - 20:.1f}")
    first, second, third = timeline.turns
    under = bed[second.start : third.stop - 3 * HZ]  # and in the short pause
    assert loudness(under).lufs == pytest.approx(level - 20, abs=0.5)
    between = bed[first.stop + HZ : second.start - HZ]
    assert rms_db(between) - rms_db(under) == pytest.approx(8, abs=0.5)
    tenths = np.array_split(np.abs(bed[HZ : -3 * HZ].astype(float)), 10 * len(bed) // HZ)
    assert min(tenth.mean() for tenth in tenths) > rms_of(under) / 2  # no hole where it repeats
    assert bed[0] == bed[-1] == 0
    assert rms_db(bed[-HZ // 5 :]) < rms_db(under) - 15


@pytest.mark.parametrize("target", [-16.0, -30.0])
def test_the_loudness_is_that_of_the_whole_episode(tmp_path: Path, target: float) -> None:
    bed = music(tmp_path / "bed.wav", 3.0)
    messages, samples = published(
        speech(tmp_path), tmp_path / "talk.wav", intro=bed, music=bed, loudness_lufs=target
    )
    measured = loudness(samples)
    assert "LUFS as mixed" in messages[-1]
    assert measured.true_peak_dbtp <= -0.95
    missing = 0.0
    if "LU below" in messages[-1]:
        missing = float(messages[-1].partition(": ")[2].partition(": ")[2].split(" ")[0])
    assert measured.lufs == pytest.approx(target - missing, abs=0.15)


def test_speech_and_music_never_clip(tmp_path: Path) -> None:
    path, timeline = speech(tmp_path)
    loud = soundfile.read(path)[0]
    soundfile.write(path, loud / np.abs(loud).max(), HZ, subtype="PCM_16")
    messages, samples = published(
        (path, timeline),
        tmp_path / "talk.wav",
        music=music(tmp_path / "bed.wav", 20.0),
        music_below_lu=0.0,
    )
    assert "for the whole episode, so that its true peak is at -1 dBTP" in messages[-1]
    assert loudness(samples).true_peak_dbtp == pytest.approx(-1.0, abs=0.05)


def test_the_same_command_gives_the_same_bytes(tmp_path: Path) -> None:
    bed = music(tmp_path / "bed.mp3", 3.0)
    episodes = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        published(speech(tmp_path / name), tmp_path / name / "talk.wav", intro=bed, music=bed)
        episodes.append((tmp_path / name / "talk.wav").read_bytes())
    assert episodes[0] == episodes[1]


def test_a_repeated_sound_is_the_same_however_it_is_read() -> None:
    wave = torch.randn(5000, generator=torch.Generator().manual_seed(1))
    sound = PlacedSound(wave, 100, 30_100, (Envelope((0, 30_000), (0.0, 1.0)),))
    parts = [sound.read(at, at + 1000) for at in range(100, 30_100, 1000)]
    assert torch.equal(torch.cat(parts), sound.read(100, 30_100))


def test_files_of_pyav_are_music_too(tmp_path: Path) -> None:
    tone = 0.3 * torch.sin(torch.arange(3 * 48_000) / 20)
    write_media(tmp_path / "intro.m4a", tone)
    loaded = load_music(checked_music(tmp_path / "intro.m4a"))
    assert len(loaded.wave) / HZ == pytest.approx(3.0, abs=0.1)


def test_what_is_no_music_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.mp3").write_text("no audio")
    soundfile.write(tmp_path / "silent.wav", np.zeros(HZ), HZ)
    soundfile.write(tmp_path / "long.flac", np.zeros(601 * 8000), 8000)
    for name, problem in {
        "text.mp3": r"text\.mp3: cannot be read as audio",
        "silent.wav": r"silent\.wav: is silent, or shorter than 0\.4 s",
        "long.flac": r"long\.flac: is 601\.00 s long, longer than 600 s",
        "missing.wav": r"missing\.wav: cannot be read: No such file",
        ".": "cannot be read: Is a directory",
        "a\0b": "cannot be the name of a file",
    }.items():
        with pytest.raises(AudioError, match=problem):
            checked_music(tmp_path / name)


def test_a_file_that_changes_during_the_run_is_refused(tmp_path: Path) -> None:
    file = checked_music(music(tmp_path / "intro.wav", 3.0))
    music(tmp_path / "intro.wav", 4.0)
    mix = speech(tmp_path)
    with pytest.raises(AudioError, match="was changed during the run"):
        publish(*mix, tmp_path / "talk.wav", PublishOptions(intro=file), NO_METADATA, print)
    assert not (tmp_path / "talk.wav").exists()
    assert mix[0].exists()


def test_streams_and_the_files_themselves_are_refused_as_outputs(tmp_path: Path) -> None:
    path = music(tmp_path / "intro.wav", 1.0)
    script = Script("talk.txt", ("anna",), (Turn(0, "Hello."),))
    for name in ("intro", "outro", "music"):
        options = PublishOptions(**{name: checked_music(path)})  # type: ignore[arg-type]
        with pytest.raises(UsageError, match=f"--{name} needs an output file, not -o -"):
            check_publishing(options, "-", script, stream=True)
        with pytest.raises(UsageError, match=f"is the file of --{name}"):
            check_publishing(options, str(path), script, stream=False)


def test_the_level_has_limits_and_a_batch_records_contents(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="music-below is -1, but must be 0 to 60 LU"):
        PublishOptions(music_below_lu=-1)
    file = checked_music(music(tmp_path / "intro.wav", 1.0))
    assert PublishOptions(intro=file).recorded()["intro"] == file.sha256
    assert not {"intro", "outro", "music", "music_below_lu"} & PublishOptions().recorded().keys()
