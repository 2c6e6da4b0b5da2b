from pathlib import Path

import pytest
import torch
from support.golden_data import MODEL, models

from podtts.audio.io import decode_audio
from podtts.bench.cast import (
    TRANSCRIPTS,
    random_cast,
    recorded_cast,
    speaker_prompts,
    synthetic_recording,
)
from podtts.errors import InputError
from podtts.prompts.cache import PromptCache
from podtts.values import PromptFeatures
from podtts.weights.files import checkpoint_encoders


@pytest.fixture
def cache(tmp_path: Path) -> PromptCache:
    return PromptCache(tmp_path, pytest.fail)


def equal(one: PromptFeatures, other: PromptFeatures) -> bool:
    return (
        torch.equal(one.speech_tokens, other.speech_tokens)
        and torch.equal(one.mel, other.mel)
        and torch.equal(one.speaker_embedding, other.speaker_embedding)
    )


def test_recordings_are_six_seconds_that_move_and_do_not_clip() -> None:
    raw = synthetic_recording(115.0)
    assert raw == synthetic_recording(115.0)
    recording = decode_audio(raw, "synthetic")
    assert recording.seconds == 6
    assert 0.1 < recording.wave.abs().max() < 1
    loudness = recording.wave.view(-1, 1200).square().mean(1).sqrt()  # 50 ms each
    assert loudness.max() > 5 * loudness.min()  # syllables


def test_a_recorded_cast_is_heard_and_kept(cache: PromptCache) -> None:
    cast = recorded_cast(checkpoint_encoders(MODEL), cache)
    assert cast.extract is not None
    heard, kept = cast.extract(), cast.cached()
    assert len(heard) == len(kept) == 2
    assert all(map(equal, heard, kept))
    assert not equal(heard[0], heard[1])
    assert [features.seconds for features in kept] == pytest.approx([6, 6], abs=0.1)


def test_a_random_cast_fits_the_flow_and_has_nothing_to_hear(cache: PromptCache) -> None:
    config = models().flow.config
    cast = random_cast(config, cache)
    assert cast.extract is None
    one, other = cast.cached()
    assert not equal(one, other)
    assert len(one.speech_tokens) == len(other.speech_tokens) == 150
    assert int(one.speech_tokens.max()) < config.vocabulary


def test_prompts_that_vanish_are_an_error(cache: PromptCache) -> None:
    cast = random_cast(models().flow.config, cache)
    for entry in cache.entries():
        entry.path.unlink()
    with pytest.raises(InputError, match="not there any more"):
        cast.cached()


def test_every_speaker_has_a_transcript(cache: PromptCache) -> None:
    prompts = speaker_prompts(random_cast(models().flow.config, cache).cached())
    assert tuple(prompt.transcript for prompt in prompts) == TRANSCRIPTS
