import json

from golden_data import MODEL, models, trace_prompts

from podtts.bench.quality import measure_quality, quality_json
from podtts.device import place
from podtts.options import SamplingOptions, SynthesisOptions
from podtts.presets import PRESETS, Preset
from podtts.weights.encoders import checkpoint_encoders
from podtts.weights.load import Models, load_models

QUICK = SynthesisOptions(sampling=SamplingOptions(max_tokens=30, min_tokens=30))


def test_every_preset_is_compared_with_faithful() -> None:
    loaded: list[str] = []

    def load(preset: Preset) -> Models:
        loaded.append(preset.quantize)
        if preset.quantize == "none":
            return models()
        return load_models(MODEL, place("cpu", "float32", preset.quantize))

    encoders = checkpoint_encoders(MODEL)
    found = measure_quality(load, trace_prompts("plain"), encoders, QUICK, ("Hello.", "Yes."))
    assert [one.preset for one in found] == [name for name in PRESETS if name != "faithful"]
    assert loaded == ["none", "int4"]
    balanced, fast = found
    assert balanced.token_agreement == 1  # the same weights
    assert balanced.token_divergence == 0
    assert 0 < fast.token_agreement < 1
    assert fast.token_divergence > 0
    assert 0 < balanced.mel_distance < fast.mel_distance
    for one in found:
        assert one.embedding_cosine is not None
        assert 0.5 < one.embedding_cosine <= 1
    assert json.loads(quality_json(found))[0]["preset"] == "balanced"
