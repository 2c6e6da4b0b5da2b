"""The two speakers of all workloads, made up on the spot: nothing is downloaded or packaged.

With a real checkpoint each speaker has a recording, a signal with the features of speech, that
goes through the prompt encoders. Random weights have no encoders, so the features are random.
"""

from __future__ import annotations

import hashlib
import io
import math
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from podtts.audio.decoder import AudioDecoder
from podtts.audio.io import decode_audio
from podtts.audio.wav import to_pcm16
from podtts.errors import InputError
from podtts.flow.decode import FlowConfig
from podtts.prompts.cache import PromptCache, PromptKey
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.entry import RECIPE_VERSION
from podtts.prompts.extract import extract_prompt
from podtts.rates import MEL_BINS, MEL_FRAMES_PER_TOKEN, OUTPUT_HZ, TOKENS_PER_SECOND
from podtts.text.length import CJK_PER_SECOND
from podtts.values import PromptFeatures, SpeakerPrompt

PROMPT_SECONDS = 6
# Texts of as many characters as are said in 6 s.
TRANSCRIPTS = (
    "今天早上我去公园散步，看见很多人在湖边一起打太极拳。",
    "这家小店开了二十多年，老板每天都亲手做最新鲜的面包。",
)
PITCHES_HZ = (115.0, 205.0)
_HARMONICS = 24


@dataclass(frozen=True)
class Cast:
    """Where the speakers' prompts come from."""

    cache: PromptCache
    keys: tuple[PromptKey, ...]
    extract: Callable[[], list[PromptFeatures]] | None  # from the recordings; None: there are none

    def cached(self) -> list[PromptFeatures]:
        """Return every speaker's features from the cache, verified."""
        found = [self.cache.get(key) for key in self.keys]
        features = [one for one in found if one is not None]
        if len(features) < len(found):
            raise InputError(f"the prompts put into {self.cache.root} are not there any more")
        return features


def recorded_cast(encoders: PromptEncoders, cache: PromptCache) -> Cast:
    """Return a cast whose recordings are heard by a checkpoint's encoders."""
    recordings = [synthetic_recording(pitch) for pitch in PITCHES_HZ]

    def extract() -> list[PromptFeatures]:
        with AudioDecoder() as decoder:
            return [
                extract_prompt(decode_audio(raw, "synthetic", decoder), encoders)
                for raw in recordings
            ]

    digests = [hashlib.sha256(raw).hexdigest() for raw in recordings]
    keys = tuple(PromptKey(digest, encoders.digest, RECIPE_VERSION) for digest in digests)
    return _filled(Cast(cache, keys, extract), extract())


def random_cast(flow: FlowConfig, cache: PromptCache, seed: int = 0) -> Cast:
    """Return a cast of random features that fit a flow."""
    rng = torch.Generator().manual_seed(seed)
    tokens = PROMPT_SECONDS * TOKENS_PER_SECOND
    features = [
        PromptFeatures(
            torch.randint(flow.vocabulary, (tokens,), generator=rng, dtype=torch.int32),
            torch.randn(MEL_FRAMES_PER_TOKEN * tokens, MEL_BINS, generator=rng),
            torch.randn(flow.speaker_embedding_size, generator=rng),
        )
        for _ in TRANSCRIPTS
    ]
    digests = [hashlib.sha256(one.mel.numpy().tobytes()).hexdigest() for one in features]
    keys = tuple(PromptKey(digest, "0" * 64, RECIPE_VERSION) for digest in digests)
    return _filled(Cast(cache, keys, None), features)


def speaker_prompts(features: Sequence[PromptFeatures]) -> list[SpeakerPrompt]:
    """Return the prompts of a cast's features."""
    return [
        SpeakerPrompt(f"speaker {number}", one, transcript)
        for number, (one, transcript) in enumerate(zip(features, TRANSCRIPTS, strict=True), 1)
    ]


def synthetic_recording(pitch_hz: float) -> bytes:
    """Return a WAV file that is like speech: a moving pitch, overtones, syllables, breath noise."""
    time = torch.arange(PROMPT_SECONDS * OUTPUT_HZ, dtype=torch.float64) / OUTPUT_HZ
    melody = 1 + 0.15 * torch.sin(math.tau * 0.4 * time) + 0.04 * torch.sin(math.tau * 2.7 * time)
    phase = math.tau * pitch_hz / OUTPUT_HZ * melody.cumsum(0)
    voice = torch.stack([torch.sin(k * phase) / k for k in range(1, _HARMONICS + 1)]).sum(0)
    syllables = torch.sin(math.pi * CJK_PER_SECOND * time).square()
    breath = torch.randn(len(time), generator=torch.Generator().manual_seed(0))
    spoken = 0.2 * voice * syllables + 0.02 * breath * (1 - syllables)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(OUTPUT_HZ)
        writer.writeframes(to_pcm16(spoken.float()))
    return file.getvalue()


def _filled(cast: Cast, features: Sequence[PromptFeatures]) -> Cast:
    for key, one in zip(cast.keys, features, strict=True):
        cast.cache.put(key, one)
    return cast
