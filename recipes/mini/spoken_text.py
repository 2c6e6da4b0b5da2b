"""What the language model learns from: texts and the speech tokens of one canonical voice.

All turns are in the canonical voice's tokens, whoever speaks: what distinguishes voices is the
flow's part. Prompts in its context are of all the corpus's voices. The teacher only plans what it
would say, which is enough to know the tokens. It does so in small files, one by one, so that a
stopped run continues and more hours only add files.
"""

from __future__ import annotations

import functools
import multiprocessing
import random
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from podtts.rates import TOKENS_PER_SECOND
from recipes.mini.canonical import canonical_codes
from recipes.mini.corpus import FEATURE_FRAMES_PER_TOKEN, Corpus
from recipes.mini.languages import Languages
from recipes.mini.speech import Sources
from recipes.mini.speech_tokenizer import SpeechTokenizer, TokenizerTraining
from recipes.mini.teacher import Planner
from recipes.mini.training import load_trained, save_whole

_TEXTS_PER_FILE = 100
_PHRASE_SHARE, _LONG_SHARE = 0.35, 0.3  # of the texts
_KEPT_SHARE = 50  # one text in so many is not learnt from
_MIXED_SHARE = 0.12  # of the Mandarin texts have an English word in them

_Job = tuple[Path, str, int, Sources]


@dataclass(frozen=True, eq=False)
class SpokenText:
    """Texts with their speech tokens, end to end."""

    texts: list[str]
    is_mandarin: Tensor  # bool [N]
    is_phrase: Tensor  # bool [N]
    tokens: Tensor  # int64 [N], how many
    codes: Tensor  # int16, of all texts

    @staticmethod
    def load(folder: Path) -> SpokenText:
        """Read all files of a folder."""
        parts = [torch.load(path) for path in sorted(folder.glob("*.pt"))]
        return SpokenText(
            [text for part in parts for text in part["texts"]],
            torch.cat([part["is_mandarin"] for part in parts]),
            torch.cat([part["is_phrase"] for part in parts]),
            torch.cat([part["tokens"] for part in parts]),
            torch.cat([part["codes"] for part in parts]),
        )

    def split(self) -> tuple[SpokenText, SpokenText]:
        """What is learnt, and what is kept to see when learning becomes knowing by heart.

        The letters of a text decide, so that a text that was drawn twice is on one side.
        """
        kept = torch.tensor(
            [zlib.crc32(text.encode()) % _KEPT_SHARE == 0 for text in self.texts], dtype=torch.bool
        )
        return self._only(~kept), self._only(kept)

    def _only(self, chosen: Tensor) -> SpokenText:
        return SpokenText(
            [text for text, wanted in zip(self.texts, chosen.tolist(), strict=True) if wanted],
            self.is_mandarin[chosen],
            self.is_phrase[chosen],
            self.tokens[chosen],
            self.codes[chosen.repeat_interleave(self.tokens)],
        )


def load_tokenizer(checkpoint: Path, device: torch.device) -> SpeechTokenizer:
    """The trained tokenizer, in the precision of its export."""
    module = TokenizerTraining()
    load_trained(module, checkpoint, device)
    round_weights(module.tokenizer)
    return module.tokenizer


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
    """What the tokenizer hears in a corpus, int16 [all its tokens]."""
    return torch.cat(
        [
            tokenize(tokenizer, corpus.part("log_mel", number, FEATURE_FRAMES_PER_TOKEN).float().T)
            for number in range(len(corpus.texts))
        ]
    )


def make_spoken_text(folder: Path, sources: Sources, hours: dict[str, float], workers: int) -> None:
    """Plan texts until there are so many hours; goes on where it was stopped.

    hours: of "english" and "mandarin".
    """
    folder.mkdir(parents=True, exist_ok=True)
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for language, wanted in hours.items():
            missing = 3600 * wanted - sum(map(_seconds, folder.glob(f"{language}-*.pt")))
            number = 0
            while missing > 0:
                jobs: list[_Job] = []
                while len(jobs) < 4 * workers:
                    path = folder / f"{language}-{number:06d}.pt"
                    if not path.is_file():
                        jobs.append((path, language, number, sources))
                    number += 1
                missing -= sum(pool.imap_unordered(_plan, jobs))


def _seconds(path: Path) -> float:
    return int(torch.load(path)["tokens"].sum()) / TOKENS_PER_SECOND


@functools.cache
def _planning(sources: Sources) -> tuple[Languages, Planner]:
    """What a worker process keeps."""
    torch.set_num_threads(1)
    return Languages.read(sources.wordnet, sources.dictionary), Planner(sources.teacher)


def _plan(job: _Job) -> float:
    """Write one file; returns its seconds."""
    path, language, number, sources = job
    languages, planner = _planning(sources)
    drawn = zip(*draw_texts(languages, number, mandarin=language == "mandarin"), strict=True)
    made = [(text, phrase, canonical_codes(planner, text)) for text, phrase in drawn]
    texts, phrases, codes = zip(*(one for one in made if one[2] is not None), strict=True)
    tokens = list(map(len, codes))
    fields = {
        "texts": list(texts),
        "is_mandarin": torch.tensor([language == "mandarin"] * len(texts)),
        "is_phrase": torch.tensor(phrases),
        "tokens": torch.tensor(tokens),
        "codes": torch.from_numpy(np.concatenate(codes)),
    }
    save_whole(fields, path)
    return sum(tokens) / TOKENS_PER_SECOND


def draw_texts(
    languages: Languages, number: int, *, mandarin: bool
) -> tuple[list[str], list[bool]]:
    """The texts of a file, and which of them are phrases; of the others, some are long."""
    rng = random.Random(20_000_003 + 2 * number + mandarin)
    texts, phrases = [], []
    for _ in range(_TEXTS_PER_FILE):
        kind = rng.random()
        phrases.append(kind < _PHRASE_SHARE)
        if kind >= 1 - _LONG_SHARE:
            texts.append(languages.long(rng, mandarin))
        elif mandarin and rng.random() < _MIXED_SHARE:
            texts.append(languages.mixed(rng))
        else:
            texts.append(languages.learnt(rng, mandarin, phrases[-1]))
    return texts, phrases
