"""The story: a script and its speakers' prompts in, finished audio out, turn by turn.

    script ─ normalize ─ template ─ LLM ──── flow ── vocoder ── TurnAudio
               prompts ─────────────┴─────────┘

Every turn is yielded as soon as its audio exists; consumers write, report, caption.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from podtts.device import Stopwatch, memory_errors_named, place
from podtts.errors import InputError, ModelError, ScriptError
from podtts.flow.decode import noise_frames
from podtts.llm.dialogue import Dialogue, generated_ids
from podtts.llm.generate import generate
from podtts.llm.tokenizer import is_token
from podtts.options import SynthesisOptions
from podtts.randomness import stage_rng
from podtts.rates import MEL_HOP
from podtts.script.model import Script
from podtts.text.normalize import normalize_text
from podtts.text.tags import DIALECT_TAGS, PARALINGUISTIC_TAGS
from podtts.values import SpeakerPrompt, SpeechTokens, StageSeconds, TurnAudio
from podtts.weights.load import Models, load_models


class Synthesizer:
    """A loaded checkpoint that speaks scripts."""

    def __init__(self, models: Models) -> None:
        self.models = models

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
    ) -> Iterator[TurnAudio]:
        """Speak a script, yielding every turn as soon as its audio exists.

        prompts: one per label of the script, in the script's order.
        The first turn's LLM seconds include reading the prompts.
        Raises InputError for prompts that do not fit script or checkpoint, before any work.
        """
        self._check(script, prompts)
        return self._speak(script, prompts, options or SynthesisOptions())

    def _speak(
        self, script: Script, prompts: Sequence[SpeakerPrompt], options: SynthesisOptions
    ) -> Iterator[TurnAudio]:
        models, device = self.models, self.models.device
        with Stopwatch(device) as opening, memory_errors_named("reading the prompts"):
            dialogue = self.open_dialogue(prompts, options)
        already = opening.seconds
        for index, turn in enumerate(script.turns[: options.limit_turns]):
            with memory_errors_named(f"speaking turn {index + 1}"):
                ids = models.template.turn(turn.speaker, normalize_text(turn.text))
                with Stopwatch(device) as llm:
                    rng = stage_rng(options.seed, index, "llm")
                    tokens = dialogue.speak(ids, options.sampling, rng)
                with Stopwatch(device) as flow:
                    mel = self.mel(tokens, prompts[turn.speaker], options, index)
                with Stopwatch(device) as vocoder:
                    wave = self.wave(mel, options, index).cpu()
            work = StageSeconds(llm.seconds + already, flow.seconds, vocoder.seconds)
            already = 0.0
            yield TurnAudio(index, turn, tokens, wave, work)

    def open_dialogue(
        self, prompts: Sequence[SpeakerPrompt], options: SynthesisOptions
    ) -> Dialogue:
        """Let the LLM read every speaker's prompt; dialect prompts are spoken first, each alone."""
        entries = [self._prompt_ids(number, one, options) for number, one in enumerate(prompts)]
        return Dialogue(self.models.llm, entries, options.window)

    def _prompt_ids(
        self, speaker: int, prompt: SpeakerPrompt, options: SynthesisOptions
    ) -> list[int]:
        llm, template = self.models.llm, self.models.template
        transcript = normalize_text(prompt.transcript)
        speech = prompt.features.speech_tokens.tolist()
        if not prompt.dialect_prompt:
            return template.prompt(speaker, transcript, speech)
        dialect = normalize_text(prompt.dialect_prompt)
        request = template.dialect_request(speaker, transcript, speech, dialect)
        rng = stage_rng(options.seed, f"dialect {speaker}", "llm")
        spoken = generate(llm, request, llm.new_cache(), options.sampling, rng)
        return template.dialect_entry(speaker, dialect, generated_ids(llm, spoken))

    def mel(
        self, tokens: SpeechTokens, prompt: SpeakerPrompt, options: SynthesisOptions, index: int
    ) -> torch.Tensor:
        """Mel of one turn, float32 [2*T, 80], with the noise that belongs to its number."""
        frames = noise_frames(prompt.features, len(tokens.ids))
        noise = torch.randn(frames, 80, generator=stage_rng(options.seed, index, "flow"))
        ids = torch.tensor(tokens.ids, dtype=torch.int64)
        return self.models.flow.decode([ids], [prompt.features], [noise], options.flow)[0]

    def wave(self, mel: torch.Tensor, options: SynthesisOptions, index: int) -> torch.Tensor:
        """Waveform of one turn, float32 [480*F], with the noise that belongs to its number."""
        waves, samples = self.models.vocoder.config.waves, len(mel) * MEL_HOP
        rng = stage_rng(options.seed, index, "vocoder")
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
