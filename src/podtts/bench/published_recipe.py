"""The published recipe as the other system of a comparison.

It uses transformers' own Qwen3 and `generate` in bfloat16 with the full output head, encodes and
prefills the prompts in every run, takes 15 Euler steps with guidance in float32, and synthesizes
one turn after the other.
Source: Soul-AILab/SoulX-Podcast soulxpodcast/engine/llm_engine.py, models/soulxpodcast.py and
models/modules/sampler.py, Apache-2.0. Flow and vocoder are podtts' own networks; docs/bench.md
lists the other differences.
"""

from __future__ import annotations

import copy
import time
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache, LogitsProcessor, LogitsProcessorList, Qwen3ForCausalLM
from transformers import Qwen3Config as TransformersConfig
from transformers.generation.logits_process import (
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)
from transformers.models.qwen3.modeling_qwen3 import Qwen3RotaryEmbedding

from podtts.bench.measure import Measurement
from podtts.bench.speakers import Speakers, speaker_prompts
from podtts.bench.workload import Workload
from podtts.device.float32 import default_float32
from podtts.device.memory import peak_memory_bytes, reset_peak_memory
from podtts.device.stopwatch import Stopwatch
from podtts.engine.render import RenderJob, mels_of, waves_of
from podtts.engine.rng import attempt_name
from podtts.errors import ModelError
from podtts.llm.context import ContextWindow
from podtts.llm.qwen3 import Qwen3
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions
from podtts.text.normalize import normalize_text
from podtts.values import PromptFeatures, SpeechTokens, StageSeconds
from podtts.weights.load import Models
from podtts.weights.names import llm_name

LLM_DTYPE = torch.bfloat16


class PublishedRecipe:
    """Synthesizes workloads as the published code does.

    prescribed: turns get the length that their text prescribes; otherwise the model ends them.
    """

    name = "published"

    def __init__(
        self, models: Models, speakers: Speakers, options: SynthesisOptions, prescribed: bool
    ) -> None:
        flow, vocoder = copy.copy(models.flow), copy.copy(models.vocoder)
        flow.compiled = vocoder.compiled = False
        self.models = replace(models, flow=flow, vocoder=vocoder)
        self.speakers, self.prescribed = speakers, prescribed
        self.options = replace(options, sampling=SamplingOptions(), flow=FlowOptions())
        self.llm: Any = published_llm(models.llm)  # the type stubs of transformers lack its methods

    @torch.inference_mode()
    @default_float32()
    def synthesize(self, workload: Workload) -> Measurement:
        models, device = self.models, self.models.device
        options = workload.prescribed(self.options) if self.prescribed else self.options
        reset_peak_memory(device)
        features, cold = self._features()
        prompts = speaker_prompts(features)
        torch.manual_seed(options.seed)  # transformers samples with the global generator
        entries = [
            models.template.prompt(
                number, normalize_text(prompt.transcript), prompt.features.speech_tokens.tolist()
            )
            for number, prompt in enumerate(prompts)
        ]
        window, cache = ContextWindow(entries, options.window), DynamicCache()
        audio_seconds, count, stages = 0.0, 0, StageSeconds()
        start = time.perf_counter()
        for index, turn in enumerate(workload.script.turns):
            ids = models.template.turn(turn.speaker, normalize_text(turn.text))
            with Stopwatch(device) as llm:
                if window.open_turn(ids):
                    cache = DynamicCache()
                generated = self.generate(window.ids, cache, options.sampling)
                window.close_turn(generated)
            tokens = self._speech_tokens(generated)
            draws = attempt_name(index, 0)
            render = RenderJob(tokens, prompts[turn.speaker], options.flow, options.seed, draws)
            with Stopwatch(device) as flow:
                mels = mels_of(models, [render])
            with Stopwatch(device) as vocoder:
                waves_of(models, [render], mels)
            audio_seconds += tokens.seconds
            count += len(tokens.ids)
            stages += StageSeconds(llm.seconds, flow.seconds, vocoder.seconds)
        wall = time.perf_counter() - start  # the last stopwatch has waited for the device
        return Measurement(
            audio_seconds=audio_seconds,
            tokens=count,
            prompt_cold_seconds=cold,
            prompt_cached_seconds=None,
            stages=stages,
            wall_seconds=wall,
            peak_memory_bytes=peak_memory_bytes(device),
        )

    def _features(self) -> tuple[list[PromptFeatures], float | None]:
        """Return the speakers' features, and the seconds to compute them from recordings."""
        if self.speakers.extract is None:
            return self.speakers.cached(), None
        with Stopwatch(self.models.device) as cold:
            features = self.speakers.extract()
        return features, cold.seconds

    def generate(
        self, context: list[int], cache: DynamicCache, options: SamplingOptions
    ) -> list[int]:
        """Decode after a context until the end token. The cache holds a part of the context."""
        ids = torch.tensor([context], device=self.llm.device)
        end = self.models.llm.config.end_token
        sampler = RepetitionAware(options, prompt_length=len(context))
        sequences: Tensor = self.llm.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            past_key_values=cache,
            do_sample=True,
            # Switched off: `sampler` applies them itself, because it needs their result.
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            logits_processor=LogitsProcessorList([sampler]),
            min_new_tokens=options.min_tokens,
            max_new_tokens=options.max_tokens,
            eos_token_id=end,
            pad_token_id=end,
        )
        new: list[int] = sequences[0, len(context) :].tolist()
        return new

    def _speech_tokens(self, generated: list[int]) -> SpeechTokens:
        """Return the speech tokens of generated ids.

        Nothing here forbids ids that are no speech tokens, and random weights also sample these.
        Each counts as some speech token, so that flow and vocoder have the same work.
        """
        config = self.models.llm.config
        ended = generated[-1] == config.end_token
        speech = generated[:-1] if ended else generated
        ids = ((id_ - config.speech_token_offset) % config.speech_vocabulary for id_ in speech)
        return SpeechTokens(tuple(ids), ended)


