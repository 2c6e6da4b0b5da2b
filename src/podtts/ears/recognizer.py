"""What the rest of podtts needs of a speech recognizer, whichever it is."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from podtts.text.languages import Language


class Recognizer(Protocol):
    """Writes down what it hears. The same wave always gives the same text."""

    def transcribe(self, wave: Tensor, rate_hz: int, language: Language | None = None) -> str:
        """Return the words in a wave, float32 [S]; empty when there are none.

        language: of the words; None: the recognizer finds out.
        Raises ModelError when the recognizer's files do not work.
        """
