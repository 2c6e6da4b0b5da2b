"""pocketsphinx as the judge: which of a closed list was said, and what words were said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from pocketsphinx import Decoder, get_model_path  # type: ignore[import-untyped]
from torch import Tensor

from podtts.audio.io import resample
from podtts.audio.volume import normalize_volume
from podtts.rates import ENCODER_HZ, OUTPUT_HZ
from recipes.mini.measures import words_of

_NOISE = 1e-3  # without it some synthetic sentences return nothing
_PAUSE_S = 0.2


class Recognizer:
    """Recognises sentences of a closed list, or any words.

    The closed list has wide beams: with the default ones some sentences of clear synthetic speech
    return nothing. Any words with wide beams would take seconds each.
    """

    def __init__(self, sentences: Sequence[str]) -> None:
        self._any = Decoder(loglevel="FATAL")
        self._list = Decoder(lm=None, beam=1e-80, wbeam=1e-60, pbeam=1e-80, loglevel="FATAL")
        choices = " | ".join(" ".join(words_of(sentence)) for sentence in sentences)
        self._list.add_jsgf_string(
            "closed", f"#JSGF V1.0;\ngrammar closed;\npublic <closed> = {choices};\n"
        )
        self._list.activate_search("closed")

    def closed(self, wave: Tensor) -> list[str]:
        """Words of the list's sentence that a wave at 24 kHz sounds most like."""
        return _heard(self._list, wave)

    def open(self, wave: Tensor) -> list[str]:
        """Words in a wave at 24 kHz."""
        return _heard(self._any, wave)


def _heard(decoder: Decoder, wave: Tensor) -> list[str]:
    slow = normalize_volume(resample(wave, OUTPUT_HZ, ENCODER_HZ))
    pause = torch.zeros(int(_PAUSE_S * ENCODER_HZ))
    slow = torch.cat((pause, slow, pause))
    noise = torch.randn(len(slow), generator=torch.Generator().manual_seed(0))
    samples = ((slow + _NOISE * noise).clamp(-1, 1) * 32767).to(torch.int16)
    decoder.start_utt()
    decoder.process_raw(samples.numpy().tobytes(), no_search=False, full_utt=True)
    decoder.end_utt()
    best = decoder.hyp()
    return words_of(best.hypstr) if best else []


def known_words() -> frozenset[str]:
    """Words of pocketsphinx's dictionary."""
    lines = (
        Path(get_model_path("en-us/cmudict-en-us.dict")).read_text(encoding="utf-8").splitlines()
    )
    return frozenset(line.split(maxsplit=1)[0] for line in lines if line.strip())
