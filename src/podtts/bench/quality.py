"""`podtts bench --quality`: compares presets with `faithful` on the same tokens and noise."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, median

import torch
import torch.nn.functional as F
from torch import Tensor

from podtts.audio.io import Recording
from podtts.bench.judges import Judges, find_judges
from podtts.bench.speakers import recorded_speakers, speaker_prompts
from podtts.device.placement import Placement
from podtts.ears.comparison import units_of
from podtts.ears.edits import edits, total_rate
from podtts.engine.prefill import prefill_prompts
from podtts.engine.render import RenderJob, mels_of, waves_of
from podtts.engine.rng import stage_rng
from podtts.hub.bundled import bundled_cache, bundled_model
from podtts.llm.dialogue import generated_ids
from podtts.llm.qwen3 import Qwen3
from podtts.options import Quantization, SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.presets import PRESETS, Preset
from podtts.prompts.cache import PromptCache
from podtts.prompts.casting import gather_prompts
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.extract import prompt_inputs
from podtts.prompts.voices import VoiceStore
from podtts.rates import MIN_PROMPT_SECONDS, OUTPUT_HZ
from podtts.script.model import Script
from podtts.script.parse import parse_script
from podtts.text.normalize import normalize_text
from podtts.values import SpeakerPrompt, SpeechTokens, Turn, TurnAudio
from podtts.weights.load import Models, load_models
from podtts.weights.voices import checkpoint_encoders

TEXTS = (
    "The old harbor was quiet when the first boats came back with the morning tide.",
    "Nobody expected the small village to win the contest three years in a row.",
    "She opened the window and listened to the rain falling on the empty street.",
    "Our teacher always said that good questions are worth more than quick answers.",
    "A narrow path leads through the forest and ends at a wooden bridge.",
    "They sold the house in spring and moved to a farm near the mountains.",
    "If the weather stays dry, the workers will finish the new road by Friday.",
    "He found an old letter between the pages of a book about birds.",
    "The bridge was closed for a week after the river had left its bed.",
    "My brother plays the guitar in a band that nobody has ever heard of.",
    "We need two more chairs for the guests who are coming to dinner tonight.",
    "The first train leaves at six and takes about three hours to the coast.",
    "You should write down your plan before you begin to build the boat.",
    "A good story needs a strange place, a brave person and a difficult question.",
    "The doctor said that fresh air and long walks would help him sleep.",
    "Every summer the children collect shells and sell them to the tourists.",
)
_REFERENCE = "faithful"


@dataclass(frozen=True)
class Quality:
    """A preset compared with `faithful`, over `texts` turns.

    Agreement, divergence, mels and embeddings are of the tokens that faithful's LLM decoded. Words,
    naturalness and RTF are of turns that the preset synthesized by itself.
    """

    preset: str
    texts: int
    token_agreement: float  # share of steps with the same most likely token
    token_divergence: float  # of the next token's distribution from faithful's, in nats
    mel_distance: float  # mean absolute difference, natural log; median over the turns
    embedding_cosine: float | None  # of the waves' speaker embeddings; None: turns are too short
    word_accuracy: float | None  # 1 - word error rate; None: no recognizer
    words: int
    recognizer: str | None  # who heard them
    naturalness: float | None  # mean opinion score from 1 to 5, as Distill-MOS expects it
    rtf: float  # seconds of work of all stages per second of audio


def measure_checkpoint(
    checkpoint: Path,
    place: Callable[[Quantization], Placement],
    options: SynthesisOptions,
    recognizer: Path | None,
    warn: Callable[[str], None],
) -> list[Quality]:
    """Compare the presets with a checkpoint. place: the placement with a quantization.

    recognizer: folder of a Whisper model; None: pocketsphinx recognizes the words. Figures of
    judges that are not installed are left out, with a warning. Raises ModelError, UsageError for a
    recognizer that cannot be loaded.
    """
    judges = find_judges(TEXTS, recognizer, warn)
    encoders = checkpoint_encoders(checkpoint)
    prompts = prompts_of(checkpoint, encoders, warn)

    def load(preset: Preset) -> Models:
        return load_models(checkpoint, place(preset.quantize))

    return measure_quality(load, prompts, encoders, options, judges)


def measure_quality(
    load: Callable[[Preset], Models],
    prompts: Sequence[SpeakerPrompt],
    encoders: PromptEncoders,
    options: SynthesisOptions,
    judges: Judges,
    texts: Sequence[str] = TEXTS,
) -> list[Quality]:
    """Compare every preset with `faithful`.

    load: the models for a preset.
    """
    reference = _ReferenceTurns(load(PRESETS[_REFERENCE]), prompts, options, texts)
    expected = reference.rendered(reference.models, PRESETS[_REFERENCE])
    qualities = []
    for name, preset in PRESETS.items():
        models = reference.models if preset.quantize == "none" else load(preset)
        agreement, divergence = reference.agreement(models.llm)
        rendered = list(zip(reference.rendered(models, preset), expected, strict=True))
        distances = [float((mel - other).abs().mean()) for (mel, _), (other, _) in rendered]
        cosines = [
            float(F.cosine_similarity(_embedding(wave, encoders), _embedding(other, encoders), 0))
            for (_, wave), (_, other) in rendered
            if len(wave) > MIN_PROMPT_SECONDS * OUTPUT_HZ
        ]
        turns = reference.synthesized(models, replace(options, flow=preset.flow))
        words = [units_of(turn.turn.text) for turn in turns]
        accuracy = naturalness = None
        if judges.words is not None:
            recognized = [judges.words.words(turn.wave) for turn in turns]
            accuracy = 1 - total_rate(map(edits, words, recognized))
        if judges.naturalness is not None:
            naturalness = fmean(judges.naturalness.score(turn.wave) for turn in turns)
        qualities.append(
            Quality(
                preset=name,
                texts=len(texts),
                token_agreement=agreement,
                token_divergence=divergence,
                mel_distance=median(distances),
                embedding_cosine=median(cosines) if cosines else None,
                word_accuracy=accuracy,
                words=sum(map(len, words)),
                recognizer=judges.words.name if judges.words else None,
                naturalness=naturalness,
                rtf=sum(turn.work.total for turn in turns) / sum(turn.seconds for turn in turns),
            )
        )
    return qualities


def quality_json(qualities: Sequence[Quality]) -> str:
    """Return the figures as JSON."""
    return json.dumps([asdict(quality) for quality in qualities], indent=2) + "\n"


class _ReferenceTurns:
    """Turns that faithful's LLM decodes, each by itself after one prompt."""

    def __init__(
        self,
        models: Models,
        prompts: Sequence[SpeakerPrompt],
        options: SynthesisOptions,
        texts: Sequence[str],
    ) -> None:
        self.models, self.options, self.texts = models, options, texts
        self.prompts = [prompts[number % len(prompts)] for number in range(len(texts))]
        self.tokens: list[SpeechTokens] = []
        self.context: list[list[int]] = []  # ids before the speech tokens of each turn
        for number, (prompt, text) in enumerate(zip(self.prompts, texts, strict=True)):
            dialogue = prefill_prompts(models, None, [prompt], options, models.llm.new_cache())
            dialogue.open_turn(models.template.turn(0, normalize_text(text)))
            rng = stage_rng(options.seed, number, "llm")
            self.tokens.append(dialogue.attempt(options.sampling, rng))
            self.context.append(list(dialogue.window.ids))

    def agreement(self, llm: Qwen3) -> tuple[float, float]:
        """Return the share of equal most likely tokens and the mean divergence over all steps."""
        equal: list[float] = []
        divergence: list[float] = []
        for context, tokens in zip(self.context, self.tokens, strict=True):
            ids = context + generated_ids(self.models.llm, tokens)
            exact, approximate = (
                _next_log_probabilities(model, ids, len(context))
                for model in (self.models.llm, llm)
            )
            equal += (exact.argmax(dim=1) == approximate.argmax(dim=1)).float().tolist()
            divergence += (exact.exp() * (exact - approximate)).sum(dim=1).tolist()
        return fmean(equal), fmean(divergence)

    def synthesized(self, models: Models, options: SynthesisOptions) -> list[TurnAudio]:
        """Synthesize every text by itself with all stages."""
        synthesizer = Synthesizer(models)
        return [
            next(
                synthesizer.synthesize(
                    Script("quality", (prompt.name,), (Turn(0, text),)), [prompt], options
                )
            )
            for prompt, text in zip(self.prompts, self.texts, strict=True)
        ]

    def rendered(self, models: Models, preset: Preset) -> list[tuple[Tensor, Tensor]]:
        """Return mel [F, 80] and wave [S] of every turn, on the CPU, each with its own noise."""
        rendered = []
        for number, (prompt, tokens) in enumerate(zip(self.prompts, self.tokens, strict=True)):
            turn = RenderJob(tokens, prompt, preset.flow, self.options.seed, number)
            (mel,) = mels_of(models, [turn])
            (wave,) = waves_of(models, [turn], [mel])
            rendered.append((mel.cpu(), wave))
        return rendered


