import pytest
import torch
from support.forced_set import SETS_HERE, forced_set

from podtts.device import placement, triton_kernels
from podtts.device.placement import (
    Placement,
    all_devices,
    arithmetic,
    device_label,
    llm_kernel,
    place,
)
from podtts.errors import DeviceError, UsageError
from podtts.presets import PRESETS, suited


def machine_with(monkeypatch: pytest.MonkeyPatch, *devices: str, cuda_count: int = 0) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in devices)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda_count)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in devices)


@pytest.mark.parametrize(
    ("devices", "chosen", "dtype", "fallback"),
    [
        (("cuda", "mps"), "cuda", torch.bfloat16, None),
        (("mps",), "mps", torch.float16, torch.float32),
    ],
)
def test_auto_is_the_best_device_and_its_dtype(
    devices: tuple[str, ...],
    chosen: str,
    dtype: torch.dtype,
    fallback: torch.dtype | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine_with(monkeypatch, *devices, cuda_count=1)
    assert place() == Placement(torch.device(chosen), dtype, fallback)


@pytest.mark.parametrize(("native", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_auto_on_a_cpu_is_bfloat16_only_where_it_is_native(
    native: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine_with(monkeypatch)
    monkeypatch.setattr(placement, "cpu_has_native_bfloat16", lambda: native)
    assert place(quantize="int8") == Placement(torch.device("cpu"), dtype, quantize="int8")


@pytest.mark.parametrize("isa", [*SETS_HERE, "none"])
def test_without_native_bfloat16_int8_stays_where_it_is_compiled(
    isa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "cpu_has_native_bfloat16", lambda: False)
    cpu = Placement(torch.device("cpu"), torch.float32)
    with forced_set(monkeypatch, isa):
        fast = suited(PRESETS["fast"].flow, cpu).precision
        balanced = suited(PRESETS["balanced"].flow, cpu).precision
    assert fast == ("float32" if isa == "none" else "int8")
    assert balanced == "float32"


def test_a_device_and_a_dtype_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    machine_with(monkeypatch, "cuda", cuda_count=2)
    assert place("cuda:1", "float32").device == torch.device("cuda:1")
    assert place("cpu", "float16") == Placement(torch.device("cpu"), torch.float16)
    assert all_devices() == ("cuda:0", "cuda:1")


@pytest.mark.parametrize("device", ["cuda:2", "mps"])
def test_a_device_that_the_machine_lacks_is_refused(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine_with(monkeypatch, "cuda", cuda_count=2)
    with pytest.raises(DeviceError, match=f"device '{device}' is not available"):
        place(device)


@pytest.mark.parametrize(("device", "dtype"), [("cuda:x", "auto"), ("tpu", "auto"), ("cpu", "f8")])
def test_unknown_names_are_refused(device: str, dtype: str) -> None:
    with pytest.raises(UsageError):
        place(device, dtype)


def test_a_placement_reads_as_a_sentence() -> None:
    cpu = torch.device("cpu")
    where = f"cpu ({torch.get_num_threads()} threads), LLM"
    assert str(Placement(cpu, torch.bfloat16)) == f"{where} bfloat16"
    assert (
        str(Placement(cpu, torch.float32, quantize="int4")) == f"{where} float32 with int4 weights"
    )


def test_arithmetic_names_device_torch_and_the_kind_of_weights() -> None:
    cpu = torch.device("cpu")
    plain, quantized = arithmetic(cpu), arithmetic(cpu, "int8")
    for part in (device_label(cpu), f"torch {torch.__version__}"):
        assert part in plain
    assert "int8 by" in quantized
    assert plain != quantized


def test_kernels_of_a_gpu_decide_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns are not resumed, and prefix states not used, where other kernels made them."""
    device = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")

    def named(name: str | None) -> tuple[str, str, str]:
        monkeypatch.setattr(triton_kernels, "kernels_name", lambda device: name)
        plain = Placement(device, torch.bfloat16)
        quantized = llm_kernel(Placement(device, torch.bfloat16, quantize="int8"))
        return llm_kernel(plain), arithmetic(device), quantized

    kernels, states, quantized = named("kernels 1 by triton 3.6.0")
    assert kernels == "kernels 1 by triton 3.6.0"
    assert kernels in states
    assert quantized == "torch"
    assert named(None)[0] == "torch"
    assert named(None)[1] != states


def test_a_cpu_has_no_kernels_of_a_gpu() -> None:
    assert triton_kernels.kernels_name(torch.device("cpu")) is None
    assert triton_kernels.why_no_kernels(torch.device("cpu")) == "cpu runs none"
