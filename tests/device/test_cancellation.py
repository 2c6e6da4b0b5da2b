"""Cancelled work ends before its next step."""

import threading

import pytest
from support.golden_data import models, trace_prompts

from podtts.device.cancellation import Cancelled, cancelled_by, raise_if_cancelled
from podtts.engine.backstage import Backstage
from podtts.engine.renderer import Render
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
    backstage = Backstage(models())
    steps: list[None] = []
    third_step = threading.Event()

    def third_step_waits() -> None:
        steps.append(None)
        if len(steps) == 3:
            third_step.set()
            assert backstage._closing.wait(60)
        raise_if_cancelled()

    monkeypatch.setattr("podtts.flow.decode.raise_if_cancelled", third_step_waits)
    tokens = SpeechTokens((1, 2, 3, 4), ended=True)
    flow = FlowOptions(steps=8)
    backstage.begin([Render(tokens, trace_prompts("plain")[0], flow, seed=1, draws=0)])
    assert third_step.wait(60)
    backstage.close()
    assert len(steps) == 3
    with pytest.raises(Cancelled):
        backstage.collect()
