"""Devices, number types and what each device can do: the only file that knows their names."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

import torch

from podtts.errors import DeviceError
from podtts.options import Quantization, one_of

# Raise when the bits of what a device records change (`has_graphs`).
RECORDINGS_VERSION = 2
DEVICES = ("auto", "cpu", "cuda", "mps")
DTYPES = ("auto", "float32", "bfloat16", "float16")
TORCH = "torch"  # in place of the name of a kernel
_TORCH_DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


@dataclass(frozen=True)
class Placement:
    """Where a checkpoint runs. Flow and vocoder are loaded in float32 on the same device."""

    device: torch.device
    llm_dtype: torch.dtype
    # The LLM's dtype if its logits are not finite in `llm_dtype`; None: `llm_dtype` in any case.
    fallback_dtype: torch.dtype | None = None
    quantize: Quantization = "none"  # the LLM's linear layers

    @property
    def dtype_name(self) -> str:
        return dtype_name(self.llm_dtype)

    def __str__(self) -> str:
        quantized = "" if self.quantize == "none" else f" with {self.quantize} weights"
        return f"{device_label(self.device)}, LLM {self.dtype_name}{quantized}"


def place(device: str = "auto", dtype: str = "auto", quantize: Quantization = "none") -> Placement:
    """Choose the device, the LLM's dtype and the bits of its weights.

    The device auto is CUDA if there is one, else MPS, else the CPU. The dtype auto is bfloat16 on
    CUDA and on CPUs with native bfloat16, float16 on MPS (float32 if logits are not finite), else
    float32. cuda:1 is the second CUDA device.
    Raises UsageError for unknown names, DeviceError when the machine lacks the device.
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
    best = torch.bfloat16 if has_native_bfloat16(torch.device(chosen)) else torch.float32
    return Placement(torch.device(chosen), best, quantize=quantize)


def available_devices() -> tuple[str, ...]:
    """Devices of this machine, best first."""
    accelerators = []
    if torch.cuda.is_available():
        accelerators.append("cuda")
    if torch.backends.mps.is_available():
        accelerators.append("mps")
    return (*accelerators, "cpu")


def all_devices() -> tuple[str, ...]:
    """Names of all devices of the best kind that this machine has."""
    best = available_devices()[0]
    return tuple(f"cuda:{number}" for number in range(_count(best))) if best == "cuda" else (best,)


def _count(kind: str) -> int:
    return torch.cuda.device_count() if kind == "cuda" else 1


def has_native_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 itself."""
    return device.type == "cuda" or (device.type == "cpu" and cpu_has_native_bfloat16())


def cpu_has_native_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 itself (AVX512-BF16, AMX, or Arm BF16).

    On x86-64 only where torch uses AVX512: ATEN_CPU_CAPABILITY can hold it to AVX2.
    """
    if platform.machine() not in ("aarch64", "arm64"):
        uses_avx512 = torch.backends.cpu.get_cpu_capability() not in ("DEFAULT", "AVX2")
        return uses_avx512 and (
            torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        )
    try:
        return " bf16" in Path("/proc/cpuinfo").read_text()
    except OSError:  # not Linux
        return False


def emulates_bfloat16(device: torch.device) -> bool:
    """Whether torch computes bfloat16 with float32 on a device, which takes longer than float32."""
    return device.type == "cpu" and not cpu_has_native_bfloat16()


def device_label(device: torch.device) -> str:
    """Name a device for people: `cuda (NVIDIA H200)`, `cpu (2 threads)`."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({torch.get_num_threads()} threads)"
    return device.type


def arithmetic(device: torch.device, quantize: Quantization = "none") -> str:
    """Name what decides the last bits of results, besides weights, dtype and input.

    Cached prefix states carry it: with another name they are not used.
    """
    if device.type == "cpu":
        kind = f"{device_label(device)}, {processor(device)}"
    else:
        kind = device_label(device)
    layers, flow = "torch", "torch"
    if has_fused_layers(device):
        layers, flow = _layers_kernel(quantize), _flow_kernel()
    elif quantize == "none":
        layers = _step_kernels(device) or layers
    return f"{kind}, torch {torch.__version__}, {quantize} by {layers}, flow by {flow}"


def processor(device: torch.device) -> str:
    """Name the model of a GPU, or the instructions of the CPU that torch uses."""
    if device.type == "cpu":
        native = "native bfloat16" if cpu_has_native_bfloat16() else "no bfloat16"
        return f"{torch.backends.cpu.get_cpu_capability()}, {native}"
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def llm_kernel(placement: Placement) -> str:
    """Name what computes the LLM's layers, if it supports their sizes."""
    from podtts.native.build import InstructionSet
    from podtts.native.library import instructions_of

    quantize = placement.quantize
    torch_only = quantize == "none" and placement.llm_dtype != torch.bfloat16
    if not has_fused_layers(placement.device):
        return (quantize == "none" and _step_kernels(placement.device)) or "torch"
    if torch_only:
        return "torch"
    if isinstance(isa := instructions_of("layers"), InstructionSet):
        return f"compiled code {isa.bits} {isa.numerics}"
    return "torch" if quantize == "none" else "onnxruntime"


