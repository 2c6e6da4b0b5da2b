import json

from support.golden_data import MODEL, models, trace_prompts

from podtts.bench.judges import Judges
from podtts.bench.quality import measure_quality, prompts_of, quality_json
from podtts.bench.recognizer import WordRecognizer
from podtts.device.placement import place
from podtts.hub.bundled import bundled_model, bundled_recordings
from podtts.options import SamplingOptions, SynthesisOptions
from podtts.presets import PRESETS, Preset
from podtts.weights.load import Models, load_models
from podtts.weights.voices import checkpoint_encoders

QUICK = SynthesisOptions(sampling=SamplingOptions(max_tokens=30, min_tokens=30))


def test_every_preset_is_compared_with_faithful() -> None:
    loaded: list[str] = []

    def load(preset: Preset) -> Models:
        loaded.append(preset.quantize)
        if preset.quantize == "none":
            return models()
        return load_models(MODEL, place("cpu", "float32", preset.quantize))

    encoders = checkpoint_encoders(MODEL)
    texts = ("Hello.", "Yes.")
    judges = Judges(WordRecognizer.for_words_of(texts))
    prompts = trace_prompts("plain")
    qualities = measure_quality(load, prompts, encoders, QUICK, judges, texts)
    assert [quality.preset for quality in qualities] == list(PRESETS)
    assert loaded == ["none", "int8", "int4"]
    faithful, balanced, fast = qualities
    assert faithful.token_agreement == 1
    assert faithful.token_divergence == faithful.mel_distance == 0
    assert fast.token_agreement < balanced.token_agreement
    assert 0 < balanced.token_divergence < fast.token_divergence
    assert 0 < balanced.mel_distance < fast.mel_distance
    for quality in qualities:
        assert quality.words == 2
        assert quality.word_accuracy is not None  # whatever the noise of random weights gives
        assert quality.word_accuracy <= 1
        assert quality.recognizer == "pocketsphinx"
        assert quality.naturalness is None  # nobody rates it
        assert quality.rtf > 0
        assert quality.embedding_cosine is not None
        assert 0.5 < quality.embedding_cosine < 1 + 1e-6
    assert json.loads(quality_json(qualities))[1]["preset"] == "balanced"


def test_the_bundled_model_speaks_with_all_of_its_voices() -> None:
    """There are more of them than speakers in a script."""

    def warn(line: str) -> None:
        raise AssertionError(line)

    model = bundled_model()
    prompts = prompts_of(model, checkpoint_encoders(model), warn)
    assert {prompt.name for prompt in prompts} == {
        recording.stem for recording in bundled_recordings().glob("*.wav")
    }
