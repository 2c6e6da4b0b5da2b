"""Runs the teacher's ONNX graph with torch, so that a GPU can speak, too.

Its operators alone are here. What onnxruntime computes with activations of 8 bits is computed with
the activations themselves: `DynamicQuantizeLinear` passes them on with a scale of 1, and the
weights of 8 bits become floats when the graph is read. Shapes and indices stay on the CPU.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Attributes = Mapping[str, Any]
Operator = Callable[..., Any]
_TYPES = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool}


class TorchGraph:
    """A graph that is called with its inputs by name."""

    def __init__(self, path: Path, device: torch.device) -> None:
        import onnx
        from onnx import numpy_helper

        graph = onnx.load(path).graph
        self.outputs = [output.name for output in graph.output]
        self._known: dict[str, Tensor | None] = {"": None}
        for weight in graph.initializer:
            value = torch.from_numpy(numpy_helper.to_array(weight).copy())
            index = value.dtype == torch.int64 or value.ndim == 0
            self._known[weight.name] = value if index else value.to(device)
        self._steps: list[tuple[Operator, list[str], list[str]]] = []
        same: dict[str, str] = {}
        products: set[str] = set()
        for node in graph.node:
            attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
            inputs = [same.get(name, name) for name in node.input]
            outputs = list(node.output)
            if node.op_type == "DynamicQuantizeLinear":
                same[outputs[0]] = inputs[0]
                self._known |= {outputs[1]: torch.tensor(1.0), outputs[2]: torch.tensor(0.0)}
                continue
            if node.op_type == "DynamicQuantizeLSTM":
                run: Operator = _lstm([self._known.get(name) for name in inputs], device)
                inputs = [inputs[0], *inputs[5:7]]
            else:
                run = _OPERATORS[node.op_type](attributes)
            if all(name in self._known for name in inputs):
                self._known |= _call(run, [self._known[name] for name in inputs], outputs)
            elif node.op_type in ("ConvInteger", "MatMulInteger"):
                # Their int32 become floats in a Cast behind them: these are floats already.
                self._steps.append((run, inputs, outputs))
                products.add(outputs[0])
            elif node.op_type == "Cast" and inputs[0] in products:
                same[outputs[0]] = inputs[0]
            else:
                self._steps.append((run, inputs, outputs))
        self._done = self._last_uses()

    def _last_uses(self) -> list[list[str]]:
        """What nothing behind a step needs, for every step."""
        seen = {*self._known, *self.outputs}
        done: list[list[str]] = []
        for _, inputs, outputs in reversed(self._steps):
            done.append([name for name in {*inputs, *outputs} if name not in seen])
            seen.update(inputs, outputs)
        return done[::-1]

    @torch.inference_mode()
    def __call__(self, given: Mapping[str, Tensor]) -> list[Tensor]:
        """The graph's outputs, in its order, on the device where they came to be."""
        values: dict[str, Tensor | None] = {**self._known, **given}
        for (run, inputs, outputs), done in zip(self._steps, self._done, strict=True):
            values |= _call(run, [values[name] for name in inputs], outputs)
            for name in done:
                values.pop(name, None)  # long texts need gigabytes otherwise
        return [values[name] for name in self.outputs]  # type: ignore[misc]


def _call(run: Operator, inputs: Sequence[Any], outputs: Sequence[str]) -> dict[str, Any]:
    result = run(*inputs)
    if isinstance(result, tuple):
        return dict(zip(outputs, result, strict=False))
    return {outputs[0]: result}


def _together(*tensors: Tensor) -> list[Tensor]:
    """All on the device of those that are not on the CPU; single numbers go anywhere."""
    devices = [some.device for some in tensors if some.device.type != "cpu"]
    if not devices:
        return list(tensors)
    return [some if some.ndim == 0 else some.to(devices[0]) for some in tensors]


def _elementwise(function: Operator) -> Callable[[Attributes], Operator]:
    return lambda attributes: lambda *inputs: function(*_together(*inputs))


def _plain(function: Operator) -> Callable[[Attributes], Operator]:
    return lambda attributes: function


def _divide(a: Tensor, b: Tensor) -> Tensor:
    return a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


def _power(a: Tensor, b: Tensor) -> Tensor:
    return a.square() if b.numel() == 1 and float(b) == 2 else a**b


def _integer_product(x: Tensor, weight: Tensor, zero: Tensor, weight_zero: Tensor) -> Tensor:
    return x @ _centred(weight, weight_zero)


def _centred(weight: Tensor, zero: Tensor) -> Tensor:
    if weight.is_floating_point():  # an activation, too
        return weight
    return weight.float() - zero.to(weight.device).float()


