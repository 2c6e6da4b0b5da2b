"""Finds the part of a long recording that makes the best prompt."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from torch import Tensor

from podtts.audio.io import Recording
from podtts.audio.recording_problems import FULL_SCALE
from podtts.audio.speech_frames import FRAME_SECONDS, audible_frames, frame_samples

_SHORTEST_SECONDS, _LONGEST_SECONDS = 5.0, 20.0
_GOOD_SECONDS = 12.0
_PAUSE_FRAMES = 10  # 0.2 s: between sentences, and not within words
_MARGIN_FRAMES = 5  # of a pause stay at both ends
# What a stretch loses of its share of speech: 0.3 for being twice as long as is good, and four
# times its share of clipped frames.
_LENGTH_COST, _CLIPPING_COST = 0.3, 4.0


def best_stretch(recording: Recording) -> tuple[float, float] | None:
    """Return the seconds [start, stop) of the best stretch; None if there is none.

    It has 5 to 20 s, begins and ends in a pause, and has much speech and little clipping.
    """
    wave = recording.wave.double()
    audible = audible_frames(wave - wave.mean(), recording.rate_hz).tolist()
    spoken = [*accumulate(audible, initial=0)]
    clipped = [*accumulate(_clipped_frames(recording), initial=0)]
    best, best_score = None, float("-inf")
    pauses = [*_pauses(audible)]
    for begin, after in pauses:
        start = max(after - _MARGIN_FRAMES, begin)
        for stop_begin, stop_after in pauses:
            stop = min(stop_begin + _MARGIN_FRAMES, stop_after)
            frames = stop - start
            if not _SHORTEST_SECONDS <= frames * FRAME_SECONDS <= _LONGEST_SECONDS:
                continue
            speech = (spoken[stop] - spoken[start]) / frames
            clipping = (clipped[stop] - clipped[start]) / frames
            excess = abs(frames * FRAME_SECONDS - _GOOD_SECONDS) / _GOOD_SECONDS
            score = speech - _CLIPPING_COST * clipping - _LENGTH_COST * excess
            if score > best_score:
                best, best_score = (start, stop), score
    if best is None:
        return None
    return best[0] * FRAME_SECONDS, best[1] * FRAME_SECONDS


def _clipped_frames(recording: Recording) -> list[bool]:
    frame = frame_samples(recording.rate_hz)
    wave: Tensor = recording.wave[: len(recording.wave) // frame * frame]
    clipped: list[bool] = (wave.reshape(-1, frame).abs() >= FULL_SCALE).any(dim=1).tolist()
    return clipped


def _pauses(audible: list[bool]) -> Iterator[tuple[int, int]]:
    """Yield the frames [begin, after) of every pause, and of an empty one before the recording."""
    yield 0, 0
    begin = 0
    for number, is_audible in enumerate([*audible, True]):
        if is_audible:
            if number - begin >= _PAUSE_FRAMES:
                yield begin, number
            begin = number + 1
