"""pocketsphinx as the judge: which of a closed list was said, and what words were said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pocketsphinx import get_model_path
from torch import Tensor

from podtts.bench.recognizer import WordRecognizer, sentence_grammar


class Recognizer:
    """Recognises sentences of a closed list, or any words."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self._any = WordRecognizer()
        self._list = WordRecognizer(sentence_grammar(sentences))

    def closed(self, wave: Tensor) -> list[str]:
        """Words of the list's sentence that a wave at 24 kHz sounds most like."""
        return self._list.words(wave)

    def open(self, wave: Tensor) -> list[str]:
        """Words in a wave at 24 kHz."""
        return self._any.words(wave)


def known_words() -> frozenset[str]:
    """Words of pocketsphinx's dictionary."""
    lines = (
        Path(get_model_path("en-us/cmudict-en-us.dict")).read_text(encoding="utf-8").splitlines()
    )
    return frozenset(line.split(maxsplit=1)[0] for line in lines if line.strip())
