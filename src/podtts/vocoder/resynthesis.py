"""From the mel of a recording back to sound: what the model has of a voice."""

from __future__ import annotations

import torch
from torch import Tensor

from podtts.rates import MEL_HOP
from podtts.vocoder.hift import Vocoder


def resynthesize(vocoder: Vocoder, mel: Tensor) -> Tensor:
    """Return the wave of a mel spectrogram (float32 [F, 80]), without noise in its source.

    returns: float32 [480*F] on the CPU, within [-1, 1].
    """
    silent = torch.zeros(vocoder.config.waves, MEL_HOP * len(mel))
    [wave] = vocoder.render([mel], [silent])
    return wave.cpu()
