import copy
from typing import Any

import pytest
import torch
from support.golden_data import models, relative_rms, tensors
from torch import Tensor

from podtts.errors import InputError
from podtts.flow.decode import Flow, noise_frames
from podtts.options import FlowOptions, Precision
from podtts.values import PromptFeatures


def without_compiled_code() -> Flow:
    """The golden flow as it runs where there is no compiled code."""
    flow = copy.copy(models().flow)
    flow.compiled = False
    return flow


FULL, CHUNKS = FlowOptions(), FlowOptions(chunk_causal=True)
UNGUIDED = FlowOptions(steps=3, guided_start=False)


def golden_row(name: str) -> tuple[Tensor, PromptFeatures, Tensor]:
    golden = tensors("flow")
    ids, count = golden[f"{name}.tokens"], int(golden[f"{name}.prompt_tokens"])
    prompt = PromptFeatures(
        ids[:count], golden[f"{name}.prompt_mel"], golden[f"{name}.speaker_embedding"]
    )
    return ids[count:], prompt, golden[f"{name}.noise"].T


@pytest.mark.parametrize("name", ["short", "long"])
@pytest.mark.parametrize(("options", "mel"), [(FULL, "mel"), (CHUNKS, "mel_chunk_causal")])
def test_mel_is_the_published_one(name: str, options: FlowOptions, mel: str) -> None:
    tokens, prompt, noise = golden_row(name)
    for flow in (models().flow, without_compiled_code()):
        ours = flow.decode_with_prompt([tokens], [prompt], [noise], options)[0]
        assert relative_rms(ours, tensors("flow")[f"{name}.{mel}"].T) < 1e-4


@pytest.mark.parametrize("name", ["short", "long"])
def test_encoder_output_is_the_published_one(name: str) -> None:
    ids = tensors("flow")[f"{name}.tokens"].long()
    mu = models().flow.encode(ids[None], torch.tensor([len(ids)]), FULL)[0]
    assert relative_rms(mu, tensors("flow")[f"{name}.encoder_mu"]) < 1e-4


def test_prompt_frames_are_removed() -> None:
    tokens, prompt, noise = golden_row("long")
    with_prompt = models().flow.decode_with_prompt([tokens], [prompt], [noise], FULL)[0]
    without = models().flow.decode([tokens], [prompt], [noise], FULL)[0]
    assert len(without) == 2 * len(tokens)
    assert torch.equal(without, with_prompt[len(prompt.mel) :])


@pytest.mark.parametrize("options", [FULL, CHUNKS, UNGUIDED, FlowOptions(guidance=0, steps=3)])
def test_padded_batch_equals_single_rows(options: FlowOptions) -> None:
    flow = models().flow
    rng = torch.Generator().manual_seed(5)
    prompts = [golden_row(name)[1] for name in ("short", "long", "short", "long")]
    tokens = [torch.randint(0, 6561, (count,), generator=rng) for count in (3, 41, 120, 60)]
    noise = [
        torch.randn(noise_frames(prompt, len(row)), 80, generator=rng)
        for prompt, row in zip(prompts, tokens, strict=True)
    ]
    together = flow.decode_padded(tokens, prompts, noise, options)
    for row in range(4):
        this = slice(row, row + 1)
        alone = flow.decode_padded(tokens[this], prompts[this], noise[this], options)[0]
        assert relative_rms(together[row], alone) < 1e-5


def test_rows_on_the_cpu_have_the_bits_of_single_rows() -> None:
    flow = models().flow
    rows = [golden_row("short"), golden_row("long")]
    together = flow.decode(
        [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows], FULL
    )
    for (tokens, prompt, noise), mel in zip(rows, together, strict=True):
        assert torch.equal(flow.decode([tokens], [prompt], [noise], FULL)[0], mel)


def test_more_steps_are_closer_to_the_solution() -> None:
    tokens, prompt, noise = golden_row("short")

    def mel(steps: int) -> Tensor:
        return models().flow.decode([tokens], [prompt], [noise], FlowOptions(steps=steps))[0]

    exact = mel(120)
    assert relative_rms(mel(30), exact) < relative_rms(mel(10), exact) < relative_rms(mel(3), exact)


def test_only_the_first_evaluation_can_be_unguided() -> None:
    tokens, prompt, noise = golden_row("short")

    def mel(**options: Any) -> Tensor:
        return models().flow.decode([tokens], [prompt], [noise], FlowOptions(**options))[0]

    # One step has its only evaluation at the start; two steps have one more after it.
    assert torch.equal(mel(steps=1, guided_start=False), mel(steps=1, guidance=0))
    unguided_start, guided = mel(steps=2, guided_start=False), mel(steps=2)
    assert relative_rms(unguided_start, guided) < relative_rms(mel(steps=2, guidance=0), guided)
    assert relative_rms(unguided_start, guided) > 0


@pytest.mark.usefixtures("native_bfloat16")
@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_lower_precision_is_near_float32_and_does_not_change_it(
    precision: Precision, compiled: bool
) -> None:
    tokens, prompt, noise = golden_row("long")
    flow = models().flow if compiled else without_compiled_code()
    names = set(flow.state_dict())

    def mel(options: FlowOptions) -> Tensor:
        return flow.decode([tokens], [prompt], [noise], options)[0]

    before = mel(FULL)
    lower = mel(FlowOptions(precision=precision))
    assert lower.dtype == torch.float32
    assert 0 < relative_rms(lower, before) < 0.02
    assert torch.equal(mel(FULL), before)
    assert set(flow.state_dict()) == names


def test_tokens_outside_the_vocabulary_are_refused() -> None:
    _, prompt, noise = golden_row("short")
    with pytest.raises(InputError, match="outside the flow's 0 to 6560"):
        models().flow.decode([torch.tensor([6561])], [prompt], [noise], FULL)
