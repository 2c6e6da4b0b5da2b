"""Rendering that nobody waits for any more ends before its next step."""

import threading

import pytest
from support.golden_data import models, trace_prompts

from podtts.device.cancellation import Cancelled, cancelled_by, raise_if_cancelled
from podtts.engine.render import RenderJob
from podtts.engine.renderer import ThreadedRenderer
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
    renderer: ThreadedRenderer[str] = ThreadedRenderer(models())
    closing = renderer._closing
    steps: list[None] = []
    in_the_midst = threading.Event()

    def checked() -> None:
        steps.append(None)
        if len(steps) == 3:
            in_the_midst.set()
            assert closing.wait(60)
        raise_if_cancelled()

    monkeypatch.setattr("podtts.flow.decode.raise_if_cancelled", checked)
    tokens = SpeechTokens((1, 2, 3, 4), ended=True)
    flow = FlowOptions(steps=8)
    job = RenderJob(tokens, trace_prompts("plain")[0], flow, seed=1, draws=0)
    renderer.submit("a turn", job)
    group = renderer._group
    assert group is not None
    assert in_the_midst.wait(60)
    renderer.close()
    assert len(steps) == 3
    with pytest.raises(Cancelled):
        group.result()
