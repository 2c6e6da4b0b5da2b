"""The sound of a request, encoded as it comes and kept until its client takes it.

    engine ─ Call ─ SoundEncoder ─ pieces ─ client

A client that is slow slows nobody down: its row is free when the last turn is made. What waits for
it is bounded by the length that a request may have.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from podtts.engine.request import RequestFinished, SoundRendered, TurnFinished
from podtts.rates import OUTPUT_HZ
from podtts.serve.api_error import SERVER, ApiError
from podtts.serve.metrics import Metrics
from podtts.serve.reception import Call
from podtts.serve.sound_encoder import Piece, SoundEncoder


class SoundStream:
    """Reads the events of a call and yields its encoded pieces; `close` ends both.

    longest_seconds: of the sound; more is a failure.
    """

    def __init__(
        self, call: Call, encoder: SoundEncoder, longest_seconds: float, metrics: Metrics
    ) -> None:
        self.call, self._encoder = call, encoder
        self._longest_seconds, self._metrics = longest_seconds, metrics
        self._pieces: asyncio.Queue[Piece | ApiError | None] = asyncio.Queue()
        self._has_sound = False
        self.speech_tokens = 0  # so far
        self._reading = asyncio.create_task(self._read())

    async def pieces(self) -> AsyncIterator[Piece]:
        """Yield the pieces in order. Raises ApiError."""
        while (piece := await self._pieces.get()) is not None:
            if isinstance(piece, ApiError):
                raise piece
            self._metrics.kept_bytes.dec(len(piece.data))
            yield piece

    async def close(self, outcome: str) -> None:
        """End the call, and wait until nothing of it is left. outcome: see `Metrics.requests`."""
        self.call.fail(ApiError(499, "the client is gone", code="gone"))
        self.call.close(outcome)
        await self._reading
        while not self._pieces.empty():
            if isinstance(piece := self._pieces.get_nowait(), Piece):
                self._metrics.kept_bytes.dec(len(piece.data))

    async def _read(self) -> None:
        try:
            while not isinstance(event := await self.call.next(), RequestFinished):
                self._check_length()
                if isinstance(event, SoundRendered | TurnFinished):
                    self._note(await asyncio.to_thread(self._encoder.add, event))
        except ApiError as error:
            self.call.cancel()
            await asyncio.to_thread(self._encoder.abandon)
            self._pieces.put_nowait(error)
            return
        self._note(await asyncio.to_thread(self._encoder.finish))
        seconds = asyncio.get_running_loop().time() - self.call.started
        if self._encoder.seconds:
            self._metrics.rtf.observe(seconds / self._encoder.seconds)
        self._pieces.put_nowait(None)

    def _note(self, piece: Piece) -> None:
        if piece.finished is not None:
            self.speech_tokens += len(piece.finished.tokens.ids)
            self._metrics.audio_seconds.inc(len(piece.finished.wave) / OUTPUT_HZ)
        if not self._has_sound and self._encoder.seconds:
            self._has_sound = True
            waited = asyncio.get_running_loop().time() - self.call.started
            self._metrics.first_audio.observe(waited)
        if piece.data or piece.finished:
            self._metrics.kept_bytes.inc(len(piece.data))
            self._pieces.put_nowait(piece)

    def _check_length(self) -> None:
        if self._encoder.seconds > self._longest_seconds:
            raise ApiError(
                500,
                f"the sound is longer than {self._longest_seconds:g} s; send a shorter text",
                kind=SERVER,
                code="too_long",
            )
