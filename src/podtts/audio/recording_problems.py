"""Finds problems of a recording that is usable, as its voice will have them, too.

All measurements use the channels that podtts uses.
"""

import torch
from torch import Tensor

from podtts.audio.io import Recording
from podtts.audio.speech_frames import FRAME_SECONDS, audible_frames

# A good recording reaches full scale in single samples, if at all. A recording 2 dB too loud is at
# full scale for one sample in a thousand (both example speakers, clipped on purpose).
FULL_SCALE = 0.999
_CLIPPED_SHARE = 1e-3

# Volume normalization counts an offset as loudness. The offset of voices is near 1 % of their RMS.
_OFFSET_SHARE = 0.1

# Pauses between sentences take up to a second each, and less than a third of the time in all.
_LONG_EDGE_SECONDS = 1.0
_SILENT_SHARE = 0.5


def find_recording_problems(recording: Recording) -> tuple[str, ...]:
    """Return a message for each problem: clipping, DC offset, silence at an end, much silence."""
    wave = recording.wave.double()
    offset = float(wave.mean())
    problems = []
    clipped = float((wave.abs() >= FULL_SCALE).double().mean())
    if clipped > _CLIPPED_SHARE:
        problems.append(f"{clipped:.1%} of its samples are clipped: record it at a lower level")
    if abs(offset) > _OFFSET_SHARE * float(wave.square().mean().sqrt()):
        problems.append(f"it has a DC offset of {offset:+.3f}: remove it with a high-pass filter")
    return (*problems, *_long_silences(wave - offset, recording.rate_hz))


def _long_silences(wave: Tensor, rate_hz: int) -> list[str]:
    """Return a message for each long silence of a wave without an offset."""
    is_audible = audible_frames(wave, rate_hz)
    audible = torch.nonzero(is_audible)[:, 0]
    if not len(audible):
        return []
    before = float(audible[0]) * FRAME_SECONDS
    after = float(len(is_audible) - 1 - audible[-1]) * FRAME_SECONDS
    silent = 1 - len(audible) / len(is_audible)
    problems = [
        f"it {verb} with {seconds:.1f} s of silence: cut them off"
        for verb, seconds in (("begins", before), ("ends", after))
        if seconds > _LONG_EDGE_SECONDS
    ]
    if silent > _SILENT_SHARE:
        problems.append(
            f"it is silent for {silent:.0%} of the time: use a recording with more speech"
        )
    return problems
