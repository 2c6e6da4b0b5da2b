"""Hears turns after they were made, and compares what it hears with their texts."""

from __future__ import annotations

from torch import Tensor

from podtts.ears.comparison import compare, units_of
from podtts.ears.recognizer import Recognizer
from podtts.rates import OUTPUT_HZ
from podtts.text.languages import main_language
from podtts.text.tags import dialect_of
from podtts.values import Heard, SpeakerPrompt, Turn


class TurnListener:
    """The listener of a `Request`: any number of requests may share it."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer

    def hear(self, turn: Turn, prompt: SpeakerPrompt, wave: Tensor) -> Heard | None:
        """Return what was heard in a turn, float32 [S] at 24 kHz.

        None: the turn cannot be judged, because it has no words, or is spoken in a dialect, which
        recognizers write down in other words. Raises ModelError as the recognizer does.
        """
        if prompt.dialect_prompt or dialect_of(turn.text) or not units_of(turn.text):
            return None
        text = self._recognizer.transcribe(wave, OUTPUT_HZ, main_language(turn.text))
        return Heard(text, compare(turn.text, text).error)
