"""What only a machine with an accelerator can show: its results are the CPU's."""

import pytest
import torch
from golden_data import MODEL, models, relative_rms, tensors, trace_prompts

from podtts.device import available_devices, place
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.script.parse import parse_script
from podtts.values import PromptFeatures
from podtts.weights.load import Models, load_models

DEVICE = available_devices()[0]
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(DEVICE == "cpu", reason="no CUDA or MPS device on this machine"),
]


def accelerated() -> Models:
    return load_models(MODEL, place(DEVICE, "float32"))


def test_logits_are_the_cpus() -> None:
    ids = tensors("llm")["input_ids"]
    here, there = models().llm, accelerated().llm
    with torch.inference_mode():
        expected = here.logits(here(ids))
        got = there.logits(there(ids.to(there.head.weight.device)))
    assert relative_rms(got.cpu(), expected) < 1e-4


def test_padded_mels_are_the_cpus() -> None:
    golden = tensors("flow")
    rows = []
    for name in ("short", "long"):
        ids, count = golden[f"{name}.tokens"], int(golden[f"{name}.prompt_tokens"])
        prompt = PromptFeatures(
            ids[:count], golden[f"{name}.prompt_mel"], golden[f"{name}.speaker_embedding"]
        )
        rows.append((ids[count:], prompt, golden[f"{name}.noise"].T))
    got = accelerated().flow.decode_padded(
        [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows], FlowOptions()
    )
    for name, mel in zip(("short", "long"), got, strict=True):
        assert relative_rms(mel.cpu(), golden[f"{name}.mel"].T) < 1e-4


def test_waves_are_the_cpus() -> None:
    golden = tensors("hift")
    vocoder = accelerated().vocoder
    wave = vocoder.wave([golden["mel"].T], [golden["source"][0]])[0]
    assert relative_rms(wave.cpu(), golden["wave"]) < 1e-4
    f0 = [golden["f0"]]
    noise = [torch.zeros(9, 480 * len(f0[0]))]
    expected = models().vocoder.source(f0, noise)[0]
    assert relative_rms(vocoder.source(f0, noise)[0].cpu(), expected) < 1e-4


def test_a_dialogue_has_the_cpus_tokens() -> None:
    script = parse_script("\n".join(f"[S{number % 2}] line {number}" for number in range(14)))
    options = SynthesisOptions(
        sampling=SamplingOptions(greedy=True, max_tokens=20), flow=FlowOptions(steps=2)
    )
    prompts = trace_prompts("plain")
    expected = list(Synthesizer(models()).synthesize(script, prompts, options))
    got = list(Synthesizer(accelerated()).synthesize(script, prompts, options))
    assert [turn.tokens for turn in got] == [turn.tokens for turn in expected]


def test_the_same_seed_gives_the_same_samples_twice() -> None:
    script = parse_script("[A] Hello.\n[B] Hi.\n")
    synthesizer = Synthesizer(load_models(MODEL, place(DEVICE)))
    options = SynthesisOptions(sampling=SamplingOptions(max_tokens=20))
    runs = [
        [turn.wave for turn in synthesizer.synthesize(script, trace_prompts("plain"), options)]
        for _ in range(2)
    ]
    assert all(torch.equal(one, two) for one, two in zip(*runs, strict=True))
