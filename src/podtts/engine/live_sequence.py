"""A dialogue whose sound is reported chunk by chunk, while its turns are still being decoded.

    next_attempt ─ LLM ─ on_progress, on_tokens ─ chunks ─ flow, vocoder ─ on_audio ─ SoundRendered

What a listener has heard cannot be taken back: every turn has one attempt, and what its checks find
is reported with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence as Ids
from dataclasses import dataclass, field

import torch
from torch import Tensor

from podtts.engine.checks import token_problems, wave_problems
from podtts.engine.render import Rendered
from podtts.engine.renderer import ChunkJob, Result
from podtts.engine.request import Event, Request, SoundRendered
from podtts.engine.sequence import Attempt, Sequence, widening_notes
from podtts.engine.streamed_turn import StreamedTurn
from podtts.flow.chunks import Chunk, ChunkQueue
from podtts.flow.prompt_states import PromptStates
from podtts.llm.decoder import Decoded, NotFiniteError
from podtts.llm.dialogue import Dialogue
from podtts.values import AudioChunk, StageSeconds, TurnAudio
from podtts.weights.load import Models

_AHEAD = 2  # turns that are decoded or rendered; more would only fill memory


@dataclass(eq=False)
class _LiveTurn:
    """A turn between its first token and its last sample."""

    attempt: Attempt
    render: StreamedTurn
    chunks: ChunkQueue
    taken: int = 0  # tokens that the queue of chunks has
    is_decoded: bool = False
    is_rendering: bool = False  # a chunk is in the renderer
    is_rendered: bool = False  # its last sample is there, or none can follow
    parts: list[Tensor] = field(default_factory=list)  # samples of the chunks so far
    reported: int = 0  # parts
    samples: int = 0  # of these

    def take(self, ids: Ids[int]) -> None:
        """Take the tokens of the turn so far."""
        self.chunks.add(ids[self.taken :])
        self.taken = len(ids)


class LiveSequence(Sequence):
    """The state of one request whose sound is reported as it comes. For arguments see `Sequence`.

    states: keeps the flow's states behind prompts.
    """

    follows_tokens = True

    def __init__(
        self,
        models: Models,
        request: Request,
        dialogue: Dialogue,
        prefill_seconds: float,
        states: PromptStates,
    ) -> None:
        super().__init__(models, request, dialogue, prefill_seconds)
        self._states = states
        self._live: deque[_LiveTurn] = deque()

    @property
    def is_finished(self) -> bool:
        return self._next_index == len(self._turns) and not self._live

    def next_attempt(self, *, speculate: bool) -> Attempt | None:
        if self.decoding or len(self._live) >= _AHEAD:
            return None
        self.decoding = attempt = self._open_next_turn()
        if attempt is not None:
            turn = StreamedTurn(self.models, self._states, self._render_job(attempt))
            self._live.append(_LiveTurn(attempt, turn, ChunkQueue(self.models.flow.lookahead)))
        return attempt

    def on_progress(self, ids: Ids[int]) -> None:
        self._live[-1].take(ids)

    def on_tokens(self, decoded: Decoded) -> list[Event]:
        live, self.decoding = self._live[-1], None
        attempt = live.attempt
        live.is_decoded = True
        live.chunks.end()
        if isinstance(decoded, NotFiniteError):
            attempt.problems = (f"{decoded}: NaN or infinite",)
            live.is_rendered = live.is_rendered or not live.taken
        else:
            attempt.tokens = decoded
            live.take(decoded.ids)
            self.dialogue.set_decoded(decoded)
            if self.request.options.check_length and not self.models.untrained:
                attempt.problems += tuple(token_problems(attempt.turn.text, decoded))
        self.dialogue.close_turn(attempt.tokens)
        return self._report_rendered()

    def take_render_job(self) -> ChunkJob | None:
        live = self._live[0] if self._live else None
        if live is None or live.is_rendering or live.is_rendered:
            return None
        chunk: Chunk | None = live.chunks.next()
        if chunk is None:
            return None
        live.is_rendering = True
        return ChunkJob(live.render, chunk)

    def on_audio(self, rendered: Result) -> list[Event]:
        assert not isinstance(rendered, Rendered)
        live = self._live[0]
        live.is_rendering = False
        attempt = live.attempt
        if isinstance(rendered, NotFiniteError):
            attempt.problems += (f"{rendered}: NaN or infinite",)
            live.is_rendered = True
            return self._report_rendered()
        attempt.work += StageSeconds(flow=rendered.flow_seconds, vocoder=rendered.vocoder_seconds)
        attempt.notes = widening_notes(rendered.widened, self.request.options.flow.precision)
        live.parts.append(rendered.samples)
        if rendered.is_last:
            live.is_rendered = True
            self._check_wave(live)
            return self._report_rendered()
        return self._report_samples(live) if len(rendered.samples) else []

    def _report_rendered(self) -> list[Event]:
        """Report the turns of which nothing is missing, with the samples not reported yet."""
        events: list[Event] = []
        while self._live and self._live[0].is_decoded and self._live[0].is_rendered:
            live = self._live.popleft()
            attempt = live.attempt
            attempt.wave = torch.cat([torch.zeros(0), *live.parts])
            finished = self._report(attempt, attempt)
            events += [*self._report_samples(live, finished.audio), finished]
        return events

    def _check_wave(self, live: _LiveTurn) -> None:
        """Check a turn that was rendered up to its end."""
        attempt = live.attempt
        attempt.wave = torch.cat(live.parts)
        if not self.models.untrained:
            attempt.problems += tuple(wave_problems(attempt.wave))
        self._listen_to(attempt)

    def _report_samples(self, live: _LiveTurn, finished: TurnAudio | None = None) -> list[Event]:
        attempt, first = live.attempt, live.samples
        samples = torch.cat([torch.zeros(0), *live.parts[live.reported :]])
        live.samples += len(samples)
        live.reported = len(live.parts)
        chunk = AudioChunk(attempt.index, attempt.turn, first, samples, finished)
        return [SoundRendered(self.request, chunk)]
