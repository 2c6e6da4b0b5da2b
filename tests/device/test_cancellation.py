"""Rendering that nobody waits for any more ends before its next step."""

import threading

import pytest
from support.golden_data import models, trace_prompts

from podtts.device.cancellation import Cancelled, cancelled_by, raise_if_cancelled
from podtts.engine.backstage import Backstage
from podtts.engine.renderer import Render
from podtts.options import FlowOptions
from podtts.values import SpeechTokens


def test_only_the_thread_that_was_given_up_ends() -> None:
    given_up = threading.Event()
    raise_if_cancelled()
    with cancelled_by(given_up):
        raise_if_cancelled()
        given_up.set()
        with pytest.raises(Cancelled):
            raise_if_cancelled()
        other = threading.Thread(target=raise_if_cancelled)
        other.start()
        other.join()
    raise_if_cancelled()


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
            backstage._closing.wait()
        raise_if_cancelled()

    monkeypatch.setattr("podtts.flow.decode.raise_if_cancelled", checked)
    tokens = SpeechTokens((1, 2, 3, 4), ended=True)
    flow = FlowOptions(steps=8)
    backstage.begin([Render(tokens, trace_prompts("plain")[0], flow, seed=1, draws=0)])
    in_the_midst.wait()
    backstage.close()
    assert len(steps) == 3
    with pytest.raises(Cancelled):
        backstage.collect()
