from pathlib import Path

import pytest
from support.golden_data import MODEL, models

from podtts.bench.cast import random_cast, recorded_cast
from podtts.bench.chain import PodttsChain
from podtts.bench.workload import find_workloads
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions
from podtts.prompts.cache import PromptCache
from podtts.weights.files import checkpoint_encoders

QUICK = SynthesisOptions(sampling=SamplingOptions(max_tokens=20), flow=FlowOptions(steps=1))
SHORT, DIALOGUE = find_workloads(["short", "dialogue"])


def test_prescribed_turns_are_as_long_as_their_text(tmp_path: Path) -> None:
    cast = random_cast(models().flow.config, PromptCache(tmp_path, pytest.fail))
    sample = PodttsChain(models(), cast, QUICK, prescribed=True).speak(SHORT)
    assert sample.tokens == 62
    assert sample.audio_seconds == pytest.approx(62 / 25)
    assert sample.prompt_cold_seconds is None
    assert sample.prompt_cached_seconds is not None


def test_a_models_own_turns_add_up(tmp_path: Path) -> None:
    cast = recorded_cast(checkpoint_encoders(MODEL), PromptCache(tmp_path, pytest.fail))
    sample = PodttsChain(models(), cast, QUICK, prescribed=False).speak(DIALOGUE)
    assert 80 <= sample.tokens <= 200  # ten turns of 8 to 20
    assert sample.audio_seconds == pytest.approx(sample.tokens / 25)
    assert sample.prompt_cold_seconds
    assert sample.stages.llm > 0
    assert sample.stages.flow > 0
    assert sample.stages.vocoder > 0
    assert sample.peak_memory_bytes > 10_000_000
