"""Devices and number types: the only file that knows their names.

Placement says where the stages run and in which dtype; everything else takes it as given.
"""

from __future__ import annotations

import gc
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from podtts.errors import DeviceError, OutOfMemoryError
from podtts.options import LAYER_BITS, Quantization, one_of

DEVICES = ("auto", "cpu", "cuda", "mps")
DTYPES = ("auto", "float32", "bfloat16", "float16")
_TORCH_DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
# In a RuntimeError: of torch on a CPU and on MPS, and of ONNX Runtime.
_NO_MEMORY = ("allocate memory", "out of memory", "bad_alloc")


@dataclass(frozen=True)
class Placement:
    """Where a model runs. Flow and vocoder are loaded in float32 on the same device."""

    device: torch.device
    llm_dtype: torch.dtype
    # What auto falls back to when the LLM's dtype turns out not to be finite; None: never.
    fallback_dtype: torch.dtype | None = None
    quantize: Quantization = "none"  # the LLM's linear layers

    @property
    def dtype_name(self) -> str:
        return dtype_name(self.llm_dtype)

    def __str__(self) -> str:
        quantized = "" if self.quantize == "none" else f" with {self.quantize} weights"
        return f"{device_label(self.device)}, LLM {self.dtype_name}{quantized}"


def place(device: str = "auto", dtype: str = "auto", quantize: Quantization = "none") -> Placement:
    """Choose device, LLM dtype and the width of its weights.

    auto takes CUDA before MPS before CPU; its dtype is bfloat16 on CUDA and on CPUs with native
    bfloat16, float16 on MPS (float32 if that is not finite), else float32. cuda:1 is the second
    CUDA device.
    Raises UsageError for unknown names, DeviceError when the device is not there.
    """
    kind, _, number = device.partition(":")
    if not (kind == "cuda" and number.isdecimal()):
        one_of(DEVICES, "device", device)
    one_of(DTYPES, "dtype", dtype)
    available = available_devices()
    if device != "auto" and (kind not in available or int(number or 0) >= _count(kind)):
        raise DeviceError(
            f"device {device!r} is not available on this machine",
            f"use --device {available[0]}, or see what is missing with: podtts doctor",
        )
    chosen = available[0] if device == "auto" else device
    if dtype != "auto":
        return Placement(torch.device(chosen), _TORCH_DTYPES[dtype], quantize=quantize)
    if chosen == "mps":
        return Placement(torch.device(chosen), torch.float16, torch.float32, quantize)
    where = torch.device(chosen)
    native = torch.bfloat16 if has_native_bfloat16(where) else torch.float32
    return Placement(where, native, quantize=quantize)


def available_devices() -> tuple[str, ...]:
    """Devices of this machine, best first."""
    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def all_devices() -> tuple[str, ...]:
    """Every device of the best kind there is, by its own name."""
    best = available_devices()[0]
    return tuple(f"cuda:{number}" for number in range(_count(best))) if best == "cuda" else (best,)


def _count(kind: str) -> int:
    return torch.cuda.device_count() if kind == "cuda" else 1


def free_memory_bytes(device: torch.device) -> int:
    """Memory that is free for more: the device's on CUDA and MPS, the machine's elsewhere."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    with suppress(OSError):  # not Linux
        return min(_free_of_machine(), _free_of_container())
    import os

    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _free_of_machine() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise OSError("no MemAvailable")


def _free_of_container() -> int:
    """What a control group leaves, as far as it says so."""
    group = Path("/sys/fs/cgroup")
    with suppress(OSError, ValueError):  # no limit is the word max
        limit = int((group / "memory.max").read_text())
        return limit - int((group / "memory.current").read_text())
    return _free_of_machine()


def has_native_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 itself."""
    return device.type == "cuda" or (device.type == "cpu" and cpu_has_native_bfloat16())


