"""What the vocoder learns from: mels, sources and targets of the speech, end to end."""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from podtts.audio.mel import mel_24k
from podtts.audio.volume_normalization import normalize_volume
from podtts.rates import MEL_FRAMES_PER_TOKEN, MEL_HOP
from recipes.mini.corpus import is_measured
from recipes.mini.excitation import aligned, excitation
from recipes.mini.f0 import at_mel_frames
from recipes.mini.speech import INT16, Utterance, read_speech

_PIECE_FRAMES = 4096


@dataclass(frozen=True, eq=False)
class VocoderData:
    """Utterances end to end, cut to whole mel frames."""

    mel: Tensor  # float16 [F, 80]
    f0: Tensor  # float16 [F], Hz, 0 where unvoiced
    source: Tensor  # int16 [480*F], the excitation
    target: Tensor  # int16 [480*F], the recording with the phases of its source
    wave: Tensor  # int16 [480*F], the recording

    @staticmethod
    def of(
        speech: Path, waves: bool = True, workers: int = 1, as_in_corpus: bool = False
    ) -> VocoderData:
        """Measure all utterances of a folder of speech; sources and targets only if wanted.

        as_in_corpus: only the utterances and frames that a `Corpus` has, in the same order.
        """
        found = (one for one in read_speech(speech) if not as_in_corpus or is_measured(one))
        jobs = ((number, one, waves, as_in_corpus) for number, one in enumerate(found))
        if workers == 1:
            measured = list(map(_measure, jobs))
        else:
            with multiprocessing.get_context("spawn").Pool(
                workers, torch.set_num_threads, (1,)
            ) as pool:
                measured = list(pool.imap(_measure, jobs, chunksize=8))
        fields = zip(*measured, strict=True)
        return VocoderData(*(torch.from_numpy(np.concatenate(some)) for some in fields))

    def to(self, device: torch.device) -> VocoderData:
        """The same on a device."""
        return VocoderData(*(tensor.to(device) for tensor in vars(self).values()))


def source_of(f0: Tensor) -> Tensor:
    """The excitation, int16 [480*F], of a pitch in Hz [F] of utterances end to end.

    In pieces, as training cuts it anyway.
    """
    generator = torch.Generator().manual_seed(0)
    pieces = [
        excitation(piece, torch.randn(len(piece) * MEL_HOP, generator=generator))
        for piece in torch.split(f0.float(), _PIECE_FRAMES)
    ]
    return _int16(torch.cat(pieces))


def as_long(heard: Tensor, data: VocoderData) -> Tensor:
    """The flow's mels of a corpus, if data is of the same speech; raises ValueError otherwise."""
    if len(heard) != len(data.mel):
        raise ValueError("the corpus is not of this speech: delete it and what was made of it")
    return heard


def _measure(job: tuple[int, Utterance, bool, bool]) -> tuple[NDArray[Any], ...]:
    """The fields of an utterance; arrays, which cross processes as bytes."""
    number, utterance, waves, whole_tokens = job
    wave = normalize_volume(torch.from_numpy(utterance.wave).float() / INT16)
    mel = mel_24k(wave)
    if whole_tokens:
        mel = mel[: len(mel) // MEL_FRAMES_PER_TOKEN * MEL_FRAMES_PER_TOKEN]
    f0 = at_mel_frames(torch.from_numpy(utterance.f0).float(), len(mel))
    wave = wave[: len(mel) * MEL_HOP if waves else 0]
    source = target = wave
    if waves:
        generator = torch.Generator().manual_seed(number)
        source = excitation(f0, torch.randn(len(wave), generator=generator))
        target = aligned(wave, source)
    values = (mel.half(), f0.half(), *map(_int16, (source, target, wave)))
    return tuple(value.numpy() for value in values)


def _int16(wave: Tensor) -> Tensor:
    return (wave.clamp(-1, 1) * INT16).round().to(torch.int16)
