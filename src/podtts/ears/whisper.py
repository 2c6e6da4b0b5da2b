"""Whisper (Radford et al., 2022) by faster-whisper (SYSTRAN/faster-whisper, MIT), on the CPU.

A model is a folder in CTranslate2's format. Nothing is downloaded here: `podtts model pull` does
that. One temperature and no earlier text as context: what is heard depends on the wave alone.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from podtts.audio.io import resample
from podtts.ears.comparison import MEASURE
from podtts.ears.installation import check_recognizer
from podtts.errors import ModelError
from podtts.rates import ENCODER_HZ
from podtts.text.languages import Language

_BEAM_SIZE = 5
_COMPUTE_TYPE = "int8"
# What decides, beside the model's files and the library, which turns fail.
SETTINGS = f"{_COMPUTE_TYPE}, beam size {_BEAM_SIZE}, measure {MEASURE}"

_LONGEST_SECONDS = 30  # that Whisper hears at once; it finds its way in longer waves by times
_SHORTEST_SAMPLES = ENCODER_HZ // 10  # fewer have no spectrum
_SIMPLIFIED = "以下是普通话的句子。"  # a first sentence that keeps it to simplified characters


class Whisper:
    """A loaded model; a `Recognizer`. Several threads may use it: one at a time is heard.

    threads: of the CPU; None: as many as the library takes by itself, at most 4.
    Raises UsageError if faster-whisper is not installed, ModelError for a folder that is not a
    model, or a damaged one.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        check_recognizer(folder)
        from faster_whisper import WhisperModel
        from tqdm import tqdm

        # Of threads: its lock of processes would be reported as a leak where a worker ends at once.
        tqdm.set_lock(threading.RLock())

        self._folder = folder
        self._hearing = threading.Lock()
        try:
            self._model: Any = WhisperModel(
                str(folder), device="cpu", compute_type=_COMPUTE_TYPE, cpu_threads=threads or 0
            )
        except Exception as error:  # the library of the tokenizer raises no other for a bad file
            raise self._error(error) from error

    def transcribe(self, wave: Tensor, rate_hz: int, language: Language | None = None) -> str:
        """Return the words in a wave, see `Recognizer`."""
        samples = resample(wave.float(), rate_hz, ENCODER_HZ).numpy()
        samples = np.pad(samples, (0, max(0, _SHORTEST_SAMPLES - len(samples))))
        with self._hearing:
            return self._transcribe(samples, language)

    def _transcribe(self, samples: Any, language: Language | None) -> str:
        try:
            chosen = self._language(samples, language)
            segments, _ = self._model.transcribe(
                samples,
                language=chosen,
                beam_size=_BEAM_SIZE,
                temperature=0.0,
                condition_on_previous_text=False,
                without_timestamps=len(samples) <= _LONGEST_SECONDS * ENCODER_HZ,
                initial_prompt=_SIMPLIFIED if chosen == "zh" else None,
            )
            return " ".join(segment.text.strip() for segment in segments).strip()
        except (RuntimeError, ValueError, KeyError) as error:
            raise self._error(error) from error

    def _language(self, samples: Any, language: Language | None) -> str:
        """The language to expect; English alone where the model knows no other."""
        if not self._model.model.is_multilingual:
            return "en"
        if language is not None:
            return language
        detected, _, _ = self._model.detect_language(samples)
        return str(detected)

    def _error(self, error: Exception) -> ModelError:
        """What the library says of files that it cannot use, on one line."""
        reason = str(error).strip().partition("\n")[0]
        return ModelError(
            f"{self._folder} cannot be used to recognize speech: {reason}",
            "pull the model again, or give another --recognizer",
        )