def _step_kernels(device: torch.device) -> str | None:
    """Name the kernels of decode steps, if they support the LLM's sizes; prefill is torch's."""
    from podtts.device.triton_kernels import kernels_name

    return kernels_name(device)


def flow_kernel(placement: Placement) -> str:
    """Name what computes the flow's estimator, if it supports its sizes: whole turns and chunks."""
    from podtts.native.build import InstructionSet
    from podtts.native.library import instructions_of

    if has_graphs(placement.device):
        return f"torch, recordings {RECORDINGS_VERSION}"
    if has_compiled_flow(placement.device) and isinstance(
        isa := instructions_of("estimator"), InstructionSet
    ):
        return f"compiled code {isa.bits} {isa.numerics}"
    return TORCH


def vocoder_kernel(placement: Placement) -> str:
    """Name what computes the vocoder's residual blocks, if it supports their sizes."""
    from podtts.native.build import InstructionSet
    from podtts.native.library import instructions_of

    if has_fused_layers(placement.device) and isinstance(
        isa := instructions_of("vocoder"), InstructionSet
    ):
        return f"compiled code {isa.bits} {isa.numerics}"
    return TORCH


def has_compiled_flow(device: torch.device) -> bool:
    """Whether compiled code computes the flow's estimator, if it supports its sizes."""
    from podtts.native.build import InstructionSet
    from podtts.native.library import instructions_of

    return has_fused_layers(device) and isinstance(instructions_of("estimator"), InstructionSet)


def _layers_kernel(quantize: Quantization) -> str:
    """Name what computes the LLM's layers on a CPU, if it supports their sizes."""
    from podtts.native.build import InstructionSet
    from podtts.native.library import instructions_of

    if isinstance(isa := instructions_of("layers"), InstructionSet):
        return f"layers.c {isa.numerics}"
    if quantize == "none":
        return "torch"
    return f"onnxruntime {_onnxruntime_version()}"


def onnxruntime_of_layers(device: torch.device, quantize: Quantization) -> str | None:
    """The version of ONNX Runtime where it multiplies with the LLM's layers; None elsewhere."""
    from podtts.native.choice import Unavailable
    from podtts.native.library import layers_library

    fused = has_fused_layers(device) and quantize != "none"
    if fused and isinstance(layers_library(), Unavailable):
        return _onnxruntime_version()
    return None


def _onnxruntime_version() -> str:
    import onnxruntime

    version: str = onnxruntime.__version__
    return version


def _flow_kernel() -> str:
    """Name what computes the flow's estimator on a CPU, if it supports its sizes."""
    from podtts.native.build import InstructionSet
    from podtts.native.library import instructions_of

    isa = instructions_of("estimator")
    return f"estimator.c {isa.numerics}" if isinstance(isa, InstructionSet) else "torch"


def compiled_code_problems(placement: Placement) -> tuple[str, ...]:
    """Say which stored compiled code cannot be loaded that would run here, a line for each."""
    from podtts.native.build import UNITS
    from podtts.native.library import load_problem

    if not has_fused_layers(placement.device):
        return ()
    return tuple(filter(None, map(load_problem, UNITS)))


def dtype_name(dtype: torch.dtype) -> str:
    """Name of a dtype without `torch.`: `bfloat16`."""
    return str(dtype).removeprefix("torch.")


def has_own_memory(device: torch.device) -> bool:
    """Whether a device has memory of its own, apart from the machine's."""
    return device.type == "cuda"


def has_float64(device: torch.device) -> bool:
    """Whether a device computes in float64."""
    return device.type != "mps"


def has_fused_layers(device: torch.device) -> bool:
    """Whether a device can run all layers of the LLM in one call (`FusedLayers`)."""
    return device.type == "cpu"


def has_graphs(device: torch.device) -> bool:
    """Whether a device can record work and repeat it without the host."""
    return device.type == "cuda"


def compiles_kernels(device: torch.device) -> bool:
    """Whether a device runs kernels that Triton compiles, with bfloat16 in its matrix units."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)


def overlaps_kernels(device: torch.device) -> bool:
    """Whether a device can start a kernel while the one before it ends (sm_90 and later)."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (9, 0)


def runs_streams_concurrently(device: torch.device) -> bool:
    """Whether a device is faster when it runs the work of two threads at the same time."""
    return device.type == "cuda"


def batches_rows(device: torch.device) -> bool:
    """Whether a padded batch is faster than its rows one after the other.

    Not on a CPU: a single row keeps all cores busy and needs no padding, and its result has the
    same bits whatever other rows there are.
    """
    return device.type != "cpu"
