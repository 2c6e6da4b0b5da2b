from functools import cache

import pytest
from recipes.mini.corpus import utterance
from recipes.mini.espeak import CANONICAL, Espeak, EspeakVoice


@cache
def _espeak() -> Espeak:
    try:
        return Espeak()
    except (OSError, RuntimeError) as error:
        pytest.skip(f"espeak-ng is not installed: {error}")


def test_phones_have_their_times() -> None:
    spoken = _espeak().speak("See the sea.", CANONICAL)
    seconds = len(spoken.wave) / spoken.rate_hz
    times = [time for time, _ in spoken.phones]
    assert seconds > 0.5
    assert times == sorted(times)
    assert times[-1] <= seconds
    assert [phone for _, phone in spoken.phones][:2] == ["s", "i:"]


def test_another_voice_in_between_does_not_change_the_speech() -> None:
    first = _espeak().speak("Once more.", CANONICAL)
    _espeak().speak("Something else.", EspeakVoice("f2"))
    again = _espeak().speak("Once more.", CANONICAL)
    assert [phone for _, phone in again.phones] == [phone for _, phone in first.phones]
    # espeak-ng carries a few samples of its clock from one sentence to the next.
    assert len(again.wave) == pytest.approx(len(first.wave), abs=20)


def test_a_stretched_voice_keeps_its_pace() -> None:
    text = "A sentence that is long enough to compare."
    plain = _espeak().speak(text, CANONICAL)
    small = _espeak().speak(text, EspeakVoice("", stretch=1.1))
    assert small.rate_hz > plain.rate_hz
    ratio = (len(small.wave) / small.rate_hz) / (len(plain.wave) / plain.rate_hz)
    assert ratio == pytest.approx(1, abs=0.08)


def test_an_utterance_is_cut_to_whole_tokens() -> None:
    spoken = _espeak().speak("This will be a whole number of tokens.", CANONICAL)
    cut = utterance(spoken, "x", 0, 0.1)
    assert cut is not None
    assert len(cut.wave) == 960 * cut.tokens
    assert len(cut.mel) == len(cut.f0) == len(cut.phones) == 2 * cut.tokens
    assert len(cut.log_mel) == len(cut.fbank) == 4 * cut.tokens
    assert utterance(_espeak().speak("No.", CANONICAL), "x", 0, 0.0) is None


def test_a_missing_library_is_an_error() -> None:
    with pytest.raises(OSError):
        Espeak("libno-such-library.so")