@torch.inference_mode()
def _next_log_probabilities(llm: Qwen3, ids: Sequence[int], start: int) -> Tensor:
    """Return log-probabilities of the legal ids at the positions from `start`, float32 [T, V]."""
    device = llm.embed_tokens.weight.device
    hidden = llm(torch.tensor([ids], device=device))[0, start - 1 : -1]
    return llm.logits(hidden).log_softmax(dim=-1).cpu()


def _embedding(wave: Tensor, encoders: PromptEncoders) -> Tensor:
    inputs = prompt_inputs(Recording("a turn", wave, OUTPUT_HZ))
    return encoders.speaker_embedding(inputs.fbank_16k)


def prompts_of(
    checkpoint: Path, encoders: PromptEncoders, warn: Callable[[str], None]
) -> list[SpeakerPrompt]:
    """Return all bundled voices for the bundled model, else synthetic voices."""
    with tempfile.TemporaryDirectory(prefix="podtts-bench-") as folder:
        cache = PromptCache(Path(folder), warn)
        if checkpoint != bundled_model():
            return speaker_prompts(recorded_speakers(encoders, cache).cached())
        names = [voice.name for voice in VoiceStore(bundled_cache()).list()]
        voices = VoiceStore(Path(folder))
        prompts = []
        for name in names:  # by itself: there may be more than a script has speakers
            script = parse_script(f"[{name}] Hello.")
            cast = gather_prompts(script, {}, encoders, cache, voices, bundled=bundled_cache())
            prompts.append(cast[0].prompt)
        return prompts