class RepetitionAware(LogitsProcessor):  # type: ignore[misc, no-untyped-call, unused-ignore]
    """All processing of logits [B, V] in the published code, as one processor of `generate`.

    First repetition penalty on this turn, temperature, top-k and top-p. Then the repetition-aware
    step: if a candidate is among the last ids too often, `generate` samples from the raw logits.
    """

    def __init__(self, options: SamplingOptions, prompt_length: int) -> None:
        self.options = options
        self.processors: Any = LogitsProcessorList(
            [
                RepetitionPenaltyLogitsProcessor(
                    options.repetition_penalty, prompt_ignore_length=prompt_length
                ),
                TemperatureLogitsWarper(options.temperature),
                TopKLogitsWarper(options.top_k),
                TopPLogitsWarper(options.top_p),
            ]
        )

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        processed: Tensor = self.processors(input_ids, scores)
        candidate = torch.multinomial(processed.softmax(dim=-1), num_samples=1)
        repeats = int((input_ids[:, -self.options.repeat_window :] == candidate).sum())
        return scores if repeats >= self.options.repeat_limit else processed


def published_llm(ours: Qwen3) -> nn.Module:
    """Return transformers' model with our weights, which are copied unless they are bfloat16.

    Raises ModelError when the head is not tied to the embedding: of such a head only the rows of
    legal ids are loaded.
    """
    config = ours.config
    if not config.tied_head:
        raise ModelError(
            "the published recipe needs a checkpoint whose output head is its embedding",
            "leave out --against",
        )
    sizes: dict[str, Any] = {
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_size,
        "rms_norm_eps": config.rms_norm_eps,
        "rope_theta": config.rope_theta,
        "max_position_embeddings": 40_960,
        "tie_word_embeddings": True,
        "attn_implementation": "sdpa",
    }
    settings = TransformersConfig(**sizes)
    weights = {
        llm_name(name): parameter.to(LLM_DTYPE)
        for name, parameter in ours.state_dict().items()
        if name != "head.weight"
    }
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    with torch.device("meta"):
        model: Any = Qwen3ForCausalLM(settings)
    model.load_state_dict(weights, strict=True, assign=True)
    # The frequencies are no parameter, so they are still on the meta device.
    model.model.rotary_emb = Qwen3RotaryEmbedding(settings).to(ours.embed_tokens.weight.device)
    frozen: nn.Module = model.requires_grad_(False).eval()
    return frozen
