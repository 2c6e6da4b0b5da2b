"""Who speaks: shipped voices, many random ones to learn from, and some never learnt from."""

from __future__ import annotations

import random

from recipes.mini.espeak import EspeakVoice

SHIPPED = {
    "anna": EspeakVoice("f2", pitch=58, stretch=1.06),
    "clara": EspeakVoice("Alicia", pitch=48, stretch=1.02),
    "ben": EspeakVoice("m3", pitch=38, stretch=0.96),
    "oscar": EspeakVoice("m7", pitch=52, stretch=1.0),
}

_LEARNT = (
    "",
    *("f1", "f2", "f3", "f5", "m1", "m2", "m3", "m5", "m6", "m7", "m8"),
    *("Alex", "Alicia", "Andrea", "Andy", "Denis", "Gene", "Hugo", "Jacky", "Lee", "Marco"),
    *("Mario", "Michael", "Mike", "adam", "anika", "antonio", "aunty", "benjamin", "boris"),
    *("caleb", "david", "edward", "grandma", "gustave", "iven2", "linda", "max", "miguel"),
    *("norbert", "paul", "quincy", "robert", "sandro", "steph", "steph3", "travis", "zac"),
)
_HELD_OUT = ("f4", "m4", "Annie", "john", "belinda", "michel", "steph2", "victor")


def learnt_voices(count: int) -> list[EspeakVoice]:
    """Shipped voices first, then random ones."""
    rng = random.Random(1)
    drawn = [_draw(rng, rng.choice(_LEARNT)) for _ in range(count - len(SHIPPED))]
    return [*SHIPPED.values(), *drawn]


def held_out_voices() -> list[EspeakVoice]:
    """Voices of variants no part of the model has heard."""
    rng = random.Random(2)
    return [_draw(rng, variant) for variant in _HELD_OUT]


def _draw(rng: random.Random, variant: str) -> EspeakVoice:
    return EspeakVoice(
        variant,
        pitch=rng.randint(25, 75),
        pitch_range=rng.randint(35, 65),
        words_per_minute=rng.randint(150, 180),
        stretch=round(rng.uniform(0.9, 1.12), 2),
    )
