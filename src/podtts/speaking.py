"""How one script is spoken, told as one story; whoever drives it lets many be told side by side.

    script ─ normalize ─ template ─ LLM ──── flow ── vocoder ── TurnAudio
               prompts ─────────────┴─────────┘

`speak` is a coroutine. Where a model has to work it yields what it needs, Write or Render, and is
sent the answer, Written or Rendered (or NotFiniteError is thrown in). A turn that is finished it
yields as TurnAudio.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import torch

from podtts.checks import token_problems, wave_problems
from podtts.device import Stopwatch, memory_errors_named
from podtts.fit import check_fit
from podtts.llm.dialogue import Dialogue, generated_ids
from podtts.llm.generate import NotFiniteError, generate
from podtts.llm.kv_cache import KVCache
from podtts.llm.prefix import PrefixStore
from podtts.options import SamplingOptions, SynthesisOptions
from podtts.randomness import draws_name, stage_rng
from podtts.rendering import Render, Rendered
from podtts.script.model import Script
from podtts.text.normalize import normalize_text
from podtts.values import SpeakerPrompt, SpeechTokens, StageSeconds, Turn, TurnAudio
from podtts.weights.load import Models


@dataclass(frozen=True, eq=False)
class Job:
    """A script to be spoken.

    prompts:    one per label of the script, in the script's order.
    spoken:     turns (by 0-based number) said in an earlier run: heard by the turns after them, not
                spoken again and not yielded.
    variations: for turns that are to be drawn differently, which of the seed's draws to begin with;
                0 is the first.
    """

    id: str
    script: Script
    prompts: Sequence[SpeakerPrompt]
    options: SynthesisOptions = field(default_factory=SynthesisOptions)
    spoken: Mapping[int, SpeechTokens] = field(default_factory=dict)
    variations: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Write:
    """A turn the LLM is to write behind a dialogue."""

    dialogue: Dialogue
    sampling: SamplingOptions
    rng: torch.Generator


@dataclass(frozen=True)
class Written:
    """A turn as tokens."""

    tokens: SpeechTokens
    seconds: float  # of the LLM's work


Story = Generator[Write | Render | TurnAudio, Written | Rendered | None, None]


def speak(models: Models, prefixes: PrefixStore | None, job: Job, cache: KVCache) -> Story:
    """Speak a script whose dialogue is kept in a cache, turn by turn.

    A turn that comes out wrong (see podtts.checks) is spoken again up to options.retries times;
    what is still wrong with the last try stands in TurnAudio.problems.
    The first turn's LLM seconds include reading the prompts.
    Raises InputError for prompts that do not fit script or checkpoint.
    """
    check_fit(models, job.script, job.prompts)
    options = job.options
    turns = job.script.turns[: options.limit_turns]
    if all(index in job.spoken for index in range(len(turns))):
        return
    with Stopwatch(models.device) as opening, memory_errors_named("reading the prompts"):
        dialogue = open_dialogue(models, prefixes, job.prompts, options, cache)
    before = StageSeconds(llm=opening.seconds)
    for index, turn in enumerate(turns):
        text = models.template.turn(turn.speaker, normalize_text(turn.text))
        if index in job.spoken:
            dialogue.recall(text, job.spoken[index])
            continue
        dialogue.open(text)
        audio = yield from _speak_turn(models, job, dialogue, index, turn)
        dialogue.close(audio.tokens)
        yield replace(audio, work=before + audio.work)
        before = StageSeconds()


def _speak_turn(
    models: Models, job: Job, dialogue: Dialogue, index: int, turn: Turn
) -> Generator[Write | Render | TurnAudio, Written | Rendered | None, TurnAudio]:
    """Speak the open turn until nothing is wrong with it or all tries are used up."""
    work = StageSeconds()
    variation = job.variations.get(index, 0)
    for last in [False] * job.options.retries + [True]:
        audio = yield from _try_turn(models, job, dialogue, index, turn, variation)
        work += audio.work
        if last or not audio.problems:
            break
        variation += 1
    return replace(audio, work=work)


def _try_turn(
    models: Models, job: Job, dialogue: Dialogue, index: int, turn: Turn, variation: int
) -> Generator[Write | Render | TurnAudio, Written | Rendered | None, TurnAudio]:
    options, prompt = job.options, job.prompts[turn.speaker]
    draws = draws_name(index, variation)
    tokens, wave = SpeechTokens((), ended=False), torch.zeros(0)
    work = StageSeconds()
    problems: list[str] = []
    notes: tuple[str, ...] = ()
    try:
        written = yield Write(dialogue, options.sampling, stage_rng(options.seed, draws, "llm"))
        assert isinstance(written, Written)
        tokens = written.tokens
        work += StageSeconds(llm=written.seconds)
        rendered = yield Render(tokens, prompt, options.flow, options.seed, draws)
        assert isinstance(rendered, Rendered)
        wave = rendered.wave
        if rendered.widened:
            notes = (f"the flow is not finite in {options.flow.precision}; it ran in float32",)
        work += StageSeconds(flow=rendered.flow_seconds, vocoder=rendered.vocoder_seconds)
    except NotFiniteError as error:
        problems.append(f"{error}: NaN or infinite")
    else:
        # Length and sound are judged by a trained voice's measure.
        if options.check_length and not models.untrained:
            problems += token_problems(turn.text, tokens)
        if not models.untrained:
            problems += wave_problems(wave)
    return TurnAudio(index, turn, tokens, wave, work, variation, tuple(problems), notes)


def open_dialogue(
    models: Models,
    prefixes: PrefixStore | None,
    prompts: Sequence[SpeakerPrompt],
    options: SynthesisOptions,
    cache: KVCache,
) -> Dialogue:
    """Let the LLM read every speaker's prompt; dialect prompts are spoken first, each alone.

    prefixes: where the LLM's state after the prompts is kept between runs; None: nowhere.
    cache:    of the dialogue, empty.
    """
    llm = models.llm
    plans = [_prompt_plan(models, number, one) for number, one in enumerate(prompts)]
    request = _prefix_request(plans, options)
    if prefixes and (kept := prefixes.read(request, cache)):
        return Dialogue(llm, kept, options.window, cache)
    entries = [_prompt_ids(models, plan, options) for plan in plans]
    dialogue = Dialogue(llm, entries, options.window, cache)
    dialogue.read_prompts()
    if prefixes:
        prefixes.write(request, entries, cache)
    return dialogue


@dataclass(frozen=True)
class _PromptPlan:
    """What the LLM reads of a speaker: the prompt, or behind what it speaks the dialect prompt."""

    speaker: int
    ids: list[int]
    dialect: str  # normalised; empty: no dialect prompt


def _prompt_plan(models: Models, speaker: int, prompt: SpeakerPrompt) -> _PromptPlan:
    template = models.template
    transcript = normalize_text(prompt.transcript)
    speech = prompt.features.speech_tokens.tolist()
    dialect = normalize_text(prompt.dialect_prompt)
    if not dialect:
        return _PromptPlan(speaker, template.prompt(speaker, transcript, speech), "")
    request = template.dialect_request(speaker, transcript, speech, dialect)
    return _PromptPlan(speaker, request, dialect)


def _prompt_ids(models: Models, plan: _PromptPlan, options: SynthesisOptions) -> list[int]:
    if not plan.dialect:
        return plan.ids
    llm = models.llm
    rng = stage_rng(options.seed, f"dialect {plan.speaker}", "llm")
    spoken = generate(llm, plan.ids, llm.new_cache(), options.sampling, rng)
    return models.template.dialect_entry(plan.speaker, plan.dialect, generated_ids(llm, spoken))


def _prefix_request(plans: Sequence[_PromptPlan], options: SynthesisOptions) -> object:
    """All that decides the ids of the prompts; draws only where a dialect prompt is spoken."""
    ids: list[object] = [[plan.ids, plan.dialect] for plan in plans]
    if any(plan.dialect for plan in plans):
        ids.append({"seed": options.seed, **asdict(options.sampling)})
    return ids
