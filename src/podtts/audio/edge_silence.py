"""Removes the silence at both ends of a recording."""

from __future__ import annotations

from dataclasses import replace

import torch

from podtts.audio.io import Recording
from podtts.audio.speech_frames import audible_frames, frame_samples

_MARGIN_FRAMES = 10  # 0.2 s stay: soft consonants, and a breath


def without_edge_silence(recording: Recording) -> Recording:
    """Return a recording without the silence at its ends; a silent one is returned unchanged."""
    wave = recording.wave.double()
    audible = torch.nonzero(audible_frames(wave - wave.mean(), recording.rate_hz))[:, 0]
    if not len(audible):
        return recording
    frame = frame_samples(recording.rate_hz)
    start = max(int(audible[0]) - _MARGIN_FRAMES, 0) * frame
    stop = (int(audible[-1]) + 1 + _MARGIN_FRAMES) * frame
    return replace(recording, wave=recording.wave[start:stop])
