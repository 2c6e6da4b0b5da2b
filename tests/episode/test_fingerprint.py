"""What a fingerprint records, and what it may leave out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from support.fingerprint import CHECKPOINT, prompt
from support.forced_set import forced_set
from support.golden_data import MODEL
from torch import Tensor

from podtts.device.placement import place
from podtts.episode.fingerprint import checkpoint_fingerprint, speaker_fingerprint
from podtts.llm.native_layers import NativeLayers
from podtts.llm.onnx_layers import OnnxLayers
from podtts.options import Quantization
from podtts.weights.load import load_models


@pytest.fixture
def threads() -> Iterator[None]:
    """Threads of torch as before when the test is over."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_checkpoint_has_every_value_of_a_fingerprint(tmp_path: Path) -> None:
    values = checkpoint_fingerprint(MODEL, place("cpu", "float32"), tmp_path)
    assert values.keys() == CHECKPOINT.keys()
    assert values["device"] == "cpu"
    assert values["onnxruntime"] is None
    assert values["kernels"].keys() == CHECKPOINT["kernels"].keys()


@pytest.mark.parametrize(
    ("dtype", "quantize", "fallback"),
    [("float32", "none", "torch"), ("bfloat16", "none", "torch"), ("float32", "int4", "onnx")],
)
def test_what_computes_the_llm_is_that_of_the_loaded_model(
    dtype: str,
    quantize: Quantization,
    fallback: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With compiled code where it runs, and without."""
    placement = place("cpu", dtype, quantize)

    def kernels_are_those_of_the_model() -> dict[str, str]:
        kernels: dict[str, str] = checkpoint_fingerprint(MODEL, placement, tmp_path)["kernels"]
        models = load_models(MODEL, placement)
        kinds = {NativeLayers: "compiled code ", OnnxLayers: "onnxruntime", type(None): "torch"}
        assert kernels["llm"].startswith(kinds[type(models.llm.fused_layers)])
        assert kernels["flow"].startswith("compiled code ") == models.flow.runs_compiled("float32")
        with torch.no_grad():
            _, native = models.vocoder.levels_in("float32")[0]
        assert kernels["vocoder"].startswith("compiled code ") == (native is not None)
        return kernels

    kernels_are_those_of_the_model()
    with forced_set(monkeypatch, "none"):
        kernels = kernels_are_those_of_the_model()
    assert kernels["llm"].startswith(fallback)
    assert kernels["flow"] == kernels["vocoder"] == "torch"


def test_onnxruntime_is_recorded_where_it_computes_the_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with forced_set(monkeypatch, "none"):
        plain = checkpoint_fingerprint(MODEL, place("cpu", "float32"), tmp_path)
        quantized = checkpoint_fingerprint(MODEL, place("cpu", "float32", "int8"), tmp_path)
    assert plain["onnxruntime"] is None
    assert quantized["onnxruntime"].count(".") >= 1


def test_loaded_weights_do_not_depend_on_threads(threads: None) -> None:
    """Threads are compared on a CPU alone: for other devices the CPU only loads the weights."""

    def loaded(count: int) -> dict[str, Tensor]:
        torch.set_num_threads(count)
        models = load_models(MODEL, place("cpu", "float32"), torch_layers=True)
        parts = {"llm": models.llm, "flow": models.flow, "vocoder": models.vocoder}
        return {
            f"{part}.{name}": tensor
            for part, network in parts.items()
            for name, tensor in network.state_dict().items()
        }

    first, second = loaded(1), loaded(3)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_speaker_is_its_features_and_texts() -> None:
    values = speaker_fingerprint(prompt("anna"))
    assert values["transcript"] == "I am anna."
    assert values["dialect_prompt"] == ""
    assert values["features"] == speaker_fingerprint(prompt("ben"))["features"]
