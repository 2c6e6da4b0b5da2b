"""pocketsphinx as the judge of what was said: an independent ear that needs no network.

It comes with the extra `quality`, English only, and is far from human: its errors say something
beside those of another preset, or of the recordings themselves, and little alone.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from podtts.audio.io import resample
from podtts.audio.volume_normalization import normalize_volume
from podtts.bench.edits import words_of
from podtts.errors import UsageError
from podtts.rates import ENCODER_HZ, OUTPUT_HZ

if TYPE_CHECKING:
    from pocketsphinx import Decoder

_NOISE = 1e-3  # without it some synthetic sentences return nothing
_PAUSE_S = 0.2
# With the default beams some sentences of clear synthetic speech return nothing. A grammar is
# narrow enough for wide ones; any words at all would take seconds a sentence.
_WIDE_BEAMS = {"beam": 1e-80, "wbeam": 1e-60, "pbeam": 1e-80}


class WordRecognizer:
    """Hears words in waves; what words it knows is the grammar's or the language model's choice.

    grammar: in JSGF's notation; model: a language model's file. Neither: any words at all.
    Raises UsageError where pocketsphinx is not installed.
    """

    def __init__(self, grammar: str | None = None, *, model: Path | None = None) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise UsageError(
                "words are judged by pocketsphinx, which is not installed",
                "run: pip install 'podtts[quality]'",
            ) from error
        if grammar is None:
            known = {} if model is None else {"lm": str(model)}
            self._decoder: Decoder = Decoder(loglevel="FATAL", **known)
            return
        self._decoder = Decoder(lm=None, loglevel="FATAL", **_WIDE_BEAMS)
        self._decoder.add_jsgf_string(
            "choice", f"#JSGF V1.0;\ngrammar choice;\npublic <choice> = {grammar};\n"
        )
        self._decoder.activate_search("choice")

    @classmethod
    def for_words_of(cls, texts: Sequence[str]) -> WordRecognizer:
        """An ear that knows the words of these texts, all equally likely in any number and order.

        As a language model: a grammar with a loop over 150 words takes minutes for a sentence.
        """
        words = sorted({word for text in texts for word in words_of(text)})
        share = f"{-math.log10(len(words) + 1):.4f}"
        known = "".join(f"{share} {word}\n" for word in words)
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / "words.arpa"
            model.write_text(
                f"\\data\\\nngram 1={len(words) + 2}\n\n\\1-grams:\n"
                f"-99 <s>\n{share} </s>\n{known}\n\\end\\\n"
            )
            return cls(model=model)

    def words(self, wave: Tensor) -> list[str]:
        """Words in a wave, float32 [S] at 24 kHz."""
        slow = normalize_volume(resample(wave, OUTPUT_HZ, ENCODER_HZ))
        pause = torch.zeros(int(_PAUSE_S * ENCODER_HZ))
        slow = torch.cat((pause, slow, pause))
        noise = torch.randn(len(slow), generator=torch.Generator().manual_seed(0))
        samples = ((slow + _NOISE * noise).clamp(-1, 1) * 32767).to(torch.int16)
        decoder: Any = self._decoder
        decoder.start_utt()
        decoder.process_raw(samples.numpy().tobytes(), no_search=False, full_utt=True)
        decoder.end_utt()
        best = decoder.hyp()
        return words_of(best.hypstr) if best else []


def one_of_these(texts: Sequence[str]) -> str:
    """A grammar of whole sentences."""
    return " | ".join(" ".join(words_of(text)) for text in texts)
