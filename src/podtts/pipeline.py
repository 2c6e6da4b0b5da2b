"""The story: a script and its speakers' prompts in, finished audio out, turn by turn.

    script ─ normalize ─ template ─ LLM ──── flow ── vocoder ── TurnAudio
               prompts ─────────────┴─────────┘

Every turn is yielded as soon as its audio exists; consumers write, report, caption.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from podtts.checks import is_finite, token_problems, wave_problems
from podtts.device import Stopwatch, memory_errors_named, place
from podtts.errors import InputError, ModelError, ScriptError
from podtts.flow.decode import noise_frames
from podtts.llm.dialogue import Dialogue, generated_ids
from podtts.llm.generate import NotFiniteError, generate
from podtts.llm.prefix import PrefixStore
from podtts.llm.tokenizer import is_token
from podtts.options import SynthesisOptions
from podtts.randomness import draws_name, stage_rng
from podtts.rates import MEL_HOP
from podtts.script.model import Script
from podtts.text.normalize import normalize_text
from podtts.text.tags import DIALECT_TAGS, PARALINGUISTIC_TAGS
from podtts.values import SpeakerPrompt, SpeechTokens, StageSeconds, Turn, TurnAudio
from podtts.weights.load import Models, load_models


@dataclass(frozen=True)
class _PromptPlan:
    """What the LLM reads of a speaker: the prompt, or behind what it speaks the dialect prompt."""

    speaker: int
    ids: list[int]
    dialect: str  # normalised; empty: no dialect prompt


class Synthesizer:
    """A loaded checkpoint that speaks scripts.

    prefixes: where the LLM's state after the prompts is kept between runs; None: nowhere.
    """

    def __init__(self, models: Models, prefixes: PrefixStore | None = None) -> None:
        self.models = models
        self.prefixes = prefixes

    @classmethod
    def from_checkpoint(
        cls, directory: Path | str, *, device: str = "auto", dtype: str = "auto"
    ) -> Synthesizer:
        """Load a checkpoint folder; `dtype` is the LLM's.

        Raises ModelError for a bad checkpoint, DeviceError for a device that is not there.
        """
        return cls(load_models(Path(directory), place(device, dtype)))

    def synthesize(
        self,
        script: Script,
        prompts: Sequence[SpeakerPrompt],
        options: SynthesisOptions | None = None,
        *,
        spoken: Mapping[int, SpeechTokens] | None = None,
        variations: Mapping[int, int] | None = None,
    ) -> Iterator[TurnAudio]:
        """Speak a script, yielding every turn as soon as its audio exists.

        prompts:    one per label of the script, in the script's order.
        spoken:     turns (by 0-based number) said in an earlier run: heard by the turns after them,
                    not spoken again and not yielded.
        variations: for turns that are to be drawn differently, which of the seed's draws to begin
                    with; 0 is the first.
        A turn that comes out wrong (see podtts.checks) is spoken again up to options.retries times;
        what is still wrong with the last try stands in TurnAudio.problems.
        The first turn's LLM seconds include reading the prompts.
        Raises InputError for prompts that do not fit script or checkpoint, before any work.
        """
        self._check(script, prompts)
        return self._speak(
            script, prompts, options or SynthesisOptions(), spoken or {}, variations or {}
        )

    def _speak(
        self,
        script: Script,
        prompts: Sequence[SpeakerPrompt],
        options: SynthesisOptions,
        spoken: Mapping[int, SpeechTokens],
        variations: Mapping[int, int],
    ) -> Iterator[TurnAudio]:
        turns = script.turns[: options.limit_turns]
        if all(index in spoken for index in range(len(turns))):
            return
        with Stopwatch(self.models.device) as opening, memory_errors_named("reading the prompts"):
            dialogue = self.open_dialogue(prompts, options)
        before = StageSeconds(llm=opening.seconds)
        for index, turn in enumerate(turns):
            text = self.models.template.turn(turn.speaker, normalize_text(turn.text))
            if index in spoken:
                dialogue.recall(text, spoken[index])
                continue
            with memory_errors_named(f"speaking turn {index + 1}"):
                dialogue.open(text)
                audio = self._speak_turn(
                    dialogue, index, turn, prompts[turn.speaker], options, variations.get(index, 0)
                )
                dialogue.close(audio.tokens)
            yield replace(audio, work=before + audio.work)
            before = StageSeconds()

    def _speak_turn(
        self,
        dialogue: Dialogue,
        index: int,
        turn: Turn,
        prompt: SpeakerPrompt,
        options: SynthesisOptions,
        variation: int,
    ) -> TurnAudio:
        """Speak the open turn until nothing is wrong with it or all tries are used up."""
        work = StageSeconds()
        for last in [False] * options.retries + [True]:
            audio = self._try_turn(dialogue, index, turn, prompt, options, variation)
            work += audio.work
            if last or not audio.problems:
                break
            variation += 1
        return replace(audio, work=work)

    def _try_turn(
        self,
        dialogue: Dialogue,
        index: int,
        turn: Turn,
        prompt: SpeakerPrompt,
        options: SynthesisOptions,
        variation: int,
    ) -> TurnAudio:
        models, device = self.models, self.models.device
        draws = draws_name(index, variation)
        tokens, wave = SpeechTokens((), ended=False), torch.zeros(0)
        llm, flow, vocoder = Stopwatch(device), Stopwatch(device), Stopwatch(device)
        problems: list[str] = []
        try:
            with llm:
                tokens = dialogue.attempt(options.sampling, stage_rng(options.seed, draws, "llm"))
            with flow:
                mel = self.mel(tokens, prompt, options, draws)
            if not is_finite(mel):
                raise NotFiniteError("the flow's mel")
            with vocoder:
                wave = self.wave(mel, options, draws).cpu()
            if not is_finite(wave):
                wave = torch.zeros(0)
                raise NotFiniteError("the vocoder's wave")
        except NotFiniteError as error:
            problems.append(f"{error}: NaN or infinite")
        else:
            # Length and sound are judged by a trained voice's measure.
            if options.check_length and not models.untrained:
                problems += token_problems(turn.text, tokens)
            if not models.untrained:
                problems += wave_problems(wave)
        work = StageSeconds(llm.seconds, flow.seconds, vocoder.seconds)
        return TurnAudio(index, turn, tokens, wave, work, variation, tuple(problems))

    def open_dialogue(
        self, prompts: Sequence[SpeakerPrompt], options: SynthesisOptions
    ) -> Dialogue:
        """Let the LLM read every speaker's prompt; dialect prompts are spoken first, each alone."""
        llm = self.models.llm
        plans = [self._prompt_plan(number, one) for number, one in enumerate(prompts)]
        cache = llm.new_cache()
        request = _prefix_request(plans, options)
        if self.prefixes and (kept := self.prefixes.read(request, cache)):
            return Dialogue(llm, kept, options.window, cache)
        entries = [self._prompt_ids(plan, options) for plan in plans]
        dialogue = Dialogue(llm, entries, options.window, cache)
        dialogue.read_prompts()
        if self.prefixes:
            self.prefixes.write(request, entries, cache)
        return dialogue

    def _prompt_plan(self, speaker: int, prompt: SpeakerPrompt) -> _PromptPlan:
        template = self.models.template
        transcript = normalize_text(prompt.transcript)
        speech = prompt.features.speech_tokens.tolist()
        dialect = normalize_text(prompt.dialect_prompt)
        if not dialect:
            return _PromptPlan(speaker, template.prompt(speaker, transcript, speech), "")
        request = template.dialect_request(speaker, transcript, speech, dialect)
        return _PromptPlan(speaker, request, dialect)

    def _prompt_ids(self, plan: _PromptPlan, options: SynthesisOptions) -> list[int]:
        if not plan.dialect:
            return plan.ids
        llm = self.models.llm
        rng = stage_rng(options.seed, f"dialect {plan.speaker}", "llm")
        spoken = generate(llm, plan.ids, llm.new_cache(), options.sampling, rng)
        return self.models.template.dialect_entry(
            plan.speaker, plan.dialect, generated_ids(llm, spoken)
        )

    def mel(
        self,
        tokens: SpeechTokens,
        prompt: SpeakerPrompt,
        options: SynthesisOptions,
        draws: int | str,
    ) -> torch.Tensor:
        """Mel of one turn, float32 [2*T, 80], with the noise of its number or `draws_name`."""
        frames = noise_frames(prompt.features, len(tokens.ids))
        noise = torch.randn(frames, 80, generator=stage_rng(options.seed, draws, "flow"))
        noise *= self.models.flow_noise
        ids = torch.tensor(tokens.ids, dtype=torch.int64)
        return self.models.flow.decode([ids], [prompt.features], [noise], options.flow)[0]

    def wave(self, mel: torch.Tensor, options: SynthesisOptions, draws: int | str) -> torch.Tensor:
        """Waveform of one turn, float32 [480*F], with the noise of its number or `draws_name`."""
        waves, samples = self.models.vocoder.config.waves, len(mel) * MEL_HOP
        rng = stage_rng(options.seed, draws, "vocoder")
        return self.models.vocoder.render([mel], [torch.randn(waves, samples, generator=rng)])[0]

    def _check(self, script: Script, prompts: Sequence[SpeakerPrompt]) -> None:
        if len(prompts) != len(script.labels):
            raise InputError(f"{len(script.labels)} speakers, but {len(prompts)} prompts")
        flow = self.models.flow.config
        for prompt in prompts:
            features = prompt.features
            if int(features.speech_tokens.max()) >= flow.vocabulary:
                raise ModelError(
                    f"the prompt of {prompt.name} holds speech token "
                    f"{int(features.speech_tokens.max())}, beyond this checkpoint's "
                    f"{flow.vocabulary}"
                )
            if len(features.speaker_embedding) != flow.speaker_embedding_size:
                raise ModelError(
                    f"the speaker embedding of {prompt.name} has "
                    f"{len(features.speaker_embedding)} numbers, but this checkpoint's flow takes "
                    f"{flow.speaker_embedding_size}"
                )
        texts = [(turn.line, turn.text) for turn in script.turns]
        texts += [(0, prompt.transcript + prompt.dialect_prompt) for prompt in prompts]
        unknown = [
            tag.token
            for tag in PARALINGUISTIC_TAGS + DIALECT_TAGS
            if not is_token(self.models.template.encode, tag.token)
        ]
        for line, text in texts if unknown else ():
            if found := [tag for tag in unknown if tag in text]:
                raise ScriptError(
                    script.source,
                    line,
                    f"this checkpoint does not know {found[0]} and would read it aloud",
                    "dialects need the checkpoint soulx-podcast-1.7b-dialect",
                )


def _prefix_request(plans: Sequence[_PromptPlan], options: SynthesisOptions) -> object:
    """All that decides the ids of the prompts; draws only where a dialect prompt is spoken."""
    ids: list[object] = [[plan.ids, plan.dialect] for plan in plans]
    if any(plan.dialect for plan in plans):
        ids.append({"seed": options.seed, **asdict(options.sampling)})
    return ids
