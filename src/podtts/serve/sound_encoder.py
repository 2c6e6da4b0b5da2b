"""Encodes the turns of a request into bytes of a format, as their sound comes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from typing import BinaryIO, Literal, cast

from torch import Tensor

from podtts.audio.adts_stream import AdtsStream
from podtts.audio.metadata import AudioMetadata
from podtts.audio.sink import Sink
from podtts.audio.wav import to_pcm16
from podtts.engine.request import Event, SoundRendered, TurnFinished
from podtts.publish.audio_files import open_stream
from podtts.publish.mix import Mix, tempos
from podtts.publish.publish_options import LayoutOptions
from podtts.publish.timeline import TimedTurn
from podtts.rates import OUTPUT_HZ
from podtts.script.model import Script
from podtts.values import AudioChunk, TurnAudio

SpeechFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
MEDIA_TYPES: dict[SpeechFormat, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": f"audio/pcm;rate={OUTPUT_HZ};encoding=signed-int;bits=16",
}


@dataclass(frozen=True, eq=False)
class Piece:
    """Some encoded sound, perhaps none, and the turn that ends with it.

    place: of that turn in the sound.
    """

    data: bytes
    finished: TurnAudio | None = None
    place: TimedTurn | None = None


class SoundEncoder:
    """Takes the events of one request in order. Two methods must not be called at the same time.

    speakers: the name of each speaker's voice.
    """

    def __init__(
        self,
        kind: SpeechFormat,
        script: Script,
        speakers: Sequence[str],
        layout: LayoutOptions,
        tags: AudioMetadata,
    ) -> None:
        self._script, self._speakers = replace(script, chapters=()), speakers
        self._collector = _Collector()
        self._stack = ExitStack()
        sink = self._stack.enter_context(_sink(self._collector, kind, tags))
        self._mix = Mix(sink, layout, tempos(script))

    @property
    def seconds(self) -> float:
        """Length of the sound so far."""
        return self._mix.samples / OUTPUT_HZ

    def add(self, event: Event) -> Piece:
        """Encode what an event brings."""
        if isinstance(event, SoundRendered):
            return self._add_chunk(event.chunk)
        if isinstance(event, TurnFinished) and not event.request.reports_sound:
            self._mix.add(event.audio.turn, event.audio.wave)
            return self._piece(event.audio)
        return Piece(b"")

    def finish(self) -> Piece:
        """End the sound."""
        self._stack.close()
        return Piece(self._collector.take())

    def abandon(self) -> None:
        """Free what the encoder holds, in the middle of the sound."""
        error = BrokenPipeError()
        self._stack.__exit__(type(error), error, None)

    def _add_chunk(self, chunk: AudioChunk) -> Piece:
        if self._mix.takes_parts(chunk.turn):
            self._mix.add_part(chunk.turn, chunk.samples, first=chunk.first_sample == 0)
        elif chunk.finished is not None:
            self._mix.add(chunk.turn, chunk.finished.wave)
        return self._piece(chunk.finished)

    def _piece(self, finished: TurnAudio | None) -> Piece:
        data = self._collector.take()
        if finished is None:
            return Piece(data)
        return Piece(data, finished, self._mix.timeline(self._script, self._speakers).turns[-1])


def _sink(
    collector: _Collector, kind: SpeechFormat, tags: AudioMetadata
) -> AbstractContextManager[Sink]:
    stream = cast(BinaryIO, collector)
    if kind == "pcm":
        return _PcmStream(collector)
    if kind == "aac":
        return AdtsStream(stream, OUTPUT_HZ, tags)
    return open_stream(stream, kind, OUTPUT_HZ, tags)


class _Collector(io.RawIOBase):
    """Takes what is written, like a pipe without an end."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(cast(bytes, data))
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        """Return what was written since the last call."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


class _PcmStream(AbstractContextManager[Sink]):
    """Samples alone: 16 bit, little-endian. There is no place for metadata."""

    def __init__(self, stream: _Collector) -> None:
        self._stream = stream
        self.samples = 0

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, *raised: object) -> None:
        pass

    def write(self, wave: Tensor) -> None:
        self._stream.write(to_pcm16(wave))
        self.samples += len(wave)
