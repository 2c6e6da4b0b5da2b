"""The corpus of all parts but the vocoder: features, codes and pitch of the speech, in one file.

Everything is cut to whole speech tokens, so that utterance i of T[i] tokens from token start[i]
has 2 mel frames and 4 feature frames a token.
"""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from podtts.audio.io import Recording
from podtts.prompts.extract import prompt_inputs
from podtts.rates import (
    MAX_PROMPT_SECONDS,
    MEL_FRAMES_PER_TOKEN,
    MIN_PROMPT_SECONDS,
    OUTPUT_HZ,
)
from recipes.mini.f0 import at_mel_frames
from recipes.mini.phone_codes import codes_of_phones
from recipes.mini.speech import INT16, Utterance, read_speech
from recipes.mini.training import save_whole

FEATURE_FRAMES_PER_TOKEN = 4


@dataclass(frozen=True, eq=False)
class Measured:
    """One utterance's features, cut to whole tokens; arrays, which cross processes as bytes."""

    text: str
    voice: int
    mel: NDArray[np.float16]  # [2*T, 80]
    log_mel: NDArray[np.float16]  # [4*T, 128]
    fbank: NDArray[np.float16]  # [4*T, 80]
    f0: NDArray[np.float16]  # [2*T], Hz, 0 where unvoiced
    codes: NDArray[np.int16]  # [T], of what the teacher said

    @property
    def tokens(self) -> int:
        return len(self.codes)


@dataclass(frozen=True, eq=False)
class Corpus:
    """Utterances end to end; see the module's text."""

    texts: list[str]
    voice: Tensor  # int64 [N]
    start: Tensor  # int64 [N], in tokens
    tokens: Tensor  # int64 [N]
    mel: Tensor
    log_mel: Tensor
    fbank: Tensor
    f0: Tensor
    codes: Tensor

    @staticmethod
    def load(path: Path) -> Corpus:
        return Corpus(**torch.load(path, mmap=True))

    def save(self, path: Path) -> None:
        save_whole(vars(self), path)

    def part(self, name: str, number: int, per_token: int) -> Tensor:
        """One utterance's piece of a field with so many entries a token."""
        start = int(self.start[number]) * per_token
        whole: Tensor = getattr(self, name)
        return whole[start : start + int(self.tokens[number]) * per_token]


def measure(utterance: Utterance) -> Measured | None:
    """Measure an utterance as `podtts prep` would; None when it is too short or too long."""
    if not is_measured(utterance):
        return None
    wave = torch.from_numpy(utterance.wave).float() / INT16
    heard = prompt_inputs(Recording("the teacher", wave, OUTPUT_HZ))
    tokens = len(heard.mel_24k) // MEL_FRAMES_PER_TOKEN
    frames, features = tokens * MEL_FRAMES_PER_TOKEN, tokens * FEATURE_FRAMES_PER_TOKEN
    fbank = heard.fbank_16k[:features]
    fbank = torch.cat((fbank, fbank[-1:].expand(features - len(fbank), -1)))
    f0 = at_mel_frames(torch.from_numpy(utterance.f0).float(), frames)
    return Measured(
        utterance.text,
        utterance.voice,
        heard.mel_24k[:frames].half().numpy(),
        heard.log_mel_16k.T[:features].half().numpy(),
        fbank.half().numpy(),
        f0.half().numpy(),
        codes_of_phones(utterance.phones, utterance.samples, utterance.f0, tokens),
    )


def is_measured(utterance: Utterance) -> bool:
    """Whether an utterance is neither too short nor too long."""
    return MIN_PROMPT_SECONDS <= len(utterance.wave) / OUTPUT_HZ <= MAX_PROMPT_SECONDS


def make_corpus(speech: Path, path: Path, workers: int) -> None:
    """Measure a folder of speech."""
    with multiprocessing.get_context("spawn").Pool(workers, torch.set_num_threads, (1,)) as pool:
        found = pool.imap(measure, read_speech(speech), chunksize=8)
        spoken = [utterance for utterance in found if utterance is not None]
    tokens = torch.tensor([utterance.tokens for utterance in spoken])

    def joined(name: str) -> Tensor:
        return torch.from_numpy(np.concatenate([getattr(one, name) for one in spoken]))

    Corpus(
        texts=[utterance.text for utterance in spoken],
        voice=torch.tensor([utterance.voice for utterance in spoken]),
        start=tokens.cumsum(0) - tokens,
        tokens=tokens,
        mel=joined("mel"),
        log_mel=joined("log_mel"),
        fbank=joined("fbank"),
        f0=joined("f0"),
        codes=joined("codes"),
    ).save(path)
