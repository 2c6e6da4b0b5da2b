"""Who judges what the presets say: a recognizer of words, and one of naturalness, if installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import Tensor

from podtts.bench.naturalness import Naturalness
from podtts.bench.recognizer import WordRecognizer
from podtts.ears.comparison import units_of
from podtts.ears.whisper import Whisper
from podtts.errors import UsageError
from podtts.rates import OUTPUT_HZ


class HearsWords(Protocol):
    """Writes down the words of a wave."""

    name: str  # for people

    def words(self, wave: Tensor) -> list[str]:
        """Return the words in a wave, float32 [S] at 24 kHz, in the form of `units_of`."""


class WhisperWords:
    """The words that Whisper hears. folder: of its model. Raises as `Whisper` does."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self._whisper = Whisper(folder)

    def words(self, wave: Tensor) -> list[str]:
        """Return the words in a wave, see `HearsWords`."""
        return units_of(self._whisper.transcribe(wave, OUTPUT_HZ, "en"))


@dataclass(frozen=True)
class Judges:
    """The judges that are there; None: the figures of one are left out."""

    words: HearsWords | None = None
    naturalness: Naturalness | None = None


def find_judges(
    texts: Sequence[str], recognizer: Path | None, warn: Callable[[str], None]
) -> Judges:
    """Return the judges that are installed, with a warning for each that is not.

    texts:      that will be spoken.
    recognizer: folder of a Whisper model; None: pocketsphinx, which must know the texts.
    Raises ModelError, UsageError for a recognizer that cannot be loaded.
    """
    words: HearsWords | None = None
    naturalness: Naturalness | None = None
    if recognizer is not None:
        words = WhisperWords(recognizer)
    else:
        try:
            words = WordRecognizer.for_words_of(texts)
        except UsageError as error:
            warn(f"{error.problem}; {error.hint}")
    try:
        naturalness = Naturalness()
    except UsageError as error:
        warn(f"{error.problem}; {error.hint}")
    return Judges(words, naturalness)
