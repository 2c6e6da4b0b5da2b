"""Audio files of an episode: the whole, its turns, or a stem for every speaker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

from torch import Tensor

from podtts.audio.encoded import EncodedStream
from podtts.audio.metadata import AudioMetadata
from podtts.audio.mix_reader import MixReader, silence
from podtts.audio.ogg_serial import clear_serial_numbers
from podtts.audio.sink import Sink, resampling, samples_at
from podtts.audio.wav import WavStream, WavWriter
from podtts.publish.episode_files import part_name
from podtts.publish.publish_options import AudioFormat, Split
from podtts.publish.timeline import Timeline


def open_stream(
    stream: BinaryIO, kind: AudioFormat, rate_hz: int, tags: AudioMetadata
) -> AbstractContextManager[Sink]:
    """A stdout, pipe or device that takes waves of 24 kHz."""
    if kind == "wav":
        return resampling(WavStream(stream, rate_hz, tags), rate_hz)
    return resampling(EncodedStream(stream, kind, rate_hz, tags), rate_hz)


def write_audio(
    path: Path,
    waves: Iterable[Tensor],
    samples: int,
    kind: AudioFormat,
    rate_hz: int,
    tags: AudioMetadata,
) -> None:
    """Write waves of 24 kHz, `samples` in all, to a new file. Raises UsageError, OSError."""
    with resampling(_new_file(path, samples, kind, rate_hz, tags), rate_hz) as sink:
        for wave in waves:
            sink.write(wave)


def write_parts(
    folder: Path,
    split: Split,
    master: MixReader,
    timeline: Timeline,
    kind: AudioFormat,
    rate_hz: int,
    tags: AudioMetadata,
) -> None:
    """Write numbered turns, or stems as long as the mix that sum to it, to a new folder."""
    folder.mkdir()
    if split == "turns":
        for turn in timeline.turns:
            path = folder / part_name(turn.number, 4, timeline.name(turn), kind)
            blocks = master.blocks(turn.start, turn.stop)
            write_audio(path, blocks, turn.stop - turn.start, kind, rate_hz, tags)
        return
    for speaker in sorted({turn.turn.speaker for turn in timeline.turns}):
        path = folder / part_name(speaker + 1, 1, timeline.speakers[speaker], kind)
        blocks = _stem(master, timeline, speaker)
        write_audio(path, blocks, timeline.samples, kind, rate_hz, tags)


def _stem(master: MixReader, timeline: Timeline, speaker: int) -> Iterator[Tensor]:
    """The mix where a speaker speaks, silence where not."""
    at = 0
    for turn in timeline.turns:
        if turn.turn.speaker == speaker:
            yield from silence(turn.start - at)
            yield from master.blocks(turn.start, turn.stop)
            at = turn.stop
    yield from silence(timeline.samples - at)


@contextmanager
def _new_file(
    path: Path, samples: int, kind: AudioFormat, rate_hz: int, tags: AudioMetadata
) -> Iterator[Sink]:
    if kind == "wav":
        longest = samples_at(samples, rate_hz)
        with WavWriter(path, path, longest, rate_hz=rate_hz, tags=tags) as wav:
            yield wav
    else:
        with path.open("x+b") as file:
            with EncodedStream(file, kind, rate_hz, tags) as encoded:
                yield encoded
            if kind in ("ogg", "opus"):
                clear_serial_numbers(file)
