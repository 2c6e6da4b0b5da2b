"""Cancelled work ends before its next step."""

import threading

import pytest
from support.golden_data import models, trace_prompts

from podtts.device.cancellation import Cancelled, cancelled_by, raise_if_cancelled
from podtts.engine.render import RenderJob
from podtts.engine.renderer import ThreadedRenderer
from podtts.options import FlowOptions
from podtts.values import SpeechTokens


def test_only_the_cancelled_thread_ends() -> None:
    cancel = threading.Event()
    raise_if_cancelled()
    with cancelled_by(cancel):
        raise_if_cancelled()
        cancel.set()
        with pytest.raises(Cancelled):
            raise_if_cancelled()
        other = threading.Thread(target=raise_if_cancelled)
        other.start()
        other.join()
    raise_if_cancelled()


def test_closing_the_renderer_cancels_the_turn_it_renders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    renderer: ThreadedRenderer[str] = ThreadedRenderer(models())
    closing = renderer._closing
    steps: list[None] = []
    third_step = threading.Event()

    def third_step_waits() -> None:
        steps.append(None)
        if len(steps) == 3:
            third_step.set()
            closing.wait()
        raise_if_cancelled()

    monkeypatch.setattr("podtts.flow.decode.raise_if_cancelled", third_step_waits)
    tokens = SpeechTokens((1, 2, 3, 4), ended=True)
    flow = FlowOptions(steps=8)
    job = RenderJob(tokens, trace_prompts("plain")[0], flow, seed=1, draws=0)
    renderer.submit("a turn", job)
    group = renderer._group
    assert group is not None
    third_step.wait()
    renderer.close()
    assert len(steps) == 3
    with pytest.raises(Cancelled):
        group.result()
