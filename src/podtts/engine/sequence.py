"""One dialogue in a row of the engine: its turns, and the attempts that each of them takes.

    next_attempt ─ LLM ─ on_tokens ─ flow, vocoder ─ on_audio ─ TurnFinished
         └──────────── retry ────────────┴─────────────┘

While a turn is rendered, the next one may be decoded as if the turn before were accepted. If that
one fails a check after all, the dialogue is rolled back, and both are attempted again.

The last attempt is accepted as it is. If somebody listens, it is the attempt that was understood
best, and the dialogue goes on from that one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence as Ids
from dataclasses import dataclass, field

import torch
from torch import Tensor

from podtts.engine.checks import hearing_problems, token_problems, wave_problems
from podtts.engine.render import Rendered, RenderJob
from podtts.engine.renderer import Job, Result
from podtts.engine.request import Event, Request, TurnFinished
from podtts.engine.rng import attempt_name, stage_rng
from podtts.engine.streamed_turn import RenderedChunk
from podtts.llm.decoder import Decoded, NotFiniteError
from podtts.llm.dialogue import Dialogue, TurnMark
from podtts.options import Precision
from podtts.text.normalize import normalize_text
from podtts.values import Heard, SpeechTokens, StageSeconds, Turn, TurnAudio
from podtts.weights.load import Models

_NO_TOKENS = SpeechTokens((), ended=False)


@dataclass(eq=False)
class Attempt:
    """An attempt at a turn, and what came of it so far."""

    index: int  # of the turn, 0-based
    turn: Turn
    text: Ids[int]  # the turn's text as ids
    draw_number: int  # see `Request.draws`
    number: int  # which attempt it is; each has draws of its own
    work: StageSeconds = field(default_factory=StageSeconds)  # of all attempts of this turn
    tokens: SpeechTokens = _NO_TOKENS
    start: TurnMark | None = None  # of the turn in the dialogue; None: the LLM was not finite
    wave: Tensor = field(default_factory=lambda: torch.zeros(0))
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    reported_tokens: int = 0  # how many of its tokens TokensDecoded has reported
    heard: Heard | None = None
    failed_otherwise: bool = False  # has problems that are not of what was heard
    best_before: Attempt | None = None  # of the turn's earlier attempts that were heard

    @property
    def draws(self) -> str:
        """Names the random draws of this attempt."""
        return attempt_name(self.draw_number, self.number)

    @property
    def best(self) -> Attempt:
        """This attempt, or an earlier one that was understood as well or better."""
        before = self.best_before
        return self if before is None or self.rank < before.rank else before

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """How well it was understood: less is better. What was not heard is worst."""
        error = self.heard.error if self.heard is not None else 0.0
        return self.heard is None, self.failed_otherwise, error

    def next(self) -> Attempt:
        """The next attempt at the same turn."""
        best = self.best
        was_heard = best.heard is not None
        return Attempt(
            self.index,
            self.turn,
            self.text,
            self.draw_number,
            self.number + 1,
            self.work,
            best_before=best if was_heard else None,
        )


class Sequence:
    """The state of one request while it is synthesized. At most one attempt is in each place.

    dialogue: with the prompts read. prefill_seconds: what reading them took; they are counted with
              the first turn that is reported.
    """

    decoding: Attempt | None = None  # in the LLM
    decoded: Attempt | None = None  # waits until the turn before it is accepted
    rendering: Attempt | None = None  # in the renderer
    follows_tokens = False  # whether `on_progress` wants the tokens of a turn while it is decoded

    def __init__(
        self, models: Models, request: Request, dialogue: Dialogue, prefill_seconds: float
    ) -> None:
        self.models, self.request, self.dialogue = models, request, dialogue
        self._turns = request.script.turns[: request.options.limit_turns]
        self._next_index = 0  # of the turn that is opened next
        self._retry: Attempt | None = None  # to be decoded before another turn is opened
        self._to_render: Attempt | None = None  # `rendering`, until the renderer has it
        self._unreported_work = StageSeconds(llm=prefill_seconds)
        self._rolled_back_work = StageSeconds()  # of the turn that is opened next

    @property
    def is_finished(self) -> bool:
        """Whether all turns are reported."""
        waiting = (self.decoding, self.decoded, self.rendering, self._retry)
        return self._next_index == len(self._turns) and not any(waiting)

    def next_attempt(self, *, speculate: bool) -> Attempt | None:
        """Return what to decode next, with its turn opened in the dialogue; None: nothing now.

        speculate: whether a turn may be decoded before the turn in front of it is accepted.
        """
        if self.decoding or self.decoded:
            return None
        if self._retry:
            self.decoding, self._retry = self._retry, None
        elif self.rendering is None or speculate:
            self.decoding = self._open_next_turn()
        return self.decoding

    def attempt_rng(self, attempt: Attempt) -> torch.Generator:
        """The random numbers that the LLM draws an attempt with."""
        return stage_rng(self.request.options.seed, attempt.draws, "llm")

    def on_progress(self, ids: Ids[int]) -> None:
        """Take the tokens so far of the attempt that is being decoded, see `follows_tokens`."""

    def on_tokens(self, decoded: Decoded) -> list[Event]:
        """Take what the LLM decoded; return what is to be reported."""
        attempt, self.decoding = self.decoding, None
        assert attempt is not None
        if isinstance(decoded, NotFiniteError):
            attempt.problems = (f"{decoded}: NaN or infinite",)
        else:
            attempt.tokens = decoded
            self.dialogue.set_decoded(decoded)
            attempt.start = self.dialogue.mark()
            # The checks know what speech of a trained model is like.
            if self.request.options.check_length and not self.models.untrained:
                attempt.problems = tuple(token_problems(attempt.turn.text, decoded))
        if self.rendering:
            self.decoded = attempt
            return []
        return self._after_decoding(attempt)

    def take_render_job(self) -> Job | None:
        """What is to be given to the renderer, once."""
        attempt, self._to_render = self._to_render, None
        return None if attempt is None else self._render_job(attempt)

    def on_audio(self, rendered: Result) -> list[Event]:
        """Take what was rendered; return what is to be reported.

        If the attempt failed a check, what was decoded after it is void: `decoding` is None then.
        """
        attempt, self.rendering = self.rendering, None
        assert attempt is not None
        assert not isinstance(rendered, RenderedChunk)
        self._check_audio(attempt, rendered)
        if self._will_retry(attempt):
            self._roll_back_to(attempt)
            self._retry = attempt.next()
            return []
        best = attempt.best
        if best is not attempt:
            self._roll_back_to(attempt)
            self.dialogue.close_turn(best.tokens)
        events: list[Event] = [self._report(best, attempt)]
        later, self.decoded = self.decoded, None
        if later is not None:
            events += self._after_decoding(later)
        return events

    def _open_next_turn(self) -> Attempt | None:
        """Open the next turn that no earlier run finished, unless the turn before may roll back."""
        window = self.dialogue.window
        while self._next_index < len(self._turns):
            index, turn = self._next_index, self._turns[self._next_index]
            finished = self.request.finished.get(index)
            rebuilds = window.is_full and not self.dialogue.rolls_back_over_rebuilds
            if self.rendering and (finished is not None or rebuilds):
                return None
            self._next_index += 1
            text = self.models.template.turn(turn.speaker, normalize_text(turn.text))
            if finished is None:
                self.dialogue.open_turn(text)
                work, self._rolled_back_work = self._rolled_back_work, StageSeconds()
                draw_number = self.request.draws.get(index, index)
                return Attempt(index, turn, text, draw_number, self._first_number(index), work)
            self.dialogue.append_finished(text, finished)
        return None

    def _after_decoding(self, attempt: Attempt) -> list[Event]:
        """Go on with an attempt whose turn before is accepted."""
        if self._will_retry(attempt):  # without rendering what is void
            self._retry = attempt.next()
            return []
        if attempt.start is None:
            best = attempt.best
            self.dialogue.close_turn(best.tokens)
            return [self._report(best, attempt)]
        self.dialogue.close_turn(attempt.tokens)
        self.rendering = self._to_render = attempt
        return []

    def _check_audio(self, attempt: Attempt, rendered: Rendered | NotFiniteError) -> None:
        if isinstance(rendered, NotFiniteError):
            attempt.problems = (f"{rendered}: NaN or infinite",)
            return
        attempt.wave = rendered.wave
        attempt.notes = widening_notes(rendered.widened, self.request.options.flow.precision)
        attempt.work += StageSeconds(flow=rendered.flow_seconds, vocoder=rendered.vocoder_seconds)
        if not self.models.untrained:
            attempt.problems += tuple(wave_problems(attempt.wave))
        self._listen_to(attempt)

    def _listen_to(self, attempt: Attempt) -> None:
        """Let the listener of the request hear an attempt, if there is one."""
        request, turn = self.request, attempt.turn
        attempt.failed_otherwise = bool(attempt.problems)
        if request.listener is None:
            return
        started = time.perf_counter()
        attempt.heard = request.listener.hear(turn, request.prompts[turn.speaker], attempt.wave)
        attempt.work += StageSeconds(hearing=time.perf_counter() - started)
        if attempt.heard is not None and (limit := request.options.verify_limit) is not None:
            attempt.problems += tuple(hearing_problems(turn.text, attempt.heard, limit))

    def _render_job(self, attempt: Attempt) -> RenderJob:
        prompt, options = self.request.prompts[attempt.turn.speaker], self.request.options
        return RenderJob(attempt.tokens, prompt, options.flow, options.seed, attempt.draws)

    def _roll_back_to(self, attempt: Attempt) -> None:
        """Forget all after the start of an attempt; its turn is open again."""
        later = self.decoding or self.decoded
        if later is not None:
            self._next_index, self._rolled_back_work = later.index, later.work
        self.decoding = self.decoded = None
        assert attempt.start is not None
        self.dialogue.roll_back(attempt.start)

    def _report(self, attempt: Attempt, last: Attempt) -> TurnFinished:
        """Report an accepted attempt. last: of its turn, with the work of all of them."""
        work, self._unreported_work = self._unreported_work + last.work, StageSeconds()
        audio = TurnAudio(
            attempt.index,
            attempt.turn,
            attempt.tokens,
            attempt.wave,
            work,
            attempt.number,
            attempt.problems,
            attempt.notes,
            attempt.heard,
            last.number - attempt.number,
        )
        return TurnFinished(self.request, audio)

    def _will_retry(self, attempt: Attempt) -> bool:
        """Whether an attempt failed a check while there are attempts left."""
        retries = attempt.number - self._first_number(attempt.index)
        return bool(attempt.problems) and retries < self.request.options.retries

    def _first_number(self, index: int) -> int:
        return self.request.attempts.get(index, 0)


def widening_notes(widened: Ids[str], precision: Precision) -> tuple[str, ...]:
    """What is said of parts that ran in float32 because they are not finite in a precision."""
    return tuple(f"the {part} is not finite in {precision}; it ran in float32" for part in widened)
