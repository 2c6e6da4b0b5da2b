"""Runs of ONNX Runtime that end early when nobody needs their results any more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from podtts.device.cancellation import calling_if_cancelled, raise_if_cancelled

if TYPE_CHECKING:
    from onnxruntime import RunOptions, SessionOptions


@contextmanager
def cancellable_run() -> Iterator[RunOptions]:
    """Options for one run of a session, which ends before its next node when it is cancelled.

    Raises Cancelled then.
    """
    from onnxruntime import RunOptions
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail

    options = RunOptions()

    def stop() -> None:
        options.terminate = True

    with calling_if_cancelled(stop):
        try:
            yield options
        except Fail:
            raise_if_cancelled()
            raise


@contextmanager
def cancellable_load(options: SessionOptions) -> Iterator[None]:
    """Within the context, a session with these options is loaded no further when it is cancelled.

    Raises Cancelled then.
    """
    from onnxruntime.capi import onnxruntime_pybind11_state as failures

    def stop() -> None:
        options.set_load_cancellation_flag(True)

    with calling_if_cancelled(stop):
        try:
            yield
        except (failures.Fail, failures.ModelLoadCanceled):
            raise_if_cancelled()
            raise
