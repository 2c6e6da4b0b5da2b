"""What the endpoints of one server share, and how a request becomes a response."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from podtts.audio.metadata import MADE_BY_A_MODEL
from podtts.audio.strict_decoding import has_av
from podtts.device.cancellation import Cancellation
from podtts.rates import OUTPUT_HZ
from podtts.serve.api_error import ApiError, refused
from podtts.serve.limits import Limits
from podtts.serve.metrics import Metrics
from podtts.serve.order import Order, OrderBuilder
from podtts.serve.reception import Reception
from podtts.serve.sound_encoder import MEDIA_TYPES, SoundEncoder, SpeechFormat
from podtts.serve.sound_stream import SoundStream
from podtts.serve.streamed_response import EVENT_STREAM, StreamedResponse, delta, sse

T = TypeVar("T")
StreamFormat = Literal["audio", "sse"]
MARK = {"X-Digital-Source-Type": MADE_BY_A_MODEL, "Cache-Control": "no-store"}
_AT_A_TIME = 4  # requests that are read and checked; each takes some milliseconds of a core


@dataclass
class Service:
    """The state of a server. Of the event loop alone.

    forget_voice_states: forgets all that is in memory of voices.
    is_ready: models are loaded, and a first text was spoken.
    uploads:  ends the preparation of voices.
    """

    reception: Reception
    orders: OrderBuilder
    limits: Limits
    metrics: Metrics
    forget_voice_states: Callable[[], None]
    is_ready: bool = False
    uploads: Cancellation = field(default_factory=Cancellation)
    _checking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_A_TIME))

    async def build(self, build: Callable[[], T]) -> T:
        """As `check`, but refuses at once what would not be let in."""
        self.reception.check_open()
        return await self.check(build)

    async def check(self, build: Callable[[], T]) -> T:
        """Call what reads and checks a request, while the loop goes on. Raises ApiError."""
        async with self._checking:
            return await asyncio.to_thread(build)

    def respond(
        self, endpoint: str, order: Order, kind: SpeechFormat, stream_format: StreamFormat
    ) -> StreamedResponse:
        """Let a request in, and return the response that its sound becomes.

        Raises ApiError if it is not let in.
        """
        check_format(kind)
        call = self.reception.admit(endpoint, order.request(streams=True))
        layout = order.publishing.layout
        encoder = SoundEncoder(kind, order.script, order.voices, layout, order.tags)
        sound = SoundStream(call, encoder, self.limits.seconds, self.metrics)
        if stream_format == "audio":
            parts, media_type = _audio(sound), MEDIA_TYPES[kind]
        else:
            parts, media_type = _events(sound, order), EVENT_STREAM
        return StreamedResponse(
            parts,
            media_type,
            sound.close,
            self.limits.stall_seconds,
            MARK,
            _error_event if stream_format == "sse" else None,
        )


def check_format(kind: SpeechFormat) -> None:
    """Raise ApiError for a format that cannot be written here."""
    if kind == "aac" and not has_av():
        raise refused(
            "aac needs the package av on the server: pip install 'podtts[av]'; "
            "mp3, opus, flac, wav and pcm need none",
            "response_format",
            "format_not_available",
        )


async def _audio(sound: SoundStream) -> AsyncIterator[bytes]:
    async for piece in sound.pieces():
        if piece.data:
            yield piece.data


async def _events(sound: SoundStream, order: Order) -> AsyncIterator[bytes]:
    """Sound as OpenAI's events, and behind the last sound of every turn what the turn is."""
    async for piece in sound.pieces():
        if piece.data:
            yield sse(delta(piece.data))
        if piece.finished is not None and piece.place is not None:
            turn = piece.finished.turn
            yield sse(
                {
                    "type": "dialogue.turn",
                    "turn": piece.place.number,
                    "speaker": order.script.labels[turn.speaker],
                    "voice": order.prompts[turn.speaker].name,
                    "text": turn.shown,
                    "first_sample": piece.place.start,
                    "samples": piece.place.stop - piece.place.start,
                    "problems": [*piece.finished.problems],
                }
            )
    yield sse(
        {"type": "speech.audio.done", "sample_rate": OUTPUT_HZ, "usage": _usage(sound, order)}
    )


def _usage(sound: SoundStream, order: Order) -> dict[str, int]:
    """Tokens of the text, and of the speech: 25 a second."""
    text, speech = order.text_tokens, sound.speech_tokens
    return {"input_tokens": text, "output_tokens": speech, "total_tokens": text + speech}


def _error_event(error: ApiError) -> bytes:
    event: dict[str, Any] = {"type": "speech.audio.error", **error.body}
    return sse(event)
