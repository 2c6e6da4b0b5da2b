"""The one voice whose tokens the language model writes; the flow gives it everyone's voice."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from podtts.rates import SAMPLES_PER_TOKEN
from recipes.mini.phone_codes import codes_of_phones
from recipes.mini.phones import phones_of
from recipes.mini.teacher import Planner

_ENGLISH = {"af_heart": 1.0}
_MANDARIN = {"af_heart": 0.4, "zf_xiaoyi": 0.6}
_MOST_PHONES = 500
_HAN = re.compile(r"[\u4e00-\u9fff]")


def canonical_codes(planner: Planner, text: str) -> NDArray[np.int16] | None:
    """Codes int16 [T] of a text as the canonical voice says it; None: too long for the teacher."""
    phones = phones_of(text)
    if len(phones) > _MOST_PHONES:
        return None
    plan = planner.plan(phones, _MANDARIN if _HAN.search(text) else _ENGLISH)
    tokens = int(plan.samples.sum()) // SAMPLES_PER_TOKEN
    return codes_of_phones(plan.phones, plan.samples, plan.f0, tokens)
