"""The volume rule: bring a recording to the loudness the published model was trained on."""

import numpy as np
import torch
from torch import Tensor

_TARGET = np.float32(0.1)  # peak of a quiet recording, and loudness of every recording
SILENT_PEAK = 1e-3  # what is quieter than this is not raised to the target
_AUDIBLE = 0.01  # samples below say nothing about the loudness
_FEWEST_AUDIBLE = 10
_GAIN_RANGE = (0.1, 10.0)


def normalize_volume(wave: Tensor) -> Tensor:
    """Scale a wave so that its loud samples stand at 0.1 and its peak at most at 1.

    wave:    float32 [S] on the CPU, S > 0.
    returns: float32 [S].
    Source: Soul-AILab/SoulX-Podcast soulxpodcast/utils/audio.py (numpy and its rounding kept: the
    speech tokens are decided by it).
    """
    samples = wave.numpy()
    magnitudes = np.sort(np.abs(samples))
    if magnitudes[-1] < _TARGET:
        samples = samples / max(magnitudes[-1], np.float32(SILENT_PEAK)) * _TARGET
    # Measured on the magnitudes from before that first gain, as the published code does: both
    # gains multiply, and the peak guard below keeps the result in range.
    audible = magnitudes[magnitudes > _AUDIBLE]
    count = len(audible)
    if count > _FEWEST_AUDIBLE:
        loudness = np.mean(audible[int(0.9 * count) : int(0.99 * count)])
        samples = samples * np.clip(_TARGET / loudness, *_GAIN_RANGE)
        peak = np.max(np.abs(samples))
        if peak > 1:
            samples = samples / peak
    return torch.from_numpy(samples)
