"""pocketsphinx as a judge that a test can afford: which sentence of a closed list was said."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from podtts.bench.recognizer import WordRecognizer, sentence_grammar


class Recognizer:
    """Recognises sentences of a closed list."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self._list = WordRecognizer(sentence_grammar(sentences))

    def closed(self, wave: Tensor) -> list[str]:
        """Words of the list's sentence that a wave at 24 kHz sounds most like."""
        return self._list.words(wave)
