"""Measures variants of the same work against each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from podtts.device.stopwatch import Stopwatch


@dataclass(frozen=True)
class Variant:
    """One way to synthesize the same scripts."""

    name: str
    synthesize: Callable[[], float]  # all scripts; returns the seconds of audio


@dataclass(frozen=True)
class VariantTimes:
    """What a variant took in every round."""

    name: str
    audio_seconds: tuple[float, ...]
    wall_seconds: tuple[float, ...]

    @property
    def rtfs(self) -> tuple[float, ...]:
        """Seconds on the clock per second of audio, by round."""
        pairs = zip(self.wall_seconds, self.audio_seconds, strict=True)
        return tuple(wall / audio for wall, audio in pairs)

    def ratios(self, other: VariantTimes) -> tuple[float, ...]:
        """Return this time over the other variant's time in the same round, by round."""
        pairs = zip(self.wall_seconds, other.wall_seconds, strict=True)
        return tuple(own / others for own, others in pairs)


def measure_variants(
    variants: Sequence[Variant],
    rounds: int,
    device: torch.device,
    progress: Callable[[str], None],
) -> list[VariantTimes]:
    """Run all variants in every round, in every other round in the opposite order.

    So a machine that slows down slows all of them. progress: gets a line before every run.
    """
    audio: dict[str, list[float]] = {variant.name: [] for variant in variants}
    wall: dict[str, list[float]] = {variant.name: [] for variant in variants}
    for number in range(rounds):
        for variant in variants if number % 2 == 0 else variants[::-1]:
            progress(f"round {number + 1} of {rounds}: {variant.name}")
            with Stopwatch(device) as watch:
                audio[variant.name].append(variant.synthesize())
            wall[variant.name].append(watch.seconds)
    return [
        VariantTimes(variant.name, tuple(audio[variant.name]), tuple(wall[variant.name]))
        for variant in variants
    ]
