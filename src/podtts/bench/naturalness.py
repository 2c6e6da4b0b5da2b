"""Naturalness of speech in the ears of Distill-MOS (Stahl and Gamper, 2025; MIT).

It comes with the extra `quality`, with its weights. It was not trained on what podtts makes.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

import torch
from torch import Tensor

from podtts.audio.io import resample
from podtts.errors import UsageError
from podtts.rates import ENCODER_HZ, OUTPUT_HZ


class Naturalness:
    """Rates waves. Raises UsageError if distillmos is not installed."""

    def __init__(self) -> None:
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # it prints what it loads
                import distillmos

                self._model: Any = distillmos.ConvTransformerSQAModel().eval()
        except ImportError as error:
            raise UsageError(
                "naturalness is rated with distillmos, which is not installed",
                "run: pip install 'podtts[quality]'",
            ) from error

    @torch.inference_mode()
    def score(self, wave: Tensor) -> float:
        """Return the mean opinion score, from 1 to 5, of a wave, float32 [S] at 24 kHz."""
        return float(self._model(resample(wave, OUTPUT_HZ, ENCODER_HZ)[None]))
