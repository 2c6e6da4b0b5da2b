"""What a device does in a piece of work: its kernels, its launches, and how long it is busy."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from statistics import median

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from podtts.device.stopwatch import synchronize

TOP = 30
_RUNS = 5
_LAUNCHES = ("cudaLaunch", "cuLaunch", "cudaGraphLaunch", "cudaMemcpy", "cudaMemset")
_WAITS = ("Synchronize",)


@dataclass(frozen=True)
class Kernel:
    """All runs of one kernel in the work; on a CPU, of one operator."""

    name: str
    runs: int
    microseconds: float


@dataclass(frozen=True)
class Profile:
    """A piece of work, measured without the profiler (`seconds`) and under it (all else)."""

    name: str
    units: int  # of the work in one run, such as decode steps
    seconds: float  # median of some runs, on the clock
    busy_seconds: float  # in which the device ran a kernel or a copy
    kernel_runs: int
    calls: dict[str, int]  # of the CUDA runtime that launch work or wait for it, by name
    kernels: tuple[Kernel, ...]  # that took longest first

    @property
    def busy_share(self) -> float:
        """Share of the time on the clock in which the device is busy."""
        return self.busy_seconds / self.seconds

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {"busy_share": self.busy_share}

    def table(self) -> str:
        """Return a table for people; figures are of one unit."""
        units = self.units
        lines = [
            f"{self.name}: {self.seconds / units * 1e3:.3f} ms, of which the device is busy "
            f"{self.busy_seconds / units * 1e3:.3f} ms ({self.busy_share:.0%}); "
            f"{self.kernel_runs / units:.4g} kernels",
            *(f"  {count / units:.4g} x {name}" for name, count in self.calls.items()),
        ]
        total = sum(kernel.microseconds for kernel in self.kernels) or 1.0
        lines += [
            f"  {kernel.microseconds / units:9.2f} us  {kernel.microseconds / total:4.0%}  "
            f"{kernel.runs / units:7.4g} x  {kernel.name[:100]}"
            for kernel in self.kernels[:TOP]
        ]
        return "\n".join(lines) + "\n"


def profiled(name: str, work: Callable[[], None], device: torch.device, units: int = 1) -> Profile:
    """Profile some work after two runs that choose kernels and record graphs.

    work: can be repeated. units: into how many equal parts the report divides it.
    """
    for _ in range(2):
        work()
    seconds = []
    for _ in range(_RUNS):
        synchronize(device)
        started = time.perf_counter()
        work()
        synchronize(device)
        seconds.append(time.perf_counter() - started)
    on_device = device.type != "cpu"
    activity = ProfilerActivity.CUDA if on_device else ProfilerActivity.CPU
    with profile(activities=[activity], acc_events=True) as record:
        work()
        synchronize(device)
    microseconds: defaultdict[str, float] = defaultdict(float)
    runs: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    spans = []
    for event in record.events():
        if (event.device_type == DeviceType.CPU) is on_device:
            if event.name.startswith(_LAUNCHES) or event.name.endswith(_WAITS):
                calls[event.name] += 1
            continue
        # Operators contain others; kernels do not.
        own = event.time_range.elapsed_us() if on_device else event.self_cpu_time_total
        microseconds[event.name] += own
        runs[event.name] += 1
        spans.append((event.time_range.start, event.time_range.end))
    kernels = [Kernel(key, runs[key], spent) for key, spent in microseconds.items()]
    kernels.sort(key=lambda kernel: -kernel.microseconds)
    return Profile(
        name,
        units,
        median(seconds),
        _covered(spans) / 1e6,
        sum(runs.values()),
        dict(calls.most_common()),
        tuple(kernels),
    )


def _covered(spans: Iterable[tuple[float, float]]) -> float:
    """The length of the union of spans: streams run kernels at the same time."""
    covered, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        covered += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return covered
