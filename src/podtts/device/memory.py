"""Memory of a device and of the process: how much is free, how much was used, how it is freed."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from podtts.device.placement import has_own_memory
from podtts.errors import OutOfMemoryError

# What a RuntimeError says: of torch on a CPU and on MPS, and of ONNX Runtime.
_OUT_OF_MEMORY = ("allocate memory", "out of memory", "bad_alloc")

# Parameters of glibc's mallopt (malloc.h) and their values.
_TRIM_THRESHOLD, _CACHED_BYTES = -1, 512 << 20
_MMAP_THRESHOLD, _LARGEST_CACHED = -3, 32 << 20  # the largest value that glibc accepts


def free_memory_bytes(device: torch.device) -> int:
    """Memory that can still be allocated: the device's own if it has some, else the machine's."""
    if has_own_memory(device):
        return int(torch.get_device_module(device).mem_get_info(device)[0])
    if device.type != "cpu":  # shares the machine's memory, up to a limit of its own
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    with suppress(OSError):  # not Linux
        return min(_machine_free_bytes(), _container_free_bytes())
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _machine_free_bytes() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise OSError("no MemAvailable")


def _container_free_bytes() -> int:
    """What the limit of the control group leaves; without a limit, what the machine has."""
    group = Path("/sys/fs/cgroup")
    with suppress(OSError, ValueError):  # without a limit the file holds the word max
        limit = int((group / "memory.max").read_text())
        return limit - int((group / "memory.current").read_text())
    return _machine_free_bytes()


def reset_peak_memory(device: torch.device) -> None:
    """Start a new measurement of `peak_memory_bytes`, where the system can."""
    if has_own_memory(device):
        torch.get_device_module(device).reset_peak_memory_stats(device)
        return
    with suppress(OSError):  # only Linux can; elsewhere the peak is that of the process's life
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_bytes(device: torch.device) -> int:
    """Most memory in use since the last reset: the device's own if it has some, else the process's.

    Memory of a device counts as in use when tensors hold it.
    """
    if has_own_memory(device):
        return int(torch.get_device_module(device).max_memory_allocated(device))
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024


@contextmanager
def memory_errors_named(doing: str) -> Iterator[None]:
    """Turn running out of memory into an OutOfMemoryError that says what was being done."""
    short = OutOfMemoryError(
        f"out of memory while {doing}", "use a smaller --dtype, shorter turns, or another --device"
    )
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise short from error
    except RuntimeError as error:
        if not any(words in str(error) for words in _OUT_OF_MEMORY):
            raise
        raise short from error


def release_memory(device: torch.device) -> None:
    """Free the memory of dropped tensors, so that it can be allocated in other sizes."""
    gc.collect()
    if device.type != "cpu":
        torch.get_device_module(device).empty_cache()


def keep_freed_memory() -> None:
    """Let the C library keep freed memory for the next tensors, up to half a GB.

    By default it returns every large buffer to the system. The fresh pages of the next buffer cost
    the flow in bfloat16 a fifth of its CPU time (docs/performance.md). Does nothing without glibc.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_TRIM_THRESHOLD, _CACHED_BYTES)
        library.mallopt(_MMAP_THRESHOLD, _LARGEST_CACHED)
