"""Publishing a mix: exact samples, and measurements by independent programs."""

import base64
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pysubs2
import pytest
import soundfile
from support.meters import decoded_samples, ebur128, needs_ffmpeg, probe

from podtts.audio.metadata import AudioMetadata
from podtts.errors import DiskError
from podtts.publish.progress import Advance
from podtts.publish.publish_options import SAMPLE_RATES, PublishOptions
from podtts.publish.publishing import publish
from podtts.publish.timeline import Timeline

Make = Callable[..., tuple[Path, Timeline]]
Publish = Callable[..., list[str]]


@pytest.fixture
def publish_mix(tags: AudioMetadata) -> Publish:
    """Returns a function that publishes a mix and returns its messages."""

    def publish_mix(mixed: tuple[Path, Timeline], output: Path, **options: object) -> list[str]:
        messages: list[str] = []
        publish(*mixed, output, PublishOptions(**options), tags, messages.append)  # type: ignore[arg-type]
        return messages

    return publish_mix


def samples(path: Path) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.asarray(soundfile.read(path, dtype="int16")[0])


def test_a_plain_episode_is_the_mix_itself(
    mixed: Make, publish_mix: Publish, tmp_path: Path
) -> None:
    mix, timeline = mixed(4)
    raw = mix.read_bytes()
    assert publish_mix((mix, timeline), tmp_path / "out.wav") == []
    assert (tmp_path / "out.wav").read_bytes() == raw
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]


def test_flac_has_the_same_samples(mixed: Make, publish_mix: Publish, tmp_path: Path) -> None:
    mix, timeline = mixed(4)
    before = samples(mix)
    publish_mix((mix, timeline), tmp_path / "out.flac", format="flac")
    assert np.array_equal(samples(tmp_path / "out.flac"), before)
    assert len(before) == timeline.samples


CODECS = {"wav": "pcm_s16le", "flac": "flac", "mp3": "mp3", "ogg": "vorbis", "opus": "opus"}


@needs_ffmpeg
@pytest.mark.parametrize(
    ("kind", "rate_hz"),
    [
        (kind, rate_hz)
        for kind, rate_hz in itertools.product(CODECS, SAMPLE_RATES)
        if (kind, rate_hz) != ("opus", 44_100)  # Opus does not have this rate
    ],
)
def test_every_format_is_read_back_with_its_tags(
    mixed: Make, publish_mix: Publish, tags: AudioMetadata, tmp_path: Path, kind: str, rate_hz: int
) -> None:
    mix, timeline = mixed(3)
    output = tmp_path / f"out.{kind}"
    publish_mix((mix, timeline), output, format=kind, rate_hz=rate_hz)
    stream = probe(output)
    assert stream["codec_name"] == CODECS[kind]
    assert stream["channels"] == 1
    decoded_hz = int(stream["sample_rate"])
    assert decoded_hz == (48_000 if kind == "opus" else rate_hz)  # Opus always decodes to 48 kHz
    assert soundfile.info(output).frames == round(timeline.samples * rate_hz / 24_000)
    assert abs(decoded_samples(output) - timeline.samples * decoded_hz / 24_000) <= 1
    read = stream["tags"]
    assert (read["title"], read["artist"], read["comment"]) == (
        tags.title,
        tags.artist,
        tags.comment,
    )
    assert read["date"] == ("2026" if kind == "mp3" else tags.date)


@pytest.mark.parametrize("rate_hz", [24_000, 44_100])
@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_stems_are_aligned_and_sum_to_the_mix(
    mixed: Make, publish_mix: Publish, tmp_path: Path, kind: str, rate_hz: int
) -> None:
    options = {"format": kind, "rate_hz": rate_hz, "loudness_lufs": -19.0, "splits": ("speakers",)}
    mix = mixed(7, gap_seconds=0.0)
    publish_mix(mix, tmp_path / f"out.{kind}", **options)
    episode = samples(tmp_path / f"out.{kind}").astype(int)
    files = sorted((tmp_path / "out.speakers").iterdir())
    assert [path.name for path in files] == [f"1-anna.{kind}", f"2-ben.{kind}", f"3-clara.{kind}"]
    stems = [samples(path).astype(int) for path in files]
    assert {len(stem) for stem in stems} == {len(episode)}
    assert np.abs(sum(stems) - episode).max() <= (0 if rate_hz == 24_000 else 1)
    assert all(np.abs(stem).max() > 1000 for stem in stems)


