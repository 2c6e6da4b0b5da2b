"""What a recording suffers from although it can be used: said, because the voice will have it too.

All of it is measured on the first channel, which is the one that is heard.
"""

import torch
from torch import Tensor

from podtts.audio.io import Recording

# A voice recorded well touches full scale in single samples, if at all; recorded 2 dB too loud, it
# stands there for one sample in a thousand (both example speakers, clipped on purpose).
_FULL_SCALE = 0.999
_CLIPPED_SHARE = 1e-3

# The volume rule takes an offset for loudness. Voices stay near a hundredth of their own RMS.
_OFFSET_SHARE = 0.1

# Speech falls silent for up to a second between sentences, and for less than a third of the time.
# Silence is 40 dB below the loud parts: rooms are nearer to 50 below, the ends of words above 30.
_FRAME_SECONDS = 0.02
_SILENCE_RATIO = 0.01
_LOUD_QUANTILE = 0.95
_CLICK_RATIO = 0.1
_LONG_EDGE_SECONDS = 1.0
_SILENT_SHARE = 0.5


def find_flaws(recording: Recording) -> tuple[str, ...]:
    """Return a sentence for each of: clipped, offset from zero, silent at an end or for long."""
    wave = recording.wave.double()
    offset = float(wave.mean())
    found = []
    clipped = float((wave.abs() >= _FULL_SCALE).double().mean())
    if clipped > _CLIPPED_SHARE:
        found.append(f"{clipped:.1%} of its samples are clipped: record it at a lower level")
    if abs(offset) > _OFFSET_SHARE * float(wave.square().mean().sqrt()):
        found.append(f"its samples have an offset of {offset:+.3f}: remove it with a high-pass")
    return (*found, *_silences(wave - offset, recording.rate_hz))


def _silences(wave: Tensor, rate_hz: int) -> list[str]:
    """Name long silences of a wave without an offset."""
    frame = round(_FRAME_SECONDS * rate_hz)
    power = wave[: len(wave) // frame * frame].reshape(-1, frame).square().mean(dim=1)
    if not len(power):
        return []
    # The quantile keeps a click from deciding; of a few words in a long silence it hears nothing.
    speech = torch.maximum(torch.quantile(power, _LOUD_QUANTILE), power.max() * _CLICK_RATIO**2)
    heard = torch.nonzero(power > _SILENCE_RATIO**2 * speech)[:, 0]
    if not len(heard):
        return []
    before = float(heard[0]) * _FRAME_SECONDS
    after = float(len(power) - 1 - heard[-1]) * _FRAME_SECONDS
    silent = 1 - len(heard) / len(power)
    found = [
        f"it {verb} with {seconds:.1f} s of silence: cut them off"
        for verb, seconds in (("begins", before), ("ends", after))
        if seconds > _LONG_EDGE_SECONDS
    ]
    if silent > _SILENT_SHARE:
        found.append(f"it is silent for {silent:.0%} of the time: use one with more speech")
    return found