def _convolution(attributes: Attributes) -> Operator:
    """By a product of matrices: libraries choose kernels anew for every length, which is slow."""
    stride, dilation = attributes["strides"][0], attributes["dilations"][0]
    before, after = attributes["pads"]

    def run(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        _, channels, size = weight.shape
        x = F.pad(x[0], (before, after))
        positions = (x.shape[1] - dilation * (size - 1) - 1) // stride + 1
        seen = x.as_strided((channels, size, positions), (x.stride(0), dilation, stride))
        y = weight.flatten(1) @ seen.reshape(channels * size, positions)
        return (y if bias is None else y + bias[:, None])[None]

    return run


def _integer_convolution(attributes: Attributes) -> Operator:
    convolve = _convolution(attributes)
    return lambda x, weight, zero, weight_zero: convolve(x, _centred(weight, weight_zero))


def _transposed_convolution(attributes: Attributes) -> Operator:
    stride, before = attributes["strides"][0], attributes["pads"][0]
    more, groups = attributes.get("output_padding", [0])[0], attributes.get("group", 1)

    def run(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        size = weight.shape[2]
        positions = x.shape[2]
        if groups > 1:  # every channel on its own
            said = (weight[:, 0, :, None] * x[0, :, None]).flatten(0, 1)
        else:
            said = weight.flatten(1).T @ x[0]
        length = (positions - 1) * stride - 2 * before + size + more
        y = F.fold(said[None], (1, length), (1, size), padding=(0, before), stride=(1, stride))[
            :, :, 0
        ]
        return y if bias is None else y + bias[:, None]

    return run


def _cast(attributes: Attributes) -> Operator:
    dtype = _TYPES[attributes["to"]]
    if dtype == torch.int32:  # comes before a product of integers alone, which are floats here
        return lambda x: x
    return lambda x: x.to(dtype)


def _concatenate(attributes: Attributes) -> Operator:
    return lambda *inputs: torch.cat(_together(*inputs), dim=attributes["axis"])


def _gather(attributes: Attributes) -> Operator:
    axis = attributes.get("axis", 0)

    def run(x: Tensor, index: Tensor) -> Tensor:
        if index.ndim == 0:
            return x.select(axis, int(index))
        found = x.index_select(axis, index.flatten().to(x.device))
        return found.reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])

    return run


def _mean(attributes: Attributes) -> Operator:
    return lambda x, axes: x.mean(dim=axes.tolist(), keepdim=bool(attributes["keepdims"]))


def _sum(attributes: Attributes) -> Operator:
    return lambda x, axes: x.sum(dim=axes.tolist(), keepdim=bool(attributes["keepdims"]))


def _reshape(x: Tensor, shape: Tensor) -> Tensor:
    sizes = [x.shape[at] if size == 0 else size for at, size in enumerate(shape.tolist())]
    return x.reshape(sizes)


def _slice(
    x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor | None = None, steps: Tensor | None = None
) -> Tensor:
    places = range(x.ndim) if axes is None else axes.tolist()
    strides = [1] * len(places) if steps is None else steps.tolist()
    for start, end, axis, stride in zip(
        starts.tolist(), ends.tolist(), places, strides, strict=False
    ):
        if stride < 0:
            chosen = range(x.shape[axis])[slice(start, end, stride)]
            x = x.index_select(axis, torch.tensor(chosen, device=x.device))
        else:
            index = [slice(None)] * (axis % x.ndim) + [slice(start, end, stride)]
            x = x[tuple(index)]
    return x


def _squeeze(x: Tensor, axes: Tensor) -> Tensor:
    return x.squeeze(tuple(axes.tolist()))


def _unsqueeze(x: Tensor, axes: Tensor) -> Tensor:
    rank = x.ndim + len(axes)
    for axis in sorted(axis % rank for axis in axes.tolist()):
        x = x.unsqueeze(axis)
    return x


def _expand(x: Tensor, shape: Tensor) -> Tensor:
    sizes = shape.tolist()
    missing = len(sizes) - x.ndim
    return x.expand([*sizes[:missing], *map(max, x.shape, sizes[missing:])])


def _split(attributes: Attributes) -> Operator:
    return lambda x, sizes: x.split(sizes.tolist(), dim=attributes["axis"])


def _normalise(attributes: Attributes) -> Operator:
    epsilon = attributes["epsilon"]
    return lambda x, weight, bias: F.layer_norm(x, x.shape[-1:], weight, bias, epsilon)


def _skip_and_normalise(attributes: Attributes) -> Operator:
    normalise = _normalise(attributes)
    return lambda x, skipped, weight, bias: normalise(x + skipped, weight, bias)


def _filled(attributes: Attributes) -> Operator:
    from onnx import numpy_helper

    value = float(numpy_helper.to_array(attributes["value"])[0])
    return lambda shape: torch.full(shape.tolist(), value)


def _resize(attributes: Attributes) -> Operator:
    mode = attributes["mode"].decode()

    def run(x: Tensor, region: None, scales: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=scales.tolist()[2:], mode=mode)

    return run


def _pad(attributes: Attributes) -> Operator:
    def run(x: Tensor, pads: Tensor) -> Tensor:
        before, after = pads.tolist()[: x.ndim], pads.tolist()[x.ndim :]
        wide = x[None] if x.ndim < 3 else x
        padded = F.pad(wide, (before[-1], after[-1]), mode="reflect")
        return padded[0] if x.ndim < 3 else padded

    return run


