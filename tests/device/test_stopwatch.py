import time

import pytest
import torch

from podtts.device import stopwatch
from podtts.device.stopwatch import Stopwatch


def test_seconds_are_those_between_entering_and_leaving() -> None:
    with Stopwatch(torch.device("cpu")) as watch:
        time.sleep(0.02)
    assert 0.02 <= watch.seconds < 10


def test_the_devices_work_is_finished_before_both_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    events = []
    monkeypatch.setattr(stopwatch, "synchronize", lambda device: events.append(str(device)))

    def read_clock() -> float:
        events.append("clock")
        return 0.0

    monkeypatch.setattr(time, "perf_counter", read_clock)
    with Stopwatch(torch.device("cpu")):
        events.append("work")
    assert events == ["cpu", "clock", "work", "cpu", "clock"]
