"""Seconds of work, including the work that a device does after a call has returned."""

from __future__ import annotations

import time

import torch

from podtts.device.placement import runs_streams_concurrently


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished what this thread gave it."""
    if runs_streams_concurrently(device):  # other threads' streams go on
        torch.get_device_module(device).current_stream(device).synchronize()
    elif device.type != "cpu":
        torch.get_device_module(device).synchronize()


class Stopwatch:
    """Context manager that measures `seconds`, the device's pending work included."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds = 0.0

    def __enter__(self) -> Stopwatch:
        synchronize(self.device)
        self._start = time.perf_counter()
        return self

    def __exit__(self, *exception: object) -> None:
        synchronize(self.device)
        self.seconds = time.perf_counter() - self._start