def test_turns_are_numbered_files_with_the_samples_of_the_mix(
    mixed: Make, publish_mix: Publish, tmp_path: Path
) -> None:
    mix, timeline = mixed(5)
    publish_mix((mix, timeline), tmp_path / "out.wav", splits=("turns", "speakers"))
    episode, folder = samples(tmp_path / "out.wav"), tmp_path / "out.turns"
    names = [f"{turn.number:04}-{timeline.name(turn)}.wav" for turn in timeline.turns]
    assert sorted(path.name for path in folder.iterdir()) == names
    for name, turn in zip(names, timeline.turns, strict=True):
        assert np.array_equal(samples(folder / name), episode[turn.start : turn.stop])
    assert (tmp_path / "out.speakers" / "1-anna.wav").is_file()


def test_an_old_folder_is_replaced_completely(
    mixed: Make, publish_mix: Publish, tmp_path: Path
) -> None:
    publish_mix(mixed(5), tmp_path / "out.wav", splits=("turns",))
    publish_mix(mixed(2), tmp_path / "out.wav", splits=("turns",))
    names = sorted(path.name for path in (tmp_path / "out.turns").iterdir())
    assert names == ["0001-anna.wav", "0002-ben.wav"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.turns", "out.wav"]


@needs_ffmpeg
def test_loudness_agrees_with_an_independent_meter(
    mixed: Make, publish_mix: Publish, tmp_path: Path
) -> None:
    """The mix is longer than a minute, so it is measured in two segments; it has long silences."""
    mix = mixed(40, seconds=2.0, level=0.05, gap_seconds=2.0)
    messages = publish_mix(mix, tmp_path / "out.wav", loudness_lufs=-23.0)
    loudness, peak = ebur128(tmp_path / "out.wav")
    assert abs(loudness + 23.0) <= 0.5
    assert peak <= -1.0
    assert "-23.0 after" in messages[0]
    assert "true peak" not in messages[0]


@needs_ffmpeg
def test_the_true_peak_is_limited_and_reported(
    mixed: Make, publish_mix: Publish, tmp_path: Path
) -> None:
    messages = publish_mix(mixed(5, level=0.3), tmp_path / "out.wav", loudness_lufs=-8.0)
    loudness, peak = ebur128(tmp_path / "out.wav")
    assert -1.2 <= peak <= -1.0
    assert loudness < -8.5
    assert "LU below -8, because the true peak stays at -1 dBTP" in messages[0]


@pytest.mark.parametrize(("turns", "seconds", "level"), [(1, 0.1, 0.1), (4, 1.0, 0.0), (1, 0, 0)])
def test_an_episode_without_loudness_is_not_changed(
    mixed: Make, publish_mix: Publish, tmp_path: Path, turns: int, seconds: float, level: float
) -> None:
    mix, timeline = mixed(turns, seconds=seconds, level=level)
    before = samples(mix)
    messages = publish_mix((mix, timeline), tmp_path / "out.wav", loudness_lufs=-16.0)
    assert messages == [
        "loudness: not changed, because the episode is silent or shorter than 0.4 s"
    ]
    assert np.array_equal(samples(tmp_path / "out.wav"), before)


def test_times_in_texts_are_exact(mixed: Make, publish_mix: Publish, tmp_path: Path) -> None:
    mix, timeline = mixed(30, seconds=0.3)
    publish_mix(
        (mix, timeline),
        tmp_path / "out.wav",
        subtitles=("srt", "vtt", "json"),
        chapters=True,
        transcript=True,
    )
    frames = soundfile.info(tmp_path / "out.wav").frames
    assert timeline.samples == frames == timeline.turns[-1].stop
    segments = json.loads((tmp_path / "out.subtitles.json").read_text())["segments"]
    assert segments[-1]["endSample"] == frames
    assert all(a["endSample"] <= b["startSample"] for a, b in itertools.pairwise(segments))
    for kind in ("srt", "vtt"):
        events = list(pysubs2.load(str(tmp_path / f"out.{kind}")))
        assert events[-1].end == round(frames / 24)
        starts = [round(segment["startSample"] / 24) for segment in segments]
        assert [event.start for event in events] == starts
    rows = json.loads((tmp_path / "out.chapters.json").read_text())["chapters"]
    assert [row["title"] for row in rows] == ["Opening", "The end"]
    assert rows[-1]["endTime"] == frames / 24_000
    assert rows[1]["startTime"] == timeline.turns[15].start / 24_000
    assert (tmp_path / "out.transcript.md").read_text().startswith("# Bridges, 桥\n")


def test_files_that_may_be_outdated_are_reported(
    mixed: Make, publish_mix: Publish, tmp_path: Path
) -> None:
    publish_mix(mixed(2), tmp_path / "out.wav", subtitles=("srt", "vtt"), splits=("turns",))
    before = (tmp_path / "out.srt").read_bytes()
    messages = publish_mix(mixed(3), tmp_path / "out.wav", subtitles=("vtt",))
    assert messages == [
        "not changed, from an earlier run, and perhaps outdated: "
        f"{tmp_path / 'out.srt'}, {tmp_path / 'out.turns'}; repeat their flags to write them again"
    ]
    assert (tmp_path / "out.srt").read_bytes() == before


def test_a_failure_changes_nothing(mixed: Make, publish_mix: Publish, tmp_path: Path) -> None:
    mix, timeline = mixed(3)
    output = tmp_path / "out.wav"
    output.write_bytes(b"old")
    (tmp_path / "out.turns").mkdir()
    (tmp_path / "out.turns" / "0001-old.wav").touch()
    (tmp_path / "out.srt").mkdir()  # a file cannot replace it
    with pytest.raises(DiskError, match=r"out\.wav: cannot be written"):
        publish_mix((mix, timeline), output, splits=("turns",), subtitles=("srt",), format="flac")
    assert output.read_bytes() == b"old"
    assert [path.name for path in (tmp_path / "out.turns").iterdir()] == ["0001-old.wav"]
    assert mix.is_file()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["mix.wav", "out.srt", "out.turns", "out.wav"]


def test_a_read_only_file_is_not_replaced(
    mixed: Make, publish_mix: Publish, tmp_path: Path
) -> None:
    mix, timeline = mixed(3)
    (tmp_path / "out.srt").write_text("protected")
    (tmp_path / "out.srt").chmod(0o444)
    with pytest.raises(DiskError, match=r"out\.wav: cannot be written: out\.srt is read-only"):
        publish_mix((mix, timeline), tmp_path / "out.wav", subtitles=("srt",))
    assert (tmp_path / "out.srt").read_text() == "protected"
    assert not (tmp_path / "out.wav").exists()


def test_files_of_another_episode_are_not_replaced_unsaid(
    mixed: Make, publish_mix: Publish, tmp_path: Path
) -> None:
    wav, ogg, subtitles = (tmp_path / f"out.{ending}" for ending in ("wav", "ogg", "srt"))
    publish_mix(mixed(3), wav, subtitles=("srt",), splits=("turns",))
    as_ogg: dict[str, object] = {"format": "ogg", "subtitles": ("srt",), "splits": ("turns",)}
    assert publish_mix(mixed(3), ogg, **as_ogg) == []  # the same turns: nothing is lost
    (replaced,) = publish_mix(mixed(2), ogg, **as_ogg)
    assert replaced == (
        f"replaced, although perhaps of another episode ({wav}): {tmp_path / 'out.turns'}, "
        f"{subtitles}; give episodes of one folder different names"
    )
    wav.unlink()
    assert publish_mix(mixed(3), ogg, **as_ogg) == []  # its own


def test_a_page_that_cannot_be_written_changes_nothing(
    mixed: Make, publish_mix: Publish, tmp_path: Path
) -> None:
    (tmp_path / "out.wav").write_text("old")
    mix, timeline = mixed(4)
    page = tmp_path / "gone" / "page.html"
    with pytest.raises(DiskError, match=r"gone: cannot be written: .* was removed or moved"):
        publish_mix((mix, timeline), tmp_path / "out.wav", page=page, transcript=True)
    assert (tmp_path / "out.wav").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mix.wav", "out.wav"]


def test_the_audio_of_a_page_has_the_gain_of_the_episode(
    mixed: Make, publish_mix: Publish, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    publish_mix(mixed(8), tmp_path / "out.mp3", format="mp3", loudness_lufs=-30, page=page)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp3", "page.html"]
    [coded] = re.findall(r"data:audio/ogg;base64,([\w+/=]+)", page.read_text())
    embedded = np.asarray(soundfile.read(io.BytesIO(base64.b64decode(coded)))[0])
    published = np.asarray(soundfile.read(tmp_path / "out.mp3")[0])
    assert np.std(embedded) == pytest.approx(np.std(published), rel=0.05)


def test_the_progress_of_every_step_is_reported(
    mixed: Make, tags: AudioMetadata, tmp_path: Path
) -> None:
    mix, timeline = mixed(12, seconds=3.0)  # several blocks
    steps: dict[str, tuple[int, int]] = {}

    @contextmanager
    def watch(verb: str, what: str, samples: int) -> Iterator[Advance]:
        counts: list[int] = []
        yield counts.append
        steps[f"{verb} {what}"] = samples, sum(counts)

    options = PublishOptions(
        format="mp3", loudness_lufs=-20, splits=("turns", "speakers"), page=tmp_path / "p.html"
    )
    publish(mix, timeline, tmp_path / "out.mp3", options, tags, print, watch=watch)
    assert [*steps] == [
        "measuring loudness",
        "writing out.turns",
        "writing out.speakers",
        "writing p.html",
        "encoding out.mp3",
    ]
    expected, counted = steps.pop("measuring loudness")
    assert counted == pytest.approx(expected, rel=0.1)  # filters warm up, a last block may be short
    assert all(expected == counted for expected, counted in steps.values())
    assert steps["encoding out.mp3"][0] == timeline.samples
