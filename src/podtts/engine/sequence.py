"""How one script is spoken, told as one story; whoever drives it lets many be told side by side.

    script ─ normalize ─ template ─ LLM ──── flow ── vocoder ── TurnAudio
               prompts ─────────────┴─────────┘

`speak` is a coroutine. Where a model has to work it yields what it needs, Write or Render, and is
sent what came of it: Written or NotWritten, Rendered or NotFiniteError. A turn that is finished it
yields as TurnAudio.

Who drives it may answer Render with None: the turn is being made audible meanwhile. Then the story
goes on with the next turn, as if the turn were right. While it waits, for Write or for Wait, it may
be sent what became of the turn. If that came out wrong, what was written behind it is forgotten and
written again.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from podtts.device.memory import memory_errors_named
from podtts.device.stopwatch import Stopwatch
from podtts.engine.checks import token_problems, wave_problems
from podtts.engine.compatibility import check_compatibility
from podtts.engine.prefill import prefill_prompts
from podtts.engine.renderer import Render, Rendered
from podtts.engine.rng import attempt_name, stage_rng
from podtts.llm.dialogue import Dialogue, Mark
from podtts.llm.generate import NotFiniteError
from podtts.llm.kv_cache import KVCache
from podtts.llm.prefix import PrefixStore
from podtts.options import SamplingOptions, SynthesisOptions
from podtts.script.model import Script
from podtts.text.normalize import normalize_text
from podtts.values import SpeakerPrompt, SpeechTokens, StageSeconds, Turn, TurnAudio
from podtts.weights.load import Models


@dataclass(frozen=True, eq=False)
class Request:
    """A script to be spoken.

    prompts:    one per label of the script, in the script's order.
    spoken:     turns (by 0-based number) said in an earlier run: heard by the turns after them, not
                spoken again and not yielded.
    attempts: for turns that are to be drawn differently, which of the seed's draws to begin with;
                0 is the first.
    """

    id: str
    script: Script
    prompts: Sequence[SpeakerPrompt]
    options: SynthesisOptions = field(default_factory=SynthesisOptions)
    spoken: Mapping[int, SpeechTokens] = field(default_factory=dict)
    attempts: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Write:
    """A turn the LLM is to write behind a dialogue."""

    dialogue: Dialogue
    sampling: SamplingOptions
    rng: torch.Generator


@dataclass(frozen=True)
class Wait:
    """Nothing to be done before it is known how the turn that is being rendered came out."""


@dataclass(frozen=True)
class Written:
    """A turn as tokens."""

    tokens: SpeechTokens
    seconds: float  # of the LLM's work


@dataclass(frozen=True)
class NotWritten:
    """A turn the LLM had no numbers for."""

    error: NotFiniteError


Wish = Write | Render | Wait | TurnAudio
Answer = Written | NotWritten | Rendered | NotFiniteError | None
Story = Generator[Wish, Answer, None]


def speak(models: Models, prefixes: PrefixStore | None, job: Request, cache: KVCache) -> Story:
    """Speak a script whose dialogue is kept in a cache, turn by turn.

    A turn that fails a check (podtts.engine.checks) is tried again up to options.retries times; the
    problems of the last attempt stand in TurnAudio.problems.
    The first turn's LLM seconds include reading the prompts.
    Raises InputError for prompts that do not fit script or checkpoint.
    """
    check_compatibility(models, job.script, job.prompts)
    options = job.options
    turns = job.script.turns[: options.limit_turns]
    if all(index in job.spoken for index in range(len(turns))):
        return
    with Stopwatch(models.device) as opening, memory_errors_named("reading the prompts"):
        dialogue = prefill_prompts(models, prefixes, job.prompts, options, cache)
    telling = _Telling(models, job, dialogue, StageSeconds(llm=opening.seconds))
    for index, turn in enumerate(turns):
        text = models.template.turn(turn.speaker, normalize_text(turn.text))
        if index in job.spoken:
            yield from telling.settle()
            dialogue.recall(text, job.spoken[index])
        else:
            yield from telling.say(_Take(index, turn, text, job.attempts.get(index, 0)))
    yield from telling.settle()


@dataclass(eq=False)
class _Take:
    """A turn and its latest try."""

    index: int
    turn: Turn
    text: Sequence[int]
    attempt: int
    work: StageSeconds = field(default_factory=StageSeconds)  # of all tries
    tokens: SpeechTokens = field(default_factory=lambda: SpeechTokens((), ended=False))
    start: Mark | None = None  # where the dialogue stood; None: the LLM had no numbers
    is_heard: bool = False
    wave: Tensor = field(default_factory=lambda: torch.zeros(0))
    problems: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()

    def is_over(self, job: Request) -> bool:
        """Whether it stays as it is: nothing is wrong, or all tries are used up."""
        tries = self.attempt - job.attempts.get(self.index, 0)
        return not self.problems or tries >= job.options.retries

    def audio(self, before: StageSeconds) -> TurnAudio:
        """The turn as it is told, with work that was done before it."""
        return TurnAudio(
            self.index,
            self.turn,
            self.tokens,
            self.wave,
            before + self.work,
            self.attempt,
            tuple(self.problems),
            self.notes,
        )


class _Telling:
    """The story between its turns: at most one is written and not yet told."""

    def __init__(
        self, models: Models, job: Request, dialogue: Dialogue, before: StageSeconds
    ) -> None:
        self.models, self.job, self.dialogue = models, job, dialogue
        self._before = before  # work that the next turn told counts with its own
        self._untold: _Take | None = None

    def say(self, take: _Take) -> Story:
        """Speak the next turn; it may stay untold."""
        while True:
            if self.dialogue.window.is_full and not self.dialogue.returns_over_rebuilds:
                yield from self.settle()
            self.dialogue.open(take.text)
            yield from self._write(take)
            if (yield from self._is_settled()):
                break
            yield from self._repair()
        yield from self._finish(take)

    def settle(self) -> Story:
        """Have all told that is written."""
        while not (yield from self._is_settled()):
            yield from self._repair()

    def _is_settled(self) -> Generator[Wish, Answer, bool]:
        """Hear and tell the untold turn, if there is one; return whether it came out right."""
        if self._untold is None:
            return True
        if not self._untold.is_heard:
            self._hear(self._untold, (yield Wait()))
        if not self._untold.is_over(self.job):
            return False
        yield from self._tell(self._untold)
        return True

    def _repair(self) -> Story:
        """Go back to the untold turn and try it again."""
        take, self._untold = self._untold, None
        assert take is not None
        assert take.start is not None
        self.dialogue.back_to(take.start)
        take.attempt += 1
        yield from self._write(take)
        yield from self._finish(take)

    def _write(self, take: _Take) -> Story:
        """Write a try of the open turn; the untold turn may be told meanwhile."""
        take.tokens, take.wave = SpeechTokens((), ended=False), torch.zeros(0)
        take.start, take.is_heard, take.problems, take.notes = None, False, [], ()
        draws = attempt_name(take.index, take.attempt)
        sampling, seed = self.job.options.sampling, self.job.options.seed
        answer = yield Write(self.dialogue, sampling, stage_rng(seed, draws, "llm"))
        if self._untold and not isinstance(answer, Written | NotWritten):
            self._hear(self._untold, answer)
            if self._untold.is_over(self.job):
                yield from self._tell(self._untold)
            answer = yield Wait()
        if isinstance(answer, NotWritten):
            take.problems.append(f"{answer.error}: NaN or infinite")
            return
        assert isinstance(answer, Written)
        take.tokens = answer.tokens
        take.work += StageSeconds(llm=answer.seconds)
        self.dialogue.wrote(take.tokens)
        take.start = self.dialogue.mark()
        # Length and sound are judged by a trained voice's measure.
        if self.job.options.check_length and not self.models.untrained:
            take.problems += token_problems(take.turn.text, take.tokens)

    def _finish(self, take: _Take) -> Story:
        """Make a written turn audible, and try it again until it is over."""
        while True:
            if take.start is not None:
                answer = yield self._render(take)
                if answer is None and take.is_over(self.job):
                    self._untold = take  # it may be judged anew when it is heard
                    self.dialogue.close(take.tokens)
                    return
                self._hear(take, answer if answer is not None else (yield Wait()))
            if take.is_over(self.job):
                self.dialogue.close(take.tokens)
                yield from self._tell(take)
                return
            take.attempt += 1
            yield from self._write(take)

    def _render(self, take: _Take) -> Render:
        prompt, options = self.job.prompts[take.turn.speaker], self.job.options
        draws = attempt_name(take.index, take.attempt)
        return Render(take.tokens, prompt, options.flow, options.seed, draws)

    def _hear(self, take: _Take, answer: Answer) -> None:
        """Judge what a turn sounds like."""
        take.is_heard = True
        if isinstance(answer, NotFiniteError):
            take.problems = [f"{answer}: NaN or infinite"]
            return
        assert isinstance(answer, Rendered)
        take.wave = answer.wave
        precision = self.job.options.flow.precision
        take.notes = tuple(
            f"the {part} is not finite in {precision}; it ran in float32" for part in answer.widened
        )
        take.work += StageSeconds(flow=answer.flow_seconds, vocoder=answer.vocoder_seconds)
        if not self.models.untrained:
            take.problems += wave_problems(take.wave)

    def _tell(self, take: _Take) -> Story:
        self._untold = None
        yield take.audio(self._before)
        self._before = StageSeconds()
