"""Breath and laughter, which no teacher gives."""

import random

import numpy as np
import pytest
import torch
from recipes.mini.breath import breath, with_breath
from recipes.mini.f0 import pitch
from recipes.mini.phone_codes import BREATH, PHONE_CODES, PHONES, codes_of_phones
from recipes.mini.tags import SOUNDS, joined, sound_codes
from recipes.mini.teacher import Spoken

from podtts.rates import SAMPLES_PER_TOKEN
from podtts.text.tags import PARALINGUISTIC_TAGS, check_tags


def _phones(codes: np.ndarray) -> str:
    return "".join(PHONES[code % PHONE_CODES] for code in codes.tolist())


def test_every_tag_of_the_package_has_a_sound() -> None:
    assert set(SOUNDS) == {tag.name for tag in PARALINGUISTIC_TAGS}


@pytest.mark.parametrize("tag", SOUNDS)
def test_a_sound_lies_between_pauses(tag: str) -> None:
    for seed in range(20):
        said = _phones(sound_codes(tag, random.Random(seed)))
        assert said.startswith("__")
        assert said.endswith("__")
        assert said.strip("_")


def test_a_laugh_falls() -> None:
    codes = sound_codes("laughter", random.Random(1))
    levels = [code // PHONE_CODES for code in codes if PHONES[code % PHONE_CODES] == "h"]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > levels[-1]


def test_a_tag_stands_before_behind_or_between_texts() -> None:
    one, two = ("One.", np.full(3, 1, np.int16)), ("Two.", np.full(4, 2, np.int16))
    places = set()
    for seed in range(40):
        text, codes = joined([one, two], "sigh", random.Random(seed))
        assert check_tags(text) is None
        places.add(text)
        own = [int(code) for code in codes if code in {1, 2}]
        assert own == [1, 1, 1, 2, 2, 2, 2]
    tag = "<|sigh|>"
    assert places == {f"{tag} One. Two.", f"One. {tag} Two.", f"One. Two. {tag}"}


def test_sentences_are_joined_without_a_tag_too() -> None:
    one, two = ("One.", np.full(3, 1, np.int16)), ("Two.", np.full(4, 2, np.int16))
    text, codes = joined([one, two], None, random.Random(0))
    assert text == "One. Two."
    assert codes.tolist() == [1, 1, 1, 2, 2, 2, 2]


def test_a_breath_is_noise_and_quiet() -> None:
    for seed in range(10):
        wave = torch.from_numpy(breath(0.5, np.random.default_rng(seed)))
        assert wave.dtype == torch.float32
        assert len(wave) == 12_000
        assert 0.005 < wave.square().mean().sqrt() < 0.021
        assert (pitch(10 * wave) > 0).float().mean() < 0.1


def test_a_breath_has_its_own_tokens_beside_what_was_said() -> None:
    samples = np.array([1200, 2400, 1200], np.int32)
    spoken = Spoken(
        wave=np.full(4800, 0.5, np.float32),
        f0=np.full(16, 120, np.float32),
        phones="^a$",
        samples=samples,
    )
    places = set()
    for seed in range(20):
        found = with_breath(spoken, np.random.default_rng(seed))
        assert len(found.wave) == found.samples.sum() == 300 * len(found.f0)
        assert len(found.phones) == len(found.samples)
        tokens = len(found.wave) // SAMPLES_PER_TOKEN
        said = _phones(codes_of_phones(found.phones, found.samples, found.f0, tokens)).strip("_")
        places.add(said.startswith(BREATH))
        assert said.strip(BREATH).strip("_").startswith("a")
        silent = ~(np.abs(found.wave) == 0.5)
        assert (found.f0.repeat(300)[silent] == 0).all()
    assert places == {True, False}
