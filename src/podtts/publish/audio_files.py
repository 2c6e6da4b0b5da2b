"""Writes the audio files of an episode: the episode, its turns, or a stem for each speaker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

from torch import Tensor

from podtts.audio.encoded import EncodedStream
from podtts.audio.flac_file import flac_file
from podtts.audio.m4a_file import m4a_file
from podtts.audio.metadata import AudioMetadata
from podtts.audio.mix_reader import MixReader, silence
from podtts.audio.mp3_file import mp3_file
from podtts.audio.ogg_serial import clear_serial_numbers
from podtts.audio.sink import Sink, resampling, samples_at
from podtts.audio.wav import WavStream, WavWriter
from podtts.publish.episode_files import part_name
from podtts.publish.publish_options import AudioFormat, Split
from podtts.publish.timeline import Timeline


def open_stream(
    stream: BinaryIO,
    kind: AudioFormat,
    rate_hz: int,
    tags: AudioMetadata,
    kbps: int | None = None,
) -> AbstractContextManager[Sink]:
    """Return a sink of waves of 24 kHz that writes to stdout, a pipe or a device."""
    if kind == "wav":
        return resampling(WavStream(stream, rate_hz, tags), rate_hz)
    return resampling(EncodedStream(stream, kind, rate_hz, tags, kbps), rate_hz)


def write_audio(
    path: Path,
    waves: Iterable[Tensor],
    samples: int,
    kind: AudioFormat,
    rate_hz: int,
    tags: AudioMetadata,
    kbps: int | None = None,
) -> None:
    """Write waves of 24 kHz, in total `samples`, to a new file. kbps: bitrate; None: the default.

    Raises UsageError, OSError.
    """
    with resampling(_new_file(path, samples, kind, rate_hz, tags, kbps), rate_hz) as sink:
        for wave in waves:
            sink.write(wave)


def write_parts(
    folder: Path,
    split: Split,
    mix: MixReader,
    timeline: Timeline,
    kind: AudioFormat,
    rate_hz: int,
    tags: AudioMetadata,
) -> None:
    """Write numbered turns, or one stem per speaker, to a new folder.

    Every stem is as long as the mix, and the sum of all stems is the mix.
    """
    folder.mkdir()
    if split == "turns":
        for turn in timeline.turns:
            path = folder / part_name(turn.number, 4, timeline.name(turn), kind)
            blocks = mix.blocks(turn.start, turn.stop)
            write_audio(path, blocks, turn.stop - turn.start, kind, rate_hz, tags)
        return
    for speaker in sorted({turn.turn.speaker for turn in timeline.turns}):
        path = folder / part_name(speaker + 1, 1, timeline.speakers[speaker], kind)
        blocks = _stem(mix, timeline, speaker)
        write_audio(path, blocks, timeline.samples, kind, rate_hz, tags)


def _stem(mix: MixReader, timeline: Timeline, speaker: int) -> Iterator[Tensor]:
    """Yield the mix where this speaker speaks, and silence elsewhere."""
    at = 0
    for turn in timeline.turns:
        if turn.turn.speaker == speaker:
            yield from silence(turn.start - at)
            yield from mix.blocks(turn.start, turn.stop)
            at = turn.stop
    yield from silence(timeline.samples - at)


def _new_file(
    path: Path,
    samples: int,
    kind: AudioFormat,
    rate_hz: int,
    tags: AudioMetadata,
    kbps: int | None,
) -> AbstractContextManager[Sink]:
    if kind == "wav":
        longest = samples_at(samples, rate_hz)
        return WavWriter(path, path, longest, rate_hz=rate_hz, tags=tags)
    if kind == "mp3":
        return mp3_file(path, rate_hz, tags, kbps)
    if kind == "flac":
        return flac_file(path, rate_hz, tags)
    if kind in ("m4a", "m4b"):
        return m4a_file(path, rate_hz, tags, kbps)
    return _ogg_file(path, kind, rate_hz, tags, kbps)


@contextmanager
def _ogg_file(
    path: Path, kind: AudioFormat, rate_hz: int, tags: AudioMetadata, kbps: int | None
) -> Iterator[Sink]:
    with path.open("x+b") as file:
        with EncodedStream(file, kind, rate_hz, tags, kbps) as encoded:
            yield encoded
        clear_serial_numbers(file)