def cpu_has_native_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 itself (AVX512-BF16, AMX, or Arm BF16)."""
    if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported():
        return True
    if platform.machine() not in ("aarch64", "arm64"):
        return False
    try:
        return " bf16" in Path("/proc/cpuinfo").read_text()
    except OSError:  # not Linux
        return False


def device_label(device: torch.device) -> str:
    """Name a device for people: `cuda (NVIDIA H200)`, `cpu (2 threads)`."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({torch.get_num_threads()} threads)"
    return device.type


def arithmetic(device: torch.device, quantize: Quantization = "none") -> str:
    """Name what decides the last bits of the LLM's results, besides weights, dtype and input."""
    if device.type == "cpu":
        native = "native bfloat16" if cpu_has_native_bfloat16() else "no bfloat16"
        kind = f"{device_label(device)}, {torch.backends.cpu.get_cpu_capability()}, {native}"
    else:
        kind = device_label(device)
    engine, flow = "torch", "torch"
    if has_fused_layers(device):
        engine, flow = _layers_by(quantize), _flow_by()
    return f"{kind}, torch {torch.__version__}, {quantize} by {engine}, flow by {flow}"


def _layers_by(quantize: Quantization) -> str:
    """What multiplies with the LLM's layers on a CPU, if the layers are of sizes it takes."""
    from podtts.native.library import Unavailable, layers_library, source_digest

    if not isinstance(layers_library(LAYER_BITS[quantize]), Unavailable):
        return f"layers.c {source_digest()[:16]}"
    if quantize == "none":
        return "torch"
    return f"onnxruntime {_onnxruntime_version()}"


def onnxruntime_of_layers(device: torch.device, quantize: Quantization) -> str | None:
    """The version of ONNX Runtime where it multiplies with the LLM's layers; None elsewhere."""
    from podtts.native.library import Unavailable, layers_library

    fused = has_fused_layers(device) and quantize != "none"
    if fused and isinstance(layers_library(LAYER_BITS[quantize]), Unavailable):
        return _onnxruntime_version()
    return None


def _onnxruntime_version() -> str:
    import onnxruntime

    version: str = onnxruntime.__version__
    return version


def _flow_by() -> str:
    """What solves the flow on a CPU, if the estimator is of sizes it takes."""
    from podtts.native.library import Unavailable, estimator_library, source_digest

    there = not isinstance(estimator_library(bits=32), Unavailable)
    return f"estimator.c {source_digest()[:16]}" if there else "torch"


def dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def has_fused_layers(device: torch.device) -> bool:
    """Whether there is something faster for the LLM's layers on a device than one by one."""
    return device.type == "cpu"


def has_graphs(device: torch.device) -> bool:
    """Whether a device can repeat work without the host."""
    return device.type == "cuda"


def runs_streams_concurrently(device: torch.device) -> bool:
    """Whether a device does the work of two threads at once and is faster for it."""
    return device.type == "cuda"


def batches_rows(device: torch.device) -> bool:
    """Whether a padded batch is worth it.

    On a CPU, rows one by one keep all cores busy, waste nothing on padding, and give to the bit
    what each row gives alone.
    """
    return device.type != "cpu"


def has_float64(device: torch.device) -> bool:
    return device.type != "mps"


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what this thread gave it, so that a clock tells the truth."""
    if device.type == "cuda":
        torch.cuda.current_stream(device).synchronize()
    elif device.type == "mps":
        torch.mps.synchronize()


class Stopwatch:
    """Seconds of work between entering and leaving, the device's queue included."""

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


def reset_peak_memory(device: torch.device) -> None:
    """Start a new peak where the device allows it."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with suppress(OSError):  # only Linux can; elsewhere the peak is that of the whole process
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_bytes(device: torch.device) -> int:
    """Most memory held since the last reset: the device's on CUDA, the process's elsewhere."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

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
        if not any(words in str(error) for words in _NO_MEMORY):
            raise
        raise short from error


def release_memory(device: torch.device) -> None:
    """Give back what is no longer used, so that it can be had in other pieces."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
