import pytest

from podtts.bench.first_audio import listening


def test_a_player_waits_for_the_worst_gap() -> None:
    """Chunks of 1 s: the second comes 0.5 s too late, and the third in time after that."""
    run = listening([(2.0, 1.0), (3.5, 1.0), (4.5, 1.0)])
    assert run.first_seconds == 2.0
    assert run.prebuffer_seconds == pytest.approx(0.5)
    assert run.audio_seconds == 3.0
    assert run.rtf == pytest.approx(1.5)


def test_sound_that_comes_in_time_needs_no_prebuffer() -> None:
    assert listening([(1.0, 1.0), (1.2, 1.0), (1.4, 1.0)]).prebuffer_seconds == 0


def test_chunks_without_samples_are_not_heard() -> None:
    run = listening([(1.0, 0.0), (2.0, 1.0)])
    assert (run.first_seconds, run.prebuffer_seconds) == (2.0, 0.0)
