"""What a preset costs: how near it stays to `faithful` on the same tokens, noise and prompts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean, median

import torch
import torch.nn.functional as F
from torch import Tensor

from podtts.audio.io import Recording
from podtts.bench.edits import edits, total_rate, words_of
from podtts.bench.recognizer import WordRecognizer
from podtts.engine.prefill import prefill_prompts
from podtts.engine.render import RenderJob, mels_of, waves_of
from podtts.engine.rng import stage_rng
from podtts.llm.decoder import generate
from podtts.llm.dialogue import generated_ids
from podtts.llm.qwen3 import Qwen3
from podtts.options import SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.presets import PRESETS, Preset
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.extract import prompt_inputs
from podtts.rates import MIN_PROMPT_SECONDS, OUTPUT_HZ
from podtts.script.model import Script
from podtts.text.normalize import normalize_text
from podtts.values import SpeakerPrompt, SpeechTokens, Turn, TurnAudio
from podtts.weights.load import Models

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
_EXACT = "faithful"


@dataclass(frozen=True)
class Quality:
    """A preset beside `faithful`, over `texts` turns.

    Agreement, divergence, mels and voices are of the tokens that faithful's LLM wrote; words and
    RTF are of turns the preset speaks by itself.
    """

    preset: str
    texts: int
    token_agreement: float  # of the likeliest next token, given the tokens faithful has written
    token_divergence: float  # nats, of the distribution of the next token from faithful's
    mel_distance: float  # mean absolute difference, natural log, median of the turns
    embedding_cosine: float | None  # of the waves' speaker embeddings; None: no turn is long enough
    word_accuracy: float | None  # of a recognizer that knows the texts' words; None: it is not here
    words: int
    rtf: float  # seconds of work of all stages per second of audio


def measure_quality(
    load: Callable[[Preset], Models],
    prompts: Sequence[SpeakerPrompt],
    encoders: PromptEncoders,
    options: SynthesisOptions,
    ear: WordRecognizer | None,
    texts: Sequence[str] = TEXTS,
) -> list[Quality]:
    """Compare every preset with `faithful` on turns that faithful's LLM writes, and let it speak.

    load: models for a preset. ear: hears the texts' words; None: nobody does.
    """
    exact = _Spoken(load(PRESETS[_EXACT]), prompts, options, texts)
    reference = exact.rendered(exact.models, PRESETS[_EXACT])
    found = []
    for name, preset in PRESETS.items():
        models = exact.models if preset.quantize == "none" else load(preset)
        agreement, divergence = exact.agreement(models.llm)
        rendered = exact.rendered(models, preset)
        distances = [
            float((ours - theirs).abs().mean())
            for (ours, _), (theirs, _) in zip(rendered, reference, strict=True)
        ]
        cosines = [
            float(F.cosine_similarity(_embedding(ours, encoders), _embedding(theirs, encoders), 0))
            for (_, ours), (_, theirs) in zip(rendered, reference, strict=True)
            if len(ours) > MIN_PROMPT_SECONDS * OUTPUT_HZ
        ]
        turns = exact.spoken(models, replace(options, flow=preset.flow))
        wanted = [words_of(turn.turn.text) for turn in turns]
        heard = None if ear is None else [ear.words(turn.wave) for turn in turns]
        found.append(
            Quality(
                preset=name,
                texts=len(texts),
                token_agreement=agreement,
                token_divergence=divergence,
                mel_distance=median(distances),
                embedding_cosine=median(cosines) if cosines else None,
                word_accuracy=None if heard is None else 1 - total_rate(map(edits, wanted, heard)),
                words=sum(map(len, wanted)),
                rtf=sum(turn.work.total for turn in turns) / sum(turn.seconds for turn in turns),
            )
        )
    return found


def quality_json(qualities: Sequence[Quality]) -> str:
    """The figures as JSON."""
    return json.dumps([asdict(one) for one in qualities], indent=2) + "\n"


class _Spoken:
    """Turns that the exact LLM has written, each alone behind one prompt."""

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
        self.context: list[list[int]] = []  # ids in front of each turn's speech
        for number, (prompt, text) in enumerate(zip(self.prompts, texts, strict=True)):
            dialogue = prefill_prompts(models, None, [prompt], options, models.llm.new_cache())
            dialogue.open_turn(models.template.turn(0, normalize_text(text)))
            rng = stage_rng(options.seed, number, "llm")
            dialogue.prepare_attempt()
            ids = list(dialogue.window.ids)
            tokens = generate(models.llm, ids, dialogue.cache, options.sampling, rng)
            self.tokens.append(tokens)
            self.context.append(ids)

    def agreement(self, llm: Qwen3) -> tuple[float, float]:
        """Share of equal likeliest tokens, and mean divergence, over all steps of all turns."""
        same: list[float] = []
        divergence: list[float] = []
        for context, tokens in zip(self.context, self.tokens, strict=True):
            ids = context + generated_ids(self.models.llm, tokens)
            exact, ours = (
                _next_log_probabilities(model, ids, len(context))
                for model in (self.models.llm, llm)
            )
            same += (exact.argmax(dim=1) == ours.argmax(dim=1)).float().tolist()
            divergence += (exact.exp() * (exact - ours)).sum(dim=1).tolist()
        return fmean(same), fmean(divergence)

    def spoken(self, models: Models, options: SynthesisOptions) -> list[TurnAudio]:
        """Every text by itself through the whole chain."""
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
        """Mel [F, 80] and wave [S] of every turn, on the CPU, with the noise of its number."""
        made = []
        for number, (prompt, tokens) in enumerate(zip(self.prompts, self.tokens, strict=True)):
            turn = RenderJob(tokens, prompt, preset.flow, self.options.seed, number)
            (mel,) = mels_of(models, [turn])
            (wave,) = waves_of(models, [turn], [mel])
            made.append((mel.cpu(), wave))
        return made


@torch.inference_mode()
def _next_log_probabilities(llm: Qwen3, ids: Sequence[int], start: int) -> Tensor:
    """Log-probabilities of the legal ids at every place from `start`, float32 [T, V]."""
    device = llm.embed_tokens.weight.device
    hidden = llm(torch.tensor([ids], device=device))[0, start - 1 : -1]
    return llm.logits(hidden).log_softmax(dim=-1).cpu()


def _embedding(wave: Tensor, encoders: PromptEncoders) -> Tensor:
    heard = prompt_inputs(Recording("a turn", wave, OUTPUT_HZ))
    return encoders.speaker_embedding(heard.fbank_16k)
