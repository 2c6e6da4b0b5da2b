"""Finds problems of a recording that is usable, as its voice will have them, too.

All measurements use the first channel, because podtts uses that channel alone.
"""

import torch
from torch import Tensor

from podtts.audio.io import Recording

# A good recording reaches full scale in single samples, if at all. A recording 2 dB too loud is at
# full scale for one sample in a thousand (both example speakers, clipped on purpose).
_FULL_SCALE = 0.999
_CLIPPED_SHARE = 1e-3

# Volume normalization counts an offset as loudness. The offset of voices is near 1 % of their RMS.
_OFFSET_SHARE = 0.1

# Pauses between sentences take up to a second each, and less than a third of the time in all.
# Silence is 40 dB below the loud parts: room noise is about 50 dB below them, and the ends of words
# less than 30 dB.
_FRAME_SECONDS = 0.02
_SILENCE_RATIO = 0.01
_LOUD_QUANTILE = 0.95
_CLICK_RATIO = 0.1
_LONG_EDGE_SECONDS = 1.0
_SILENT_SHARE = 0.5


def find_recording_problems(recording: Recording) -> tuple[str, ...]:
    """Return a message for each problem: clipping, DC offset, silence at an end, much silence."""
    wave = recording.wave.double()
    offset = float(wave.mean())
    problems = []
    clipped = float((wave.abs() >= _FULL_SCALE).double().mean())
    if clipped > _CLIPPED_SHARE:
        problems.append(f"{clipped:.1%} of its samples are clipped: record it at a lower level")
    if abs(offset) > _OFFSET_SHARE * float(wave.square().mean().sqrt()):
        problems.append(f"it has a DC offset of {offset:+.3f}: remove it with a high-pass filter")
    return (*problems, *_long_silences(wave - offset, recording.rate_hz))


def _long_silences(wave: Tensor, rate_hz: int) -> list[str]:
    """Return a message for each long silence of a wave without an offset."""
    frame = round(_FRAME_SECONDS * rate_hz)
    power = wave[: len(wave) // frame * frame].reshape(-1, frame).square().mean(dim=1)
    if not len(power):
        return []
    # With a quantile, a single click does not set the level. A few words in a long silence are
    # below the quantile: then the maximum sets it.
    speech = torch.maximum(torch.quantile(power, _LOUD_QUANTILE), power.max() * _CLICK_RATIO**2)
    audible = torch.nonzero(power > _SILENCE_RATIO**2 * speech)[:, 0]
    if not len(audible):
        return []
    before = float(audible[0]) * _FRAME_SECONDS
    after = float(len(power) - 1 - audible[-1]) * _FRAME_SECONDS
    silent = 1 - len(audible) / len(power)
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
