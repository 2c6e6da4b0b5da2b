import pytest

from podtts import rates


def test_rates_agree_with_each_other() -> None:
    assert rates.MEL_FRAMES_PER_SECOND * rates.MEL_HOP == rates.OUTPUT_HZ
    assert rates.SAMPLES_PER_TOKEN * rates.TOKENS_PER_SECOND == rates.OUTPUT_HZ


def test_a_remainder_is_refused() -> None:
    assert rates.exact_div(12, 4) == 3
    with pytest.raises(ValueError, match="13 is not a multiple of 4"):
        rates.exact_div(13, 4)
