from pathlib import Path

import pytest
from support.golden_data import MODEL

from podtts.bench.model_under_test import ModelUnderTest
from podtts.device.placement import place
from podtts.hub.bundled import bundled_model
from podtts.options import SamplingOptions
from podtts.prompts.cache import PromptCache


def test_a_model_has_a_name_and_a_name_without_its_path() -> None:
    checkpoint, random = ModelUnderTest(MODEL), ModelUnderTest(None, "soulx-podcast-1.7b")
    assert (checkpoint.name, checkpoint.short_name) == (str(MODEL), MODEL.name)
    assert (random.name, random.short_name) == ("soulx-podcast-1.7b", "soulx-podcast-1.7b")
    assert ModelUnderTest(bundled_model()).short_name == "mini"
    assert (checkpoint.is_random, random.is_random) == (False, True)
    assert random.sampling() == SamplingOptions()


def test_a_checkpoint_is_loaded_with_its_encoders(tmp_path: Path) -> None:
    model = ModelUnderTest(MODEL)
    models, loading = model.load(place("cpu", "float32"))
    assert loading.seconds > 0
    assert loading.peak_memory_bytes > 10_000_000
    speakers = model.speakers(models, PromptCache(tmp_path, pytest.fail))
    assert speakers.extract is not None
    assert len(speakers.cached()) == 2
