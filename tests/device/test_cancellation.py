"""Cancelled work ends before its next step, whoever does it: Python, compiled code, a library."""

import ctypes
import threading
from pathlib import Path

import numpy as np
import pytest
from support.golden_data import models, trace_prompts

from podtts.device.cancellation import (
    Cancellation,
    Cancelled,
    calling_if_cancelled,
    cancellation_flag,
    cancelled_by,
    raise_if_cancelled,
    work_under,
)
from podtts.device.onnx_run import cancellable_load, cancellable_run
from podtts.engine.render import RenderJob
from podtts.engine.renderer import ThreadedRenderer
from podtts.flow.prompt_states import PromptStates
from podtts.hub.bundled import bundled_model
from podtts.options import FlowOptions
from podtts.values import SpeechTokens


def test_only_the_cancelled_thread_ends() -> None:
    cancellation = Cancellation()
    raise_if_cancelled()
    with cancelled_by(cancellation):
        raise_if_cancelled()
        cancellation.cancel()
        with pytest.raises(Cancelled):
            raise_if_cancelled()
        other = threading.Thread(target=raise_if_cancelled)
        other.start()
        other.join()
    raise_if_cancelled()


def test_a_thread_may_work_under_a_cancellation_from_now_on() -> None:
    cancellation = Cancellation()
    work_under(cancellation)
    cancellation.cancel()
    try:
        with pytest.raises(Cancelled):
            raise_if_cancelled()
    finally:
        work_under(None)
    raise_if_cancelled()


def test_compiled_code_finds_the_flag() -> None:
    assert cancellation_flag() is None
    cancellation = Cancellation()
    with cancelled_by(cancellation):
        address = cancellation_flag()
        assert address is not None
        flag = ctypes.c_int.from_address(address)
        assert flag.value == 0
        cancellation.cancel()
        assert flag.value != 0


def test_what_can_only_be_told_is_told_within_its_context() -> None:
    cancellation, told = Cancellation(), list[str]()
    with calling_if_cancelled(lambda: told.append("nobody cancels")):
        pass
    with cancelled_by(cancellation):
        with calling_if_cancelled(lambda: told.append("over")):
            pass
        with calling_if_cancelled(lambda: told.append("running")):
            cancellation.cancel()
        with calling_if_cancelled(lambda: told.append("too late to begin")):
            pass
    assert told == ["running", "too late to begin"]


def test_onnx_runtime_ends_before_its_next_node() -> None:
    from onnxruntime import InferenceSession, SessionOptions

    path: Path = bundled_model() / "campplus.onnx"
    session = InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = {session.get_inputs()[0].name: np.zeros((1, 200, 80), np.float32)}
    cancellation = Cancellation()
    with cancelled_by(cancellation):
        with cancellable_run() as options:
            session.run(None, inputs, options)
        cancellation.cancel()
        with pytest.raises(Cancelled), cancellable_run() as options:
            session.run(None, inputs, options)
        settings = SessionOptions()
        with pytest.raises(Cancelled), cancellable_load(settings):
            InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])


def test_closing_the_renderer_cancels_the_turn_it_renders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    renderer: ThreadedRenderer[str] = ThreadedRenderer(models(), PromptStates())
    closed = threading.Event()
    steps: list[None] = []
    third_step = threading.Event()

    def third_step_waits() -> None:
        steps.append(None)
        if len(steps) == 3:
            third_step.set()
            closed.wait()
        raise_if_cancelled()

    monkeypatch.setattr("podtts.flow.decode.raise_if_cancelled", third_step_waits)
    tokens = SpeechTokens((1, 2, 3, 4), ended=True)
    flow = FlowOptions(steps=8)
    job = RenderJob(tokens, trace_prompts("plain")[0], flow, seed=1, draws=0)
    with renderer._closing.calling(closed.set):
        renderer.submit("a turn", job)
        group = renderer._group
        assert group is not None
        third_step.wait()
        renderer.close()
    assert len(steps) == 3
    with pytest.raises(Cancelled):
        group.result()
