"""Rendering that nobody waits for any more ends before its next step."""

import threading

import pytest
from golden_data import models, trace_prompts

from podtts.abandon import Abandoned, check_wanted, until
from podtts.backstage import Backstage
from podtts.options import FlowOptions
from podtts.rendering import Render
from podtts.values import SpeechTokens


def test_only_the_thread_that_was_given_up_ends() -> None:
    given_up = threading.Event()
    check_wanted()
    with until(given_up):
        check_wanted()
        given_up.set()
        with pytest.raises(Abandoned):
            check_wanted()
        other = threading.Thread(target=check_wanted)
        other.start()
        other.join()
    check_wanted()


def test_a_turn_being_rendered_is_left_when_its_thread_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backstage = Backstage(models())
    steps: list[None] = []
    in_the_midst = threading.Event()

    def checked() -> None:
        steps.append(None)
        if len(steps) == 3:
            in_the_midst.set()
            assert backstage._closing.wait(60)
        check_wanted()

    monkeypatch.setattr("podtts.flow.decode.check_wanted", checked)
    tokens = SpeechTokens((1, 2, 3, 4), ended=True)
    flow = FlowOptions(steps=8)
    backstage.begin([Render(tokens, trace_prompts("plain")[0], flow, seed=1, draws=0)])
    assert in_the_midst.wait(60)
    backstage.close()
    assert len(steps) == 3
    with pytest.raises(Abandoned):
        backstage.collect()
