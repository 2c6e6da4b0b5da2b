"""The two synthetic speakers of all workloads. Nothing is downloaded or packaged for them.

With a checkpoint each speaker has a recording: a signal with the features of speech, which goes
through the prompt encoders. Random weights have no encoders, so their prompt features are random.
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
# Texts with as many characters as a speaker says in 6 s.
TRANSCRIPTS = (
    "今天早上我去公园散步，看见很多人在湖边一起打太极拳。",
    "这家小店开了二十多年，老板每天都亲手做最新鲜的面包。",
)
PITCHES_HZ = (115.0, 205.0)
_HARMONICS = 24


@dataclass(frozen=True)
class Speakers:
    """The speakers' prompt features: in a cache, and computed from their recordings."""

    cache: PromptCache
    keys: tuple[PromptKey, ...]
    extract: Callable[[], list[PromptFeatures]] | None  # None: there are no recordings

    def cached(self) -> list[PromptFeatures]:
        """Read and verify every speaker's features. Raises InputError if some are gone."""
        features = []
        for key in self.keys:
            entry = self.cache.get(key)
            if entry is None:
                raise InputError(f"prompts were removed from {self.cache.root} during the run")
            features.append(entry)
        return features


def recorded_speakers(encoders: PromptEncoders, cache: PromptCache) -> Speakers:
    """Return speakers whose recordings go through a checkpoint's encoders; fills the cache."""
    recordings = [synthetic_recording(pitch) for pitch in PITCHES_HZ]

    def extract() -> list[PromptFeatures]:
        with AudioDecoder() as decoder:
            return [
                extract_prompt(decode_audio(raw, "synthetic", decoder), encoders)
                for raw in recordings
            ]

    digests = [hashlib.sha256(raw).hexdigest() for raw in recordings]
    keys = tuple(PromptKey(digest, encoders.digest, RECIPE_VERSION) for digest in digests)
    _fill(cache, keys, extract())
    return Speakers(cache, keys, extract)


def random_speakers(flow: FlowConfig, cache: PromptCache, seed: int = 0) -> Speakers:
    """Return speakers with random features of the sizes that a flow expects; fills the cache."""
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
    digests = [hashlib.sha256(prompt.mel.numpy().tobytes()).hexdigest() for prompt in features]
    keys = tuple(PromptKey(digest, "0" * 64, RECIPE_VERSION) for digest in digests)
    _fill(cache, keys, features)
    return Speakers(cache, keys, None)


def speaker_prompts(features: Sequence[PromptFeatures]) -> list[SpeakerPrompt]:
    """Return the prompts of the speakers with these features."""
    return [
        SpeakerPrompt(f"speaker {number}", prompt, transcript)
        for number, (prompt, transcript) in enumerate(zip(features, TRANSCRIPTS, strict=True), 1)
    ]


def synthetic_recording(pitch_hz: float) -> bytes:
    """Return a WAV file like speech: a moving pitch, overtones, syllables and breath noise."""
    time = torch.arange(PROMPT_SECONDS * OUTPUT_HZ, dtype=torch.float64) / OUTPUT_HZ
    melody = 1 + 0.15 * torch.sin(math.tau * 0.4 * time) + 0.04 * torch.sin(math.tau * 2.7 * time)
    phase = math.tau * pitch_hz / OUTPUT_HZ * melody.cumsum(0)
    voice = torch.stack([torch.sin(k * phase) / k for k in range(1, _HARMONICS + 1)]).sum(0)
    syllables = torch.sin(math.pi * CJK_PER_SECOND * time).square()
    breath = torch.randn(len(time), generator=torch.Generator().manual_seed(0))
    samples = 0.2 * voice * syllables + 0.02 * breath * (1 - syllables)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(OUTPUT_HZ)
        writer.writeframes(to_pcm16(samples.float()))
    return file.getvalue()


def _fill(
    cache: PromptCache, keys: Sequence[PromptKey], features: Sequence[PromptFeatures]
) -> None:
    for key, prompt in zip(keys, features, strict=True):
        cache.put(key, prompt)
