"""Breath, which the teacher never lets hear: noise as a vocal tract would colour it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recipes.mini.phone_codes import BREATH
from recipes.mini.teacher import F0_HOP, RATE_HZ, Spoken

_PHONE_SAMPLES = 600  # phones of the teacher are whole multiples of this
_RESONANCES_HZ = (700.0, 1600.0, 2700.0, 4000.0)
_WIDTH = 0.18  # of a resonance, as a share of its frequency
_FLOOR = 0.15  # of the gain of a resonance, between them
_TRACTS = (0.88, 1.15)
_SECONDS, _GAP_SECONDS = (0.3, 0.7), (0.1, 0.3)
_LOUDNESS = (0.006, 0.02)  # root mean square
_RISE = (0.25, 0.6)  # share of a breath in which it becomes louder


def breath(seconds: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """A breath, float32 [S] at 24 kHz, a whole number of the teacher's steps."""
    size = max(1, round(seconds * RATE_HZ / _PHONE_SAMPLES)) * _PHONE_SAMPLES
    hertz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    centres = rng.uniform(*_TRACTS) * np.array(_RESONANCES_HZ)[:, None]
    gains = _FLOOR + np.exp(-0.5 * ((hertz - centres) / (_WIDTH * centres)) ** 2).max(axis=0)
    gains *= np.clip(hertz / centres[0], 0, 1) / (1 + (hertz / centres[-1]) ** 4)
    wave = np.fft.irfft(gains * np.fft.rfft(rng.standard_normal(size)), size)
    place, rise = np.linspace(0, 1, size), rng.uniform(*_RISE)
    swell = np.where(place < rise, place / rise, (1 - place) / (1 - rise))
    wave *= np.sin(0.5 * np.pi * swell) ** 1.5
    wave *= rng.uniform(*_LOUDNESS) / np.sqrt(np.square(wave).mean())
    found: NDArray[np.float32] = wave.astype(np.float32)
    return found


def with_breath(spoken: Spoken, rng: np.random.Generator) -> Spoken:
    """Speech with a breath before or behind it, and a pause outside of that."""
    gap = round(rng.uniform(*_GAP_SECONDS) * RATE_HZ / _PHONE_SAMPLES) * _PHONE_SAMPLES
    wave = np.concatenate((np.zeros(gap, np.float32), breath(rng.uniform(*_SECONDS), rng)))
    samples, phones = [gap, len(wave) - gap], f"^{BREATH}"
    if behind := rng.random() < 0.5:
        samples, phones, wave = samples[::-1], phones[::-1], wave[::-1]

    def joined(own: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate((own, new) if behind else (new, own)).astype(own.dtype)

    return Spoken(
        wave=joined(spoken.wave, wave),
        f0=joined(spoken.f0, np.zeros(len(wave) // F0_HOP)),
        phones=spoken.phones + phones if behind else phones + spoken.phones,
        samples=joined(spoken.samples, np.array(samples)),
    )
