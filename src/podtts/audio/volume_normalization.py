"""Brings a recording to the volume that the published model was trained on."""

import numpy as np
import torch
from torch import Tensor

_TARGET = np.float32(0.1)  # peak of a quiet recording, and loudness of every recording
SILENT_PEAK = 1e-3  # a recording with a lower peak is not raised to the target
_AUDIBLE = 0.01  # smaller magnitudes do not count in the loudness
_MIN_AUDIBLE = 10  # samples
_GAIN_RANGE = (0.1, 10.0)


def normalize_volume(wave: Tensor) -> Tensor:
    """Scale a wave so that the mean of its loud samples is 0.1 and its peak at most 1.

    wave:    float32 [S] on the CPU, S > 0.
    returns: float32 [S].
    Source: Soul-AILab/SoulX-Podcast soulxpodcast/utils/audio.py (with the same numpy rounding,
    because the speech tokens depend on it).
    """
    samples = wave.numpy()
    magnitudes = np.sort(np.abs(samples))
    if magnitudes[-1] < _TARGET:
        samples = samples / max(magnitudes[-1], np.float32(SILENT_PEAK)) * _TARGET
    # As in the published code, the loudness is measured before the first gain, so both gains
    # multiply; the peak limit below keeps the result in range.
    audible = magnitudes[magnitudes > _AUDIBLE]
    count = len(audible)
    if count > _MIN_AUDIBLE:
        loudness = np.mean(audible[int(0.9 * count) : int(0.99 * count)])
        samples = samples * np.clip(_TARGET / loudness, *_GAIN_RANGE)
        peak = np.max(np.abs(samples))
        if peak > 1:
            samples = samples / peak
    return torch.from_numpy(samples)