def _spectrum(x: Tensor, hop: Tensor, window: Tensor, size: Tensor) -> Tensor:
    wave = x[..., 0] if x.ndim == 3 else x
    found = torch.stft(
        wave, int(size), int(hop), window=window.to(x.device), center=False, return_complex=True
    )
    return torch.view_as_real(found.transpose(1, 2))


def _scatter(x: Tensor, places: Tensor, values: Tensor) -> Tensor:
    x = x.clone()
    x[tuple(places.to(x.device).unbind(-1))] = values
    return x


def _lstm(weights: Sequence[Tensor | None], device: torch.device) -> Operator:
    """Both directions, whose gates ONNX orders otherwise than torch."""
    _, inward, recurrent, bias, *_, inward_scale, inward_zero, scale, zero = weights
    assert inward is not None
    assert recurrent is not None
    assert bias is not None
    size = recurrent.shape[1]
    lstm = nn.LSTM(inward.shape[1], size, bidirectional=True).to(device)

    def by_gates(gates: Tensor) -> Tensor:
        first, out, forget, cell = gates.view(4, size, *gates.shape[1:]).unbind()
        return torch.cat((first, forget, cell, out))

    def floats(quantized: Tensor, scale: Tensor | None, zero: Tensor | None) -> Tensor:
        assert scale is not None
        assert zero is not None
        shape = (2, 1, -1)
        scales = scale.to(device).float().reshape(shape)
        return (quantized.float() - zero.to(device).float().reshape(shape)) * scales

    for way, suffix in enumerate(("", "_reverse")):
        parts = {
            "weight_ih": floats(inward, inward_scale, inward_zero)[way].T,
            "weight_hh": floats(recurrent, scale, zero)[way].T,
            "bias_ih": bias[way, : 4 * size],
            "bias_hh": bias[way, 4 * size :],
        }
        for name, values in parts.items():
            getattr(lstm, f"{name}_l0{suffix}").data.copy_(by_gates(values.contiguous()))

    def run(x: Tensor, hidden: Tensor | None, cell: Tensor | None) -> Tensor:
        y: Tensor = lstm(x.to(device))[0]  # every state starts at 0 in this graph
        return y.view(*y.shape[:2], 2, size).transpose(1, 2)

    return run


_OPERATORS: dict[str, Callable[[Attributes], Operator]] = {
    "Add": _elementwise(operator.add),
    "And": _elementwise(operator.and_),
    "Atan": _plain(lambda x: x.atan().nan_to_num()),  # of 0 over 0: silence has no phase
    "Cast": _cast,
    "Clip": _plain(lambda x, low, high: x.clamp(float(low), None if high is None else float(high))),
    "Concat": _concatenate,
    "ConstantOfShape": _filled,
    "Conv": _convolution,
    "ConvInteger": _integer_convolution,
    "ConvTranspose": _transposed_convolution,
    "Cos": _plain(torch.cos),
    "CumSum": _plain(lambda x, axis: x.cumsum(int(axis))),
    "DequantizeLinear": _elementwise(lambda x, scale, zero: (x.float() - zero) * scale),
    "Div": _elementwise(_divide),
    "Equal": _elementwise(operator.eq),
    "Exp": _plain(torch.exp),
    "Expand": _plain(_expand),
    "FastGelu": _elementwise(lambda x, bias: F.gelu(x + bias, approximate="tanh")),
    "Floor": _plain(torch.floor),
    "FusedMatMul": _elementwise(lambda a, b: a.transpose(-1, -2) @ b),
    "Gather": _gather,
    "Greater": _elementwise(operator.gt),
    "GreaterOrEqual": _elementwise(operator.ge),
    "LayerNormalization": _normalise,
    "LeakyRelu": lambda attributes: lambda x: F.leaky_relu(x, attributes["alpha"]),
    "Less": _elementwise(operator.lt),
    "MatMul": _elementwise(torch.matmul),
    "MatMulInteger": _plain(_integer_product),
    "Mul": _elementwise(operator.mul),
    "NonZero": _plain(lambda x: x.nonzero().T),
    "Pad": _pad,
    "Pow": _elementwise(_power),
    "Range": _plain(lambda start, end, step: torch.arange(int(start), int(end), int(step))),
    "ReduceMean": _mean,
    "ReduceSum": _sum,
    "Reshape": _plain(_reshape),
    "Resize": _resize,
    "Round": _plain(torch.round),
    "STFT": _plain(_spectrum),
    "ScatterND": _plain(_scatter),
    "Shape": _plain(lambda x: torch.tensor(x.shape)),
    "Sigmoid": _plain(torch.sigmoid),
    "Sin": _plain(torch.sin),
    "SkipLayerNormalization": _skip_and_normalise,
    "Slice": _plain(_slice),
    "Softmax": lambda attributes: lambda x: x.softmax(dim=attributes["axis"]),
    "Split": _split,
    "Sqrt": _plain(torch.sqrt),
    "Squeeze": _plain(_squeeze),
    "Sub": _elementwise(operator.sub),
    "Tanh": _plain(torch.tanh),
    "Transpose": lambda attributes: lambda x: x.permute(attributes["perm"]),
    "Unsqueeze": _plain(_unsqueeze),
    "Where": _elementwise(torch.where),
}
