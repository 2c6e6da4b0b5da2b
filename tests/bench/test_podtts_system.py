from pathlib import Path

import pytest
from support.golden_data import MODEL, models

from podtts.bench.podtts_system import PodttsSystem
from podtts.bench.speakers import random_speakers, recorded_speakers
from podtts.bench.workload import find_workloads
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions
from podtts.prompts.cache import PromptCache
from podtts.weights.voices import checkpoint_encoders

QUICK = SynthesisOptions(sampling=SamplingOptions(max_tokens=20), flow=FlowOptions(steps=1))
SHORT, DIALOGUE = find_workloads(["short", "dialogue"])


def test_prescribed_turns_have_the_length_of_their_text(tmp_path: Path) -> None:
    speakers = random_speakers(models().flow.config, PromptCache(tmp_path, pytest.fail))
    measurement = PodttsSystem(models(), speakers, QUICK, prescribed=True).synthesize(SHORT)
    assert measurement.tokens == 62
    assert measurement.audio_seconds == pytest.approx(62 / 25)
    assert measurement.prompt_cold_seconds is None
    assert measurement.prompt_cached_seconds is not None


def test_figures_of_turns_that_the_model_ends_add_up(tmp_path: Path) -> None:
    speakers = recorded_speakers(checkpoint_encoders(MODEL), PromptCache(tmp_path, pytest.fail))
    measurement = PodttsSystem(models(), speakers, QUICK, prescribed=False).synthesize(DIALOGUE)
    assert 80 <= measurement.tokens <= 200  # ten turns of 8 to 20
    assert measurement.audio_seconds == pytest.approx(measurement.tokens / 25)
    assert measurement.prompt_cold_seconds
    assert measurement.stages.llm > 0
    assert measurement.stages.flow > 0
    assert measurement.stages.vocoder > 0
    assert measurement.peak_memory_bytes > 10_000_000
