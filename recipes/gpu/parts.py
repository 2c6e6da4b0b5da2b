"""The parts of the model that are profiled: each as some work that can be repeated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
import torch.nn.functional as F

from podtts.bench.workload import Workload
from podtts.flow.decode import Flow, noise_frames
from podtts.llm.decoder import Decoder
from podtts.llm.qwen3 import Qwen3
from podtts.llm.step_graphs import BLOCK_STEPS
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.rates import MEL_BINS, MEL_HOP
from podtts.values import SpeakerPrompt
from podtts.weights.load import Models
from recipes.gpu.profiles import Profile, profiled

_CONTEXT = 256
_RUNS = 12  # more than `profiled` asks for
_TURN_TOKENS = 90  # 3.6 s
_SDPA_CALLS = 56  # as many as there are layers with attention in an evaluation


def profiles(
    models: Models, prompts: list[SpeakerPrompt], options: FlowOptions
) -> Iterator[Profile]:
    """Profile every part, with the flow in these options and with float32."""
    yield decode_steps(models.llm)
    for precision in dict.fromkeys((options.precision, "float32")):
        in_precision = replace(options, precision=precision)
        for compiled in (True, False):
            yield evaluation(models.flow, in_precision, compiled=compiled)
        yield flow_of_a_turn(models, prompts[0], in_precision)
        yield vocoder_of_a_turn(models, in_precision)
    yield encoder_of_a_turn(models.flow, prompts[0], options)


def decode_steps(llm: Qwen3) -> Profile:
    """A block of decode steps of one row; elsewhere than on CUDA a block is one step."""
    caches = llm.new_caches(1)
    decoder, cache = Decoder(llm, caches), caches.rows[0]
    steps = BLOCK_STEPS if decoder.uses_graphs else 1
    ids = llm.legal_rows()
    context = ids[torch.arange(_CONTEXT) % llm.end_index].tolist()
    sampling = SamplingOptions(max_tokens=steps * _RUNS, min_tokens=steps * _RUNS)
    decoder.start(cache, context, sampling, torch.Generator().manual_seed(0))

    def block() -> None:
        decoder.step()

    return profiled("decode step", block, llm.embed_tokens.weight.device, steps)


def evaluation(flow: Flow, options: FlowOptions, *, compiled: bool) -> Profile:
    """One guided evaluation of the flow's velocity, for a prompt of 6 s and a turn of 3.6 s."""
    before, flow.compiled = flow.compiled, compiled
    try:
        frames, device = 2 * (150 + _TURN_TOKENS), flow.device
        recorded = flow._recorded_in(options.precision)
        size = frames if recorded is None else recorded.size(1, frames)
        valid = None if size == frames else torch.arange(size, device=device)[None] < frames
        field = recorded or flow._field(options.precision, valid is not None)
        with torch.inference_mode():
            conditions = F.pad(torch.randn(1, 240, frames, device=device), (0, size - frames))
            x = F.pad(torch.randn(1, MEL_BINS, frames, device=device), (0, size - frames))
            velocity = flow.velocity(field, conditions, valid, 0, options)

        def evaluate() -> None:
            with torch.inference_mode():
                velocity(x, torch.tensor(0.5))

        kind = "recorded" if recorded else "not recorded"
        name = f"evaluation, {options.precision}, {frames} frames in {size}, {kind}"
        return profiled(name, evaluate, device)
    finally:
        flow.compiled = before


def flow_of_a_turn(models: Models, prompt: SpeakerPrompt, options: FlowOptions) -> Profile:
    """All of the flow for a turn of 3.6 s."""
    ids = torch.arange(_TURN_TOKENS) % models.flow.config.vocabulary
    noise = torch.randn(noise_frames(prompt.features, _TURN_TOKENS), MEL_BINS)

    def decode() -> None:
        models.flow.decode([ids], [prompt.features], [noise], options)

    name = f"flow of a turn, {options.precision}, {options.steps} {options.solver} steps"
    return profiled(name, decode, models.device)


def encoder_of_a_turn(flow: Flow, prompt: SpeakerPrompt, options: FlowOptions) -> Profile:
    """The flow's encoder for the same turn."""
    count = len(prompt.features.speech_tokens) + _TURN_TOKENS
    ids = (torch.arange(count) % flow.config.vocabulary)[None].to(flow.device)

    def encode() -> None:
        flow.encode(ids, torch.tensor([count]), options)

    return profiled(f"encoder of a turn, {options.precision}", encode, flow.device)


def vocoder_of_a_turn(models: Models, options: FlowOptions) -> Profile:
    """All of the vocoder for the same turn."""
    frames, rng = 2 * _TURN_TOKENS, torch.Generator().manual_seed(0)
    mel = torch.randn(frames, MEL_BINS, generator=rng).to(models.device)
    noise = torch.randn(models.vocoder.config.waves, frames * MEL_HOP, generator=rng)

    def render() -> None:
        models.vocoder.render([mel], [noise], options.precision)

    return profiled(f"vocoder of a turn, {options.precision}", render, models.device)


def attentions(device: torch.device) -> Iterator[Profile]:
    """The estimator's attention in bfloat16: with a mask, without one, and with rows end to end."""
    from torch.nn.attention.varlen import varlen_attn

    rows, heads, size, head_size, frames = 2, 8, 512, 64, 480
    shape = rows, heads, size, head_size
    q, k, v = (torch.randn(shape, device=device, dtype=torch.bfloat16) for _ in range(3))
    added = torch.zeros(rows, 1, 1, size, device=device, dtype=torch.bfloat16)
    added[..., frames:] = -torch.inf
    ends = [end for row in range(rows) for end in (row * size, row * size + frames)]
    bounds = torch.tensor([*ends, rows * size], device=device, dtype=torch.int32)
    flat = [each.transpose(1, 2).reshape(rows * size, heads, head_size) for each in (q, k, v)]

    def masked() -> None:
        for _ in range(_SDPA_CALLS):
            F.scaled_dot_product_attention(q, k, v, attn_mask=added)

    def unmasked() -> None:
        for _ in range(_SDPA_CALLS):
            F.scaled_dot_product_attention(q, k, v)

    def end_to_end() -> None:
        for _ in range(_SDPA_CALLS):
            varlen_attn(flat[0], flat[1], flat[2], bounds, bounds, size, size)

    for work in (masked, unmasked, end_to_end):
        yield profiled(f"attention, {work.__name__}", work, device, _SDPA_CALLS)


def workload_profile(
    models: Models, workload: Workload, prompts: list[SpeakerPrompt], options: SynthesisOptions
) -> Profile:
    """A whole workload of prescribed length, with the LLM beside flow and vocoder."""
    synthesizer, prescribed = Synthesizer(models), workload.prescribed(options)

    def synthesize() -> None:
        list(synthesizer.synthesize(workload.script, prompts, prescribed))

    return profiled(f"workload {workload.name}", synthesize, models.device)
