from pathlib import Path

import pytest
import torch
from support.golden_data import MODEL, models

from podtts.audio.io import decode_audio
from podtts.bench.speakers import (
    TRANSCRIPTS,
    random_speakers,
    recorded_speakers,
    speaker_prompts,
    synthetic_recording,
)
from podtts.errors import InputError
from podtts.prompts.cache import PromptCache
from podtts.values import PromptFeatures
from podtts.weights.voices import checkpoint_encoders


@pytest.fixture
def cache(tmp_path: Path) -> PromptCache:
    return PromptCache(tmp_path, pytest.fail)


def equal(left: PromptFeatures, right: PromptFeatures) -> bool:
    return (
        torch.equal(left.speech_tokens, right.speech_tokens)
        and torch.equal(left.mel, right.mel)
        and torch.equal(left.speaker_embedding, right.speaker_embedding)
    )


def test_recordings_have_six_seconds_with_syllables_and_do_not_clip() -> None:
    raw = synthetic_recording(115.0)
    assert raw == synthetic_recording(115.0)
    recording = decode_audio(raw, "synthetic")
    assert recording.seconds == 6
    assert 0.1 < recording.wave.abs().max() < 1
    loudness = recording.wave.view(-1, 1200).square().mean(1).sqrt()  # 50 ms each
    assert loudness.max() > 5 * loudness.min()  # syllables


def test_recorded_speakers_are_encoded_and_cached(cache: PromptCache) -> None:
    speakers = recorded_speakers(checkpoint_encoders(MODEL), cache)
    assert speakers.extract is not None
    extracted, cached = speakers.extract(), speakers.cached()
    assert len(extracted) == len(cached) == 2
    assert all(map(equal, extracted, cached))
    assert not equal(extracted[0], extracted[1])
    assert [features.seconds for features in cached] == pytest.approx([6, 6], abs=0.1)


def test_random_speakers_fit_the_flow_and_have_no_recordings(cache: PromptCache) -> None:
    config = models().flow.config
    speakers = random_speakers(config, cache)
    assert speakers.extract is None
    first, second = speakers.cached()
    assert not equal(first, second)
    assert len(first.speech_tokens) == len(second.speech_tokens) == 150
    assert int(first.speech_tokens.max()) < config.vocabulary


def test_prompts_that_were_removed_are_an_error(cache: PromptCache) -> None:
    speakers = random_speakers(models().flow.config, cache)
    for entry in cache.entries():
        entry.path.unlink()
    with pytest.raises(InputError, match="were removed from"):
        speakers.cached()


def test_every_speaker_has_a_transcript(cache: PromptCache) -> None:
    prompts = speaker_prompts(random_speakers(models().flow.config, cache).cached())
    assert tuple(prompt.transcript for prompt in prompts) == TRANSCRIPTS
