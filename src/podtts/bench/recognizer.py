"""Speech recognition with pocketsphinx: independent of the models here, and without a network.

It comes with the extra `quality`, knows only English and makes many more errors than people do.
Its error rate is useful beside that of another preset or of the recordings, and not by itself.
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
from podtts.bench.words import words_of
from podtts.errors import UsageError
from podtts.rates import ENCODER_HZ, OUTPUT_HZ

if TYPE_CHECKING:
    from pocketsphinx import Decoder

_NOISE = 1e-3  # without it nothing is recognized in some synthetic sentences
_PAUSE_S = 0.2
# With the default beams nothing is recognized in some sentences of clear synthetic speech. With a
# grammar wide beams are fast enough; without one they would take seconds a sentence.
_WIDE_BEAMS = {"beam": 1e-80, "wbeam": 1e-60, "pbeam": 1e-80}


class WordRecognizer:
    """Recognizes the words in waves.

    grammar: the possible sentences in JSGF notation. model: file of a language model (ARPA).
    Neither: any English words. Raises UsageError if pocketsphinx is not installed.
    """

    name = "pocketsphinx"

    def __init__(self, grammar: str | None = None, *, model: Path | None = None) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise UsageError(
                "words are recognized with pocketsphinx, which is not installed",
                "run: pip install 'podtts[quality]'",
            ) from error
        if grammar is None:
            options = {} if model is None else {"lm": str(model)}
            self._decoder: Decoder = Decoder(loglevel="FATAL", **options)
            return
        self._decoder = Decoder(lm=None, loglevel="FATAL", **_WIDE_BEAMS)
        self._decoder.add_jsgf_string(
            "choice", f"#JSGF V1.0;\ngrammar choice;\npublic <choice> = {grammar};\n"
        )
        self._decoder.activate_search("choice")

    @classmethod
    def for_words_of(cls, texts: Sequence[str]) -> WordRecognizer:
        """Return a recognizer of the words of these texts, equally likely in any order.

        It uses a language model: a grammar with a loop over 150 words takes minutes a sentence.
        """
        words = sorted({word for text in texts for word in words_of(text)})
        share = f"{-math.log10(len(words) + 1):.4f}"
        unigrams = "".join(f"{share} {word}\n" for word in words)
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / "words.arpa"
            model.write_text(
                f"\\data\\\nngram 1={len(words) + 2}\n\n\\1-grams:\n"
                f"-99 <s>\n{share} </s>\n{unigrams}\n\\end\\\n"
            )
            return cls(model=model)

    def words(self, wave: Tensor) -> list[str]:
        """Return the words in a wave, float32 [S] at 24 kHz."""
        wave_16k = normalize_volume(resample(wave, OUTPUT_HZ, ENCODER_HZ))
        pause = torch.zeros(int(_PAUSE_S * ENCODER_HZ))
        wave_16k = torch.cat((pause, wave_16k, pause))
        noise = torch.randn(len(wave_16k), generator=torch.Generator().manual_seed(0))
        samples = ((wave_16k + _NOISE * noise).clamp(-1, 1) * 32767).to(torch.int16)
        decoder: Any = self._decoder
        decoder.start_utt()
        decoder.process_raw(samples.numpy().tobytes(), no_search=False, full_utt=True)
        decoder.end_utt()
        best = decoder.hyp()
        return words_of(best.hypstr) if best else []


def sentence_grammar(texts: Sequence[str]) -> str:
    """Return the JSGF grammar of exactly these sentences."""
    return " | ".join(" ".join(words_of(text)) for text in texts)
