import numpy as np
import pytest
from recipes.mini.phone_codes import (
    MIDDLE,
    OCTAVES_PER_LEVEL,
    PHONE_CODES,
    PHONES,
    PITCH_LEVELS,
    aligned_phones,
    codes_of_phones,
    pitch_levels,
    segments,
)
from recipes.mini.sizes import CODES

from podtts.rates import SAMPLES_PER_TOKEN


def _said(phones: str, tokens: list[float], count: int) -> str:
    """The phones of tokens where every symbol lasts so many tokens."""
    samples = np.array([round(one * SAMPLES_PER_TOKEN) for one in tokens], np.int32)
    found = aligned_phones(list(segments(phones, samples)), count)
    return "".join(PHONES[number] for number in found)


def test_a_token_has_the_phone_in_its_middle() -> None:
    assert _said("^hi$", [1, 2.4, 2.6, 1], 7) == "_hhiii_"


def test_a_phone_shorter_than_a_token_is_not_lost() -> None:
    assert _said("^aktb$", [1, 3, 0.3, 0.3, 3.4, 1], 9) == "_aaktbbb_"


def test_a_pause_shorter_than_a_token_may_be_lost() -> None:
    assert _said("a b", [2, 0.2, 1.8], 4) == "aabb"


def test_more_phones_than_tokens_lose_some() -> None:
    assert len(_said("bdfhk", [0.2] * 5, 1)) == 1


def test_stress_belongs_to_what_follows_and_tones_and_length_to_what_went_before() -> None:
    assert _said("nˈa→b", [1, 1, 1, 2, 1], 6) == "naaaab"


def test_unknown_phones_are_pauses() -> None:
    assert _said("a☃b", [1, 2, 1], 4) == "a__b"


def test_pitch_is_told_in_levels_around_the_median() -> None:
    step = 2**OCTAVES_PER_LEVEL
    f0 = np.array([100, 100, 100 * step, 100 * step**2, 50, 400, 0, 0, 100, 100], np.float32)
    levels = pitch_levels(f0, 10).tolist()
    assert levels == [4, 4, 5, 6, 0, PITCH_LEVELS - 1, MIDDLE, MIDDLE, 4, 4]


def test_silence_has_no_pitch() -> None:
    assert pitch_levels(np.zeros(7), 3).tolist() == [MIDDLE] * 3


def test_codes_hold_phone_and_pitch() -> None:
    samples = np.full(4, SAMPLES_PER_TOKEN, np.int32)
    f0 = np.array([0, 100, 100 * 2**OCTAVES_PER_LEVEL, 0])
    codes = codes_of_phones("^ab$", samples, f0, 4)
    assert (codes % PHONE_CODES).tolist() == [0, PHONES.index("a"), PHONES.index("b"), 0]
    # The median of two lies between them.
    assert codes[0] // PHONE_CODES == codes[3] // PHONE_CODES == MIDDLE
    assert codes.dtype == np.int16


def test_every_phone_and_level_has_a_code() -> None:
    assert len(set(PHONES)) == len(PHONES) <= PHONE_CODES
    assert PHONE_CODES * PITCH_LEVELS <= CODES


@pytest.mark.parametrize("tokens", [1, 2, 30])
def test_there_are_as_many_codes_as_wanted(tokens: int) -> None:
    samples = np.array([600, 1200, 600], np.int32)
    assert len(codes_of_phones("^a$", samples, np.full(8, 120.0), tokens)) == tokens
