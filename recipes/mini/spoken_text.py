"""What the language model learns from: texts and the speech tokens of one canonical voice.

All turns are in the canonical voice's tokens, whoever speaks: what distinguishes voices is the
flow's part. Prompts in its context are of all the corpus's voices.
"""

from __future__ import annotations

import multiprocessing
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from podtts.audio.io import resample
from podtts.audio.mel import log_mel_16k
from podtts.audio.volume_normalization import normalize_volume
from podtts.rates import ENCODER_HZ, OUTPUT_HZ, SAMPLES_PER_TOKEN
from recipes.mini.corpus import (
    FEATURE_FRAMES_PER_TOKEN,
    Corpus,
    Source,
    recording_of,
    worker_espeak,
)
from recipes.mini.espeak import CANONICAL
from recipes.mini.speech_tokenizer import SpeechTokenizer, TokenizerTraining
from recipes.mini.text import Texts, enough
from recipes.mini.training import load_trained, save_whole

_JOB_SECONDS = 600.0
_PHRASE_SHARE = 0.35
_LEAD_S = 0.04

Spoken = tuple[str, bool, NDArray[np.int16]]  # text, whether it is a phrase, codes


@dataclass(frozen=True, eq=False)
class SpokenText:
    """Texts with their speech tokens, end to end."""

    texts: list[str]
    is_phrase: Tensor  # bool [N]
    tokens: Tensor  # int64 [N], how many
    codes: Tensor  # int16, of all texts

    @staticmethod
    def load(path: Path) -> SpokenText:
        return SpokenText(**torch.load(path))

    def save(self, path: Path) -> None:
        save_whole(vars(self), path)


def load_tokenizer(checkpoint: Path, phones: int, device: torch.device) -> TokenizerTraining:
    """The trained tokenizer with the reader of its codes, in the precision of its export."""
    module = TokenizerTraining(phones)
    load_trained(module, checkpoint, device)
    round_weights(module.tokenizer)
    return module


def round_weights(module: torch.nn.Module) -> None:
    """Round parameters to half precision, as they are exported, and keep them in single."""
    for parameter in module.parameters():
        parameter.data.copy_(parameter.data.half().float())


@torch.inference_mode()
def tokenize(tokenizer: SpeechTokenizer, log_mel: Tensor) -> Tensor:
    """Codes int16 [ceil(frames / 4)] on the CPU, of log mel float32 [128, frames]."""
    device = tokenizer.conv1.weight.device
    length = torch.tensor([log_mel.shape[1]], dtype=torch.int32, device=device)
    ids: Tensor = tokenizer(log_mel[None].to(device), length)[0]
    return ids.to("cpu", torch.int16)


def tokenize_corpus(tokenizer: SpeechTokenizer, corpus: Corpus) -> Tensor:
    """Codes of a corpus, int16 [all its tokens]."""
    return torch.cat(
        [
            tokenize(tokenizer, corpus.part("log_mel", number, FEATURE_FRAMES_PER_TOKEN).float().T)
            for number in range(len(corpus.texts))
        ]
    )


def canonical_codes(text: str, source: Source, tokenizer: SpeechTokenizer) -> Tensor:
    """Codes int16 [T] of a text in the canonical voice."""
    wave = recording_of(worker_espeak(source).speak(text, CANONICAL), _LEAD_S).wave
    tokens = len(wave) // SAMPLES_PER_TOKEN
    slow = normalize_volume(resample(wave, OUTPUT_HZ, ENCODER_HZ))
    return tokenize(tokenizer, log_mel_16k(slow))[:tokens]


def make_spoken_text(
    path: Path,
    texts: Texts,
    source: Source,
    checkpoint: Path,
    phones: int,
    hours: float,
    workers: int,
) -> None:
    """Speak and tokenize so many hours of sentences and phrases."""
    rng = random.Random(5)
    jobs = [
        (enough(draw, rng, share * _JOB_SECONDS), is_phrase, source, checkpoint, phones)
        for _ in range(max(1, round(3600 * hours / _JOB_SECONDS)))
        for is_phrase, share, draw in (
            (True, _PHRASE_SHARE, texts.phrase),
            (False, 1 - _PHRASE_SHARE, texts.sentence),
        )
    ]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        made = [one for some in pool.imap(_speak, jobs) for one in some]
    SpokenText(
        texts=[text for text, _, _ in made],
        is_phrase=torch.tensor([phrase for _, phrase, _ in made]),
        tokens=torch.tensor([len(codes) for _, _, codes in made]),
        codes=torch.from_numpy(np.concatenate([codes for _, _, codes in made])),
    ).save(path)


def _speak(job: tuple[list[str], bool, Source, Path, int]) -> list[Spoken]:
    texts, is_phrase, source, checkpoint, phones = job
    tokenizer = load_tokenizer(checkpoint, phones, torch.device("cpu")).tokenizer
    return [(text, is_phrase, canonical_codes(text, source, tokenizer).numpy()) for text in texts]
