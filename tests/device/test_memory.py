import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from podtts.device.memory import (
    free_memory_bytes,
    memory_errors_named,
)
from podtts.errors import OutOfMemoryError

CPU = torch.device("cpu")
PAGE_FAULTS = """
import resource, torch
from podtts.device.memory import keep_freed_memory
keep_freed_memory()
for start in (0, 1):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(5_000_000), torch.ones(5_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
def test_freed_buffers_are_reused_without_fresh_pages() -> None:
    faults = int(subprocess.check_output([sys.executable, "-c", PAGE_FAULTS]))
    assert faults < 5_000  # fresh pages for every buffer are 97,000


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
        RuntimeError("Exception during initialization: std::bad_alloc"),
    ],
)
def test_running_out_of_memory_names_what_was_being_done(error: Exception) -> None:
    with (
        pytest.raises(OutOfMemoryError, match="out of memory while decoding turn 3") as caught,
        memory_errors_named("decoding turn 3"),
    ):
        raise error
    assert caught.value.__cause__ is error


def test_other_errors_pass_unchanged() -> None:
    with (
        pytest.raises(RuntimeError, match="cannot be multiplied") as caught,
        memory_errors_named("decoding turn 3"),
    ):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    assert not isinstance(caught.value, OutOfMemoryError)


PEAK = """
import torch
from podtts.device.memory import peak_memory_bytes, release_memory, reset_peak_memory
cpu = torch.device("cpu")
reset_peak_memory(cpu)
before = peak_memory_bytes(cpu)
torch.ones(25_000_000)  # 100 MB, freed at once
release_memory(cpu)
print(peak_memory_bytes(cpu) - before)
reset_peak_memory(cpu)
print(peak_memory_bytes(cpu) - before)
"""


@pytest.mark.skipif(
    not os.access("/proc/self/clear_refs", os.W_OK), reason="only Linux can reset a process's peak"
)
def test_the_peak_is_that_since_the_reset() -> None:
    """In a process of its own: freed memory of other tests would serve the tensor."""
    lines = subprocess.check_output([sys.executable, "-c", PEAK], text=True).splitlines()
    with_tensor, after_reset = map(int, lines)
    assert with_tensor > 80_000_000
    assert after_reset < 80_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
def test_free_memory_is_the_less_of_the_machines_and_the_containers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = {
        "/proc/meminfo": "MemTotal: 9000 kB\nMemAvailable:    8000 kB\n",
        "/sys/fs/cgroup/memory.max": "max\n",
        "/sys/fs/cgroup/memory.current": "1000000\n",
    }
    monkeypatch.setattr(Path, "read_text", lambda path: files[str(path)])
    assert free_memory_bytes(CPU) == 8000 * 1024
    files["/sys/fs/cgroup/memory.max"] = "3000000\n"
    assert free_memory_bytes(CPU) == 2_000_000
