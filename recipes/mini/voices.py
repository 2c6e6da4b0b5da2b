"""Who speaks: shipped voices, many random ones to learn from, and some never learnt from.

Every voice is a mean of two or three of the teacher's, so that none is anybody's own. A voice with
a Mandarin one in it speaks both languages, the others English.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

# The teacher's voices by sex. zf_xiaoni has wrong tones and af_nicole whispers: left out.
_ENGLISH = {
    "f": (
        *("af_alloy", "af_aoede", "af_bella", "af_heart", "af_jessica", "af_kore", "af_nova"),
        *("af_river", "af_sarah", "bf_alice", "bf_emma", "bf_isabella", "ef_dora", "ff_siwis"),
        *("hf_alpha", "hf_beta", "jf_alpha", "jf_gongitsune"),
    ),
    "m": (
        *("am_adam", "am_echo", "am_fenrir", "am_liam", "am_michael", "am_onyx", "am_puck"),
        *("am_santa", "bm_daniel", "bm_fable", "bm_george", "em_alex", "hm_omega", "im_nicola"),
        *("jm_kumo", "pm_santa"),
    ),
}
_MANDARIN = {"f": ("zf_xiaoxiao", "zf_xiaoyi"), "m": ("zm_yunxi", "zm_yunxia", "zm_yunyang")}
_BILINGUAL_SHARE = 0.5
_BOTH_SEXES_SHARE = 0.15  # of the voices; their pitch lies between


@dataclass(frozen=True)
class Voice:
    """A speaker: weights of the teacher's voices, and a pace."""

    mix: dict[str, float]
    speed: float = 1.0

    @property
    def speaks_mandarin(self) -> bool:
        return any(name.startswith("z") for name in self.mix)


SHIPPED = {
    "anna": Voice({"af_heart": 0.5, "af_kore": 0.3, "zf_xiaoyi": 0.2}),
    "ben": Voice({"am_michael": 0.5, "bm_george": 0.3, "zm_yunyang": 0.2}),
    "clara": Voice({"bf_emma": 0.5, "af_bella": 0.3, "zf_xiaoxiao": 0.2}),
    "oscar": Voice({"am_fenrir": 0.5, "am_puck": 0.3, "zm_yunxi": 0.2}),
    "mei": Voice({"zf_xiaoxiao": 0.4, "zf_xiaoyi": 0.4, "af_sarah": 0.2}),
    "jun": Voice({"zm_yunyang": 0.4, "zm_yunxi": 0.4, "am_liam": 0.2}),
}
# Mixed of voices that no voice above holds.
_HELD_OUT = (
    Voice({"af_sky": 0.5, "bf_lily": 0.5}),
    Voice({"am_eric": 0.6, "bm_lewis": 0.4}),
    Voice({"af_sky": 0.3, "zf_xiaobei": 0.7}),
    Voice({"am_eric": 0.3, "zm_yunjian": 0.7}),
    Voice({"bf_lily": 0.4, "if_sara": 0.6}, 1.05),
    Voice({"bm_lewis": 0.7, "pm_alex": 0.3}, 0.95),
    Voice({"if_sara": 0.3, "zf_xiaobei": 0.7}, 1.05),
    Voice({"pm_alex": 0.4, "zm_yunjian": 0.6}, 0.95),
)


def learnt_voices(count: int) -> list[Voice]:
    """Shipped voices first, then random ones."""
    rng = random.Random(1)
    return [*SHIPPED.values(), *(_draw(rng) for _ in range(count - len(SHIPPED)))]


def held_out_voices() -> list[Voice]:
    """Voices of which no part of the model has heard a component."""
    return list(_HELD_OUT)


def _draw(rng: random.Random) -> Voice:
    sex = rng.choice("fm")
    bilingual = rng.random() < _BILINGUAL_SHARE
    first = rng.choice((_MANDARIN if bilingual else _ENGLISH)[sex])
    other_sex = "m" if sex == "f" else "f"
    second_sex = other_sex if rng.random() < _BOTH_SEXES_SHARE else sex
    second = rng.choice([name for name in _ENGLISH[second_sex] if name != first])
    share = rng.uniform(0.5, 0.7) if bilingual else rng.uniform(0.3, 0.7)
    weights = {first: round(share, 2), second: round(1 - share, 2)}
    return Voice(weights, round(rng.uniform(0.9, 1.12), 2))
