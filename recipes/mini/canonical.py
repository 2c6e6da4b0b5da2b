"""The one voice whose tokens the language model writes; the flow gives it everyone's voice.

English is spoken by hibari-tts, a small student of the teacher that is sixty times as fast; other
texts by the teacher itself, in a mean of the same voice and a Mandarin one.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from recipes.mini.phones import phones_of
from recipes.mini.teacher import Teacher

_MANDARIN = {"af_heart": 0.4, "zf_xiaoyi": 0.6}
_HAN = re.compile(r"[\u4e00-\u9fff]")


class CanonicalVoice:
    """Says texts at 24 kHz."""

    def __init__(self, teacher: Path, device: torch.device) -> None:
        from hibari import Hibari

        self._english = Hibari()
        self._teacher = Teacher(teacher, device)

    def say(self, text: str) -> Tensor:
        """A text's wave, float32 [S]; equal texts are said equally."""
        if _HAN.search(text):
            return torch.from_numpy(self._teacher.say(phones_of(text), _MANDARIN).wave)
        return torch.from_numpy(np.ascontiguousarray(self._english(text, seed=0)))
