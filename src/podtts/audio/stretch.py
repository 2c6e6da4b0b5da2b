"""Speaking faster or slower without another pitch: time-stretching after synthesis."""

from __future__ import annotations

import numpy as np
import torch
from python_stretch.Signalsmith import Stretch
from torch import Tensor

from podtts.rates import OUTPUT_HZ

_SEED = 0  # of the phases it draws: the same wave gives the same bytes


def stretch(wave: Tensor, tempo: float) -> Tensor:
    """Return a wave (float32 [S], 24 kHz) at another tempo: 2.0 takes half as long.

    returns: float32 [round(S / tempo)], within [-1, 1].
    """
    length = round(len(wave) / tempo)
    if tempo == 1.0 or not length:
        return wave
    stretcher = Stretch(_SEED)
    stretcher.preset(1, OUTPUT_HZ)
    stretcher.setTimeFactor(tempo)
    stretched = torch.from_numpy(np.array(stretcher.process(wave[None].numpy()))[0])
    stretched = torch.nn.functional.pad(stretched[:length], (0, max(length - len(stretched), 0)))
    return stretched.clamp(-1.0, 1.0)
