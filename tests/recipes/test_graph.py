"""The teacher's graph computes with torch what onnxruntime computes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from recipes.mini.graph import TorchGraph

Array = NDArray[Any]
_RNG = np.random.default_rng(3)
_MICROSOFT = "com.microsoft"


def _floats(*shape: int) -> Array:
    return _RNG.standard_normal(shape).astype(np.float32)


def _ints(*values: int) -> Array:
    return np.array(values, np.int64)


def _written(path: Path, nodes: Sequence[onnx.NodeProto], **weights: Array) -> Path:
    """A graph from `x` to `y`, float32 both."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weight, name) for name, weight in weights.items()],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(_MICROSOFT, 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return path


def _differ(path: Path, x: Array) -> float:
    """How far both results are from each other, as a share of the largest value."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    wanted = session.run(None, {"x": x})[0]
    (found,) = TorchGraph(path, torch.device("cpu"))({"x": torch.from_numpy(x)})
    assert found.shape == wanted.shape
    return float(np.abs(found.numpy() - wanted).max() / np.abs(wanted).max())


_WIDE = _floats(1, 6, 20)
_CASES: dict[str, tuple[Array, dict[str, Any], list[Any]]] = {
    "Add": (_WIDE, {}, [_floats(6, 1)]),
    "Atan": (_WIDE, {}, []),
    "Clip": (_WIDE, {}, [np.float32(-0.5), np.float32(0.5)]),
    "Concat": (_WIDE, {"axis": 2}, [_floats(1, 6, 3)]),
    "Conv": (_WIDE, {"pads": [4, 4], "dilations": [2], "strides": [1]}, [_floats(5, 6, 5)]),
    "Conv strided": (
        _WIDE,
        {"pads": [3, 3], "dilations": [1], "strides": [6]},
        [_floats(5, 6, 12)],
    ),
    "ConvTranspose": (_WIDE, {"pads": [3, 3], "strides": [6]}, [_floats(6, 4, 12), _floats(4)]),
    "ConvTranspose by channel": (
        _WIDE,
        {"pads": [1, 1], "strides": [2], "output_padding": [1], "group": 6},
        [_floats(6, 1, 3), _floats(6)],
    ),
    "CumSum": (_WIDE, {}, [np.int64(2)]),
    "Div": (_WIDE, {}, [_floats(1)]),
    "Expand": (_floats(6, 1), {}, [_ints(2, 1, 4)]),
    "Floor": (_WIDE, {}, []),
    "Gather": (_WIDE, {"axis": 1}, [np.array([[3, 0], [5, 5]], np.int64)]),
    "LayerNormalization": (_WIDE, {"axis": -1, "epsilon": 1e-5}, [_floats(20), _floats(20)]),
    "LeakyRelu": (_WIDE, {"alpha": 0.2}, []),
    "MatMul": (_WIDE, {}, [_floats(20, 3)]),
    "Pad": (_WIDE, {"mode": "reflect"}, [_ints(0, 0, 4, 0, 0, 2)]),
    "Pow": (_WIDE, {}, [np.float32(2)]),
    "ReduceMean": (_WIDE, {"keepdims": 1}, [_ints(2)]),
    "ReduceSum": (_WIDE, {"keepdims": 0}, [_ints(-1)]),
    "Reshape": (_WIDE, {}, [_ints(0, 3, -1)]),
    "Resize": (
        _WIDE,
        {
            "mode": "nearest",
            "coordinate_transformation_mode": "asymmetric",
            "nearest_mode": "floor",
        },
        [np.array([], np.float32), np.array([1, 1, 2], np.float32)],
    ),
    "Resize linear": (
        _WIDE,
        {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
        [np.array([], np.float32), np.array([1, 1, 0.25], np.float32)],
    ),
    "ScatterND": (_WIDE[0], {}, [np.array([[1, 2], [4, 0]], np.int64), _floats(2)]),
    "Slice": (_WIDE, {}, [_ints(1, 2), _ints(5, -2), _ints(1, 2), _ints(1, 3)]),
    "Slice backwards": (_WIDE, {}, [_ints(-1), _ints(-(10**9)), _ints(2), _ints(-1)]),
    "Softmax": (_WIDE, {"axis": -1}, []),
    "Squeeze": (_WIDE, {}, [_ints(0)]),
    "STFT": (
        _floats(1, 60),
        {"onesided": 1},
        [np.int64(5), np.hanning(20).astype(np.float32), np.int64(20)],
    ),
    "Transpose": (_WIDE, {"perm": [2, 0, 1]}, []),
    "Unsqueeze": (_WIDE, {}, [_ints(0, -1)]),
}
_FUSED: dict[str, tuple[Array, dict[str, Any], list[Any]]] = {
    "FastGelu": (_WIDE, {}, [_floats(20)]),
    "FusedMatMul": (_WIDE, {"transA": 1, "alpha": 1.0}, [_floats(1, 6, 4)]),
    "SkipLayerNormalization": (
        _WIDE,
        {"epsilon": 1e-5},
        [_floats(1, 6, 20), _floats(20), _floats(20)],
    ),
}


@pytest.mark.parametrize("case", [*_CASES, *_FUSED])
def test_an_operator_is_onnxruntimes(case: str, tmp_path: Path) -> None:
    x, attributes, inputs = {**_CASES, **_FUSED}[case]
    names = [f"input{number}" for number in range(len(inputs))]
    domain = _MICROSOFT if case in _FUSED else ""
    node = helper.make_node(case.split()[0], ["x", *names], ["y"], domain=domain, **attributes)
    weights = {name: np.asarray(value) for name, value in zip(names, inputs, strict=True)}
    assert _differ(_written(tmp_path / "graph.onnx", [node], **weights), x) < 1e-5


@pytest.mark.parametrize("kind", ["ConvInteger", "MatMulInteger"])
def test_products_of_8_bits_are_as_near_as_8_bits_allow(kind: str, tmp_path: Path) -> None:
    shape: tuple[int, ...] = (20, 3)
    attributes: dict[str, Any] = {}
    if kind == "ConvInteger":
        shape, attributes = (5, 6, 3), {"pads": [1, 1], "strides": [1], "dilations": [1]}
        attributes["group"] = 1
    weight = _RNG.integers(0, 255, shape).astype(np.uint8)
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
        helper.make_node(kind, ["q", "weight", "zero", "weight_zero"], ["product"], **attributes),
        helper.make_node("Cast", ["product"], ["floats"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", ["scale", "weight_scale"], ["factor"]),
        helper.make_node("Mul", ["floats", "factor"], ["y"]),
    ]
    weights = {"weight": weight, "weight_zero": np.uint8(131), "weight_scale": np.float32(0.02)}
    arrays = {name: np.asarray(value) for name, value in weights.items()}
    assert _differ(_written(tmp_path / "graph.onnx", nodes, **arrays), _WIDE) < 0.02


def test_an_lstm_is_as_near_as_8_bits_allow(tmp_path: Path) -> None:
    size, inputs = 8, 6
    scales = np.array([0.01, 0.012], np.float32)
    arrays = {
        "inward": _RNG.integers(0, 255, (2, inputs, 4 * size)).astype(np.uint8),
        "recurrent": _RNG.integers(0, 255, (2, size, 4 * size)).astype(np.uint8),
        "bias": _floats(2, 8 * size),
        "state": np.zeros((2, 1, size), np.float32),
        "scales": scales,
        "zeros": np.array([120, 130], np.uint8),
    }
    names = ["x", "inward", "recurrent", "bias", "", "state", "state", ""]
    names += ["scales", "zeros", "scales", "zeros"]
    node = helper.make_node(
        "DynamicQuantizeLSTM",
        names,
        ["y"],
        domain=_MICROSOFT,
        hidden_size=size,
        direction="bidirectional",
    )
    path = _written(tmp_path / "graph.onnx", [node], **arrays)
    assert _differ(path, _floats(11, 1, inputs)) < 0.05


def test_what_depends_on_weights_alone_is_computed_once(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Mul", ["a", "a"], ["squared"]),
        helper.make_node("Add", ["x", "squared"], ["y"]),
    ]
    path = _written(tmp_path / "graph.onnx", nodes, a=_floats(20))
    assert len(TorchGraph(path, torch.device("cpu"))._steps) == 1
    assert _differ(path, _WIDE) < 1e-6


def test_silence_has_no_phase(tmp_path: Path) -> None:
    """Its angle is that of 0 over 0, which onnxruntime's 8 bits hide in the layer behind."""
    nodes = [
        helper.make_node("Div", ["x", "x"], ["ratio"]),
        helper.make_node("Atan", ["ratio"], ["y"]),
    ]
    path = _written(tmp_path / "graph.onnx", nodes)
    (found,) = TorchGraph(path, torch.device("cpu"))({"x": torch.tensor([0.0, 2.0])})
    assert torch.equal(found, torch.tensor([0.0, torch.pi / 4]))
