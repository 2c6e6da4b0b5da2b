"""The spoken corpus: waves, features, phones and pitch of many voices, in one file.

Everything is cut to whole speech tokens, so that utterance i of T[i] tokens from token start[i]
has 960 samples, 2 mel frames and 4 feature frames a token.
"""

from __future__ import annotations

import functools
import multiprocessing
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from podtts.audio.io import Recording, resample
from podtts.audio.volume_normalization import normalize_volume
from podtts.prompts.extract import prompt_inputs
from podtts.rates import (
    MAX_PROMPT_SECONDS,
    MEL_FRAMES_PER_SECOND,
    MEL_FRAMES_PER_TOKEN,
    MIN_PROMPT_SECONDS,
    OUTPUT_HZ,
    SAMPLES_PER_TOKEN,
)
from recipes.mini.espeak import Espeak, EspeakVoice, Spoken
from recipes.mini.f0 import pitch
from recipes.mini.text import Texts, enough
from recipes.mini.training import save_whole
from recipes.mini.voices import learnt_voices

FEATURE_FRAMES_PER_TOKEN = 4
UNKNOWN_PHONE = "?"
_MARKS = "',%=:"  # stress and length, which some versions write beside the phone
_SILENCE_S = (0.04, 0.3)  # put in front of an utterance


@dataclass(frozen=True)
class Source:
    """Where espeak-ng is; None for what is installed."""

    library: str = "libespeak-ng.so.1"
    data: Path | None = None


@dataclass(frozen=True, eq=False)
class Utterance:
    """One spoken sentence, cut to whole tokens; arrays, which cross between processes as bytes."""

    text: str
    voice: int
    wave: NDArray[np.int16]  # [960*T]
    mel: NDArray[np.float16]  # [2*T, 80]
    log_mel: NDArray[np.float16]  # [4*T, 128]
    fbank: NDArray[np.float16]  # [4*T, 80]
    f0: NDArray[np.float16]  # [2*T], Hz, 0 where unvoiced
    phones: tuple[str, ...]  # 2*T

    @property
    def tokens(self) -> int:
        return len(self.phones) // MEL_FRAMES_PER_TOKEN


@dataclass(frozen=True, eq=False)
class Corpus:
    """Utterances end to end; see the module's text."""

    texts: list[str]
    voice: Tensor  # int64 [N]
    start: Tensor  # int64 [N], in tokens
    tokens: Tensor  # int64 [N]
    wave: Tensor
    mel: Tensor
    log_mel: Tensor
    fbank: Tensor
    f0: Tensor
    phones: Tensor  # uint8, numbers of inventory
    inventory: list[str]

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


def recording_of(spoken: Spoken, silence_s: float = 0.0) -> Recording:
    """What espeak-ng said, as a recording at 24 kHz."""
    wave = resample(spoken.wave, spoken.rate_hz, OUTPUT_HZ)
    return Recording(
        "espeak-ng", torch.cat((torch.zeros(int(silence_s * OUTPUT_HZ)), wave)), OUTPUT_HZ
    )


def utterance(spoken: Spoken, text: str, voice: int, silence_s: float) -> Utterance | None:
    """Measure an utterance as `podtts prep` would; None when it is too short or too long."""
    recording = recording_of(spoken, silence_s)
    if not MIN_PROMPT_SECONDS <= recording.seconds <= MAX_PROMPT_SECONDS:
        return None
    heard = prompt_inputs(recording)
    tokens = len(heard.mel_24k) // MEL_FRAMES_PER_TOKEN
    frames, features = tokens * MEL_FRAMES_PER_TOKEN, tokens * FEATURE_FRAMES_PER_TOKEN
    wave = normalize_volume(recording.wave)[: tokens * SAMPLES_PER_TOKEN]
    fbank = heard.fbank_16k[:features]
    fbank = torch.cat((fbank, fbank[-1:].expand(features - len(fbank), -1)))
    return Utterance(
        text,
        voice,
        (wave * 32767).to(torch.int16).numpy(),
        heard.mel_24k[:frames].half().numpy(),
        heard.log_mel_16k.T[:features].half().numpy(),
        fbank.half().numpy(),
        pitch(wave)[:frames].half().numpy(),
        tuple(phones_at(spoken, frames, silence_s)),
    )


def phones_at(spoken: Spoken, frames: int, silence_s: float) -> Iterator[str]:
    """The phone in the middle of every mel frame."""
    current, following = "_", 0  # espeak-ng's sign for a pause
    for frame in range(frames):
        middle = (frame + 0.5) / MEL_FRAMES_PER_SECOND - silence_s
        while following < len(spoken.phones) and spoken.phones[following][0] <= middle:
            current = spoken.phones[following][1].strip(_MARKS) or "_"
            following += 1
        yield current


def make_corpus(
    path: Path,
    texts: Texts,
    source: Source,
    hours: float,
    voices: int,
    workers: int,
    inventory: Sequence[str] = (),
    held_out: bool = False,
) -> None:
    """Make a corpus; with `inventory`, phones that are not in it become unknown."""
    rng = random.Random(4 if held_out else 3)

    def draw(rng: random.Random) -> str:
        return rng.choice(texts.held_out) if held_out else texts.sentence(rng)

    jobs = [
        (number, voice, enough(draw, rng, 3600 * hours / voices), source)
        for number, voice in enumerate(learnt_voices(voices))
    ]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        spoken = [one for some in pool.imap(_speak_voice, jobs) for one in some]
    rng.shuffle(spoken)
    known = list(inventory) or [
        UNKNOWN_PHONE,
        *sorted({phone for one in spoken for phone in one.phones}),
    ]
    number = {phone: index for index, phone in enumerate(known)}
    tokens = torch.tensor([one.tokens for one in spoken])
    Corpus(
        texts=[one.text for one in spoken],
        voice=torch.tensor([one.voice for one in spoken]),
        start=tokens.cumsum(0) - tokens,
        tokens=tokens,
        wave=torch.from_numpy(np.concatenate([one.wave for one in spoken])),
        mel=torch.from_numpy(np.concatenate([one.mel for one in spoken])),
        log_mel=torch.from_numpy(np.concatenate([one.log_mel for one in spoken])),
        fbank=torch.from_numpy(np.concatenate([one.fbank for one in spoken])),
        f0=torch.from_numpy(np.concatenate([one.f0 for one in spoken])),
        phones=torch.tensor(
            [number.get(phone, 0) for one in spoken for phone in one.phones], dtype=torch.uint8
        ),
        inventory=known,
    ).save(path)


@functools.cache
def worker_espeak(source: Source) -> Espeak:
    """The espeak-ng of this process."""
    torch.set_num_threads(1)
    return Espeak(source.library, source.data)


def _speak_voice(job: tuple[int, EspeakVoice, list[str], Source]) -> list[Utterance]:
    number, voice, texts, source = job
    espeak = worker_espeak(source)
    rng = random.Random(1000 + number)
    made = [
        utterance(espeak.speak(text, voice), text, number, rng.uniform(*_SILENCE_S))
        for text in texts
    ]
    return [one for one in made if one is not None]
