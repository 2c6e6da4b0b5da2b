"""The LLM's layers as one ONNX graph with weights in 8 or 4 bits, run by ONNX Runtime on the CPU.

At batch 1 a decode step is bound by reading the weights, and by what a Python loop over layers adds
to it. Here a step is one call, keys and values are written in place, and the weights are multiplied
as they are kept: activations are rounded to 8 bits in blocks of 32.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from podtts.llm.attention_context import rotary_angles
from podtts.llm.block_quant import BLOCK, BlockWeights
from podtts.llm.kv_cache import CacheRows

if TYPE_CHECKING:
    import onnx
    from onnxruntime import IOBinding

    from podtts.llm.qwen3 import Qwen3Config

_OWN = "com.microsoft"  # the domain of ONNX Runtime's own operators
_OPSET, _IR_VERSION = 17, 10
_ACCURACY = 4  # MatMulNBits: activations in 8 bits
_SMALL_BYTES = 1024  # what the graph itself holds; all else is handed over without a copy


class OnnxLayers:
    """All layers and the last norm: embeddings in, hidden states out, with `CacheRows`.

    norms:  float32 by name: `layers.N.{input,post_attention,q,k}_norm` and `norm`.
    blocks: by name: `layers.N.{qkv,o,gate_up,down}`, outputs side by side as named.
    """

    def __init__(
        self, config: Qwen3Config, norms: Mapping[str, Tensor], blocks: Mapping[str, BlockWeights]
    ) -> None:
        import onnxruntime

        self.config, self.cache_dtype, self.batch_invariant = config, torch.float32, False
        graph = _Graph(config, norms, blocks)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # what goes wrong is raised; the log would say it twice
        self._weights = graph.outside  # the session uses their memory
        outside = {
            name: onnxruntime.OrtValue.ortvalue_from_numpy(array)
            for name, array in self._weights.items()
        }
        options.add_external_initializers(list(outside), list(outside.values()))
        self._session = onnxruntime.InferenceSession(
            graph.serialized(), options, providers=["CPUExecutionProvider"]
        )
        self._bound: tuple[object, IOBinding] | None = None

    @property
    def weight_bytes(self) -> int:
        """Bytes of weights in memory; all are read once a call."""
        return sum(array.nbytes for array in self._weights.values())

    def logits(self, hidden: Tensor) -> None:
        """None: the head is torch's."""

    def read(self, x: Tensor, caches: CacheRows, rows: range) -> Tensor:
        """Read embeddings behind what rows of the caches hold; no row's length moves.

        x: float32 [R, T, H]; T above 1 for one row alone. returns: float32 [R, T, H].
        """
        x = x.contiguous()
        hidden = torch.empty_like(x)
        lengths = [caches.rows[row].length for row in rows]
        binding = self._binding(caches, rows)
        last = torch.tensor(lengths, dtype=torch.int32) + (x.shape[1] - 1)
        _bind(binding.bind_input, "x", x)
        _bind(binding.bind_input, "last", last)
        binding.bind_cpu_input("total", np.array(max(lengths) + x.shape[1], np.int32))
        _bind(binding.bind_output, "hidden", hidden)
        self._session.run_with_iobinding(binding)
        return hidden

    def _binding(self, caches: CacheRows, rows: range) -> IOBinding:
        """Where keys and values of these rows stand, in and out."""
        # The shape, too: caches of fewer rows may begin where wider ones did.
        shape = tuple(caches.keys.shape)
        place = (caches.keys.data_ptr(), caches.values.data_ptr(), shape, rows)
        if self._bound is None or self._bound[0] != place:
            binding = self._session.io_binding()
            for name, angles in zip(("cos", "sin"), self._angles(caches.capacity), strict=True):
                binding.bind_cpu_input(name, angles)
            for layer in range(self.config.layers):
                for name, whole in (("keys", caches.keys), ("values", caches.values)):
                    kept = whole[layer, rows.start : rows.stop]
                    _bind(binding.bind_input, f"{name}.{layer}", kept)
                    _bind(binding.bind_output, f"{name}.{layer}.out", kept)
            self._bound = place, binding
        return self._bound[1]

    def _angles(self, places: int) -> tuple[Any, Any]:
        """Cosine and sine of the rotary positions, float32 [places, head size / 2]."""
        config = self.config
        angles = rotary_angles(config.head_size, config.rope_theta, torch.arange(places))
        return angles.cos().numpy(), angles.sin().numpy()


def _bind(to: Any, name: str, tensor: Tensor) -> None:
    """Bind a contiguous tensor's memory, float32 or int32."""
    kind = np.float32 if tensor.dtype == torch.float32 else np.int32
    to(name, "cpu", 0, kind, tuple(tensor.shape), tensor.data_ptr())


class _Graph:
    """The graph while it is written."""

    def __init__(
        self, config: Qwen3Config, norms: Mapping[str, Tensor], blocks: Mapping[str, BlockWeights]
    ) -> None:
        self.config, self.blocks = config, blocks
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.outside: dict[str, np.ndarray[Any, Any]] = {}  # weights, by name
        for name, norm in norms.items():
            self._constant(name, norm.float().numpy())
        for name, one in blocks.items():
            self._constant(f"{name}.levels", one.levels.numpy())
            self._constant(f"{name}.scale", one.scale.float().flatten().numpy())

        queries, keys = config.heads * config.head_size, config.kv_heads * config.head_size
        self._constant("qkv.sizes", np.array([queries, keys, keys]))
        self._constant("gate_up.sizes", np.array([config.intermediate_size] * 2))
        self._constant("by_head", np.array([0, 0, -1, config.head_size]))
        self._constant("together", np.array([0, 0, -1]))
        normed, rest = "layers.0.normed", "x"
        self._norm("x", "layers.0.input_norm", normed)
        for layer in range(config.layers):
            at = f"layers.{layer}"
            attended = self._attention(at, layer, normed)
            normed, rest = self._add_norm(attended, rest, f"{at}.post_attention_norm", f"{at}.mid")
            fed = self._feed_forward(at, normed)
            last = layer + 1 == config.layers
            following = "norm" if last else f"layers.{layer + 1}.input_norm"
            normed, rest = self._add_norm(fed, rest, following, "hidden" if last else f"{at}.out")

    def serialized(self) -> bytes:
        """The model as ONNX."""
        from onnx import TensorProto, helper

        config = self.config
        x: list[str | int | None] = ["rows", "tokens", config.hidden_size]
        inputs = [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, x),
            helper.make_tensor_value_info("last", TensorProto.INT32, ["rows"]),
            helper.make_tensor_value_info("total", TensorProto.INT32, []),
        ]
        outputs = [helper.make_tensor_value_info("hidden", TensorProto.FLOAT, x)]
        half = config.head_size // 2
        kept: list[str | int | None] = ["rows", config.kv_heads, "capacity", config.head_size]
        for name in ("cos", "sin"):
            inputs.append(
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["capacity", half])
            )
        for layer in range(config.layers):
            for name in (f"keys.{layer}", f"values.{layer}"):
                inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, kept))
                outputs.append(
                    helper.make_tensor_value_info(f"{name}.out", TensorProto.FLOAT, kept)
                )
        graph = helper.make_graph(self.nodes, "layers", inputs, outputs, self.constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_OWN, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
        raw: bytes = model.SerializeToString()
        return raw

    def _attention(self, at: str, layer: int, x: str) -> str:
        config = self.config
        whole = self._linear(x, f"{at}.qkv", config.hidden_size)
        names = [f"{at}.q", f"{at}.k", f"{at}.v"]
        self._node("Split", [whole, "qkv.sizes"], names, axis=-1)
        kept = (f"keys.{layer}", f"values.{layer}")
        for name in names[:2]:
            self._node("Reshape", [name, "by_head"], [f"{name}.heads"])
            self._norm(f"{name}.heads", f"{name}_norm", f"{name}.normed")
            self._node("Reshape", [f"{name}.normed", "together"], [f"{name}.ready"])
        self._node(
            "GroupQueryAttention",
            [f"{at}.q.ready", f"{at}.k.ready", names[2], *kept, "last", "total", "cos", "sin"],
            [f"{at}.attended", *(f"{name}.out" for name in kept)],
            own=True,
            num_heads=config.heads,
            kv_num_heads=config.kv_heads,
            do_rotary=1,
        )
        return self._linear(f"{at}.attended", f"{at}.o", config.heads * config.head_size)

    def _feed_forward(self, at: str, x: str) -> str:
        hidden, size = self.config.hidden_size, self.config.intermediate_size
        both = self._linear(x, f"{at}.gate_up", hidden)
        self._node("Split", [both, "gate_up.sizes"], [f"{at}.gate", f"{at}.up"], axis=-1)
        self._node("Sigmoid", [f"{at}.gate"], [f"{at}.open"])
        self._node("Mul", [f"{at}.gate", f"{at}.open"], [f"{at}.silu"])
        self._node("Mul", [f"{at}.silu", f"{at}.up"], [f"{at}.gated"])
        return self._linear(f"{at}.gated", f"{at}.down", size)

    def _linear(self, x: str, name: str, inputs: int) -> str:
        blocks = self.blocks[name]
        self._node(
            "MatMulNBits",
            [x, f"{name}.levels", f"{name}.scale"],
            [f"{name}.y"],
            own=True,
            K=inputs,
            N=len(blocks.levels),
            bits=blocks.bits,
            block_size=BLOCK,
            accuracy_level=_ACCURACY,
        )
        return f"{name}.y"

    def _norm(self, x: str, weight: str, y: str) -> None:
        eps = self.config.rms_norm_eps
        self._node("SimplifiedLayerNormalization", [x, weight], [y], axis=-1, epsilon=eps)

    def _add_norm(self, x: str, rest: str, weight: str, y: str) -> tuple[str, str]:
        """Add what a part computed to what it came from; return the sum's norm, and the sum."""
        eps = self.config.rms_norm_eps
        names = [y, "", "", f"{y}.sum"]
        self._node(
            "SkipSimplifiedLayerNormalization", [x, rest, weight], names, own=True, epsilon=eps
        )
        return y, f"{y}.sum"

    def _node(
        self, kind: str, inputs: list[str], outputs: list[str], *, own: bool = False, **how: Any
    ) -> None:
        from onnx import helper

        domain = _OWN if own else ""
        self.nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **how))

    def _constant(self, name: str, values: np.ndarray[Any, Any]) -> None:
        """A tensor that does not change: in the graph if it is small, else outside of it."""
        from onnx import TensorProto, helper, numpy_helper

        if values.nbytes < _SMALL_BYTES:
            self.constants.append(numpy_helper.from_array(values, name))
            return
        kind = helper.np_dtype_to_tensor_dtype(values.dtype)
        constant = TensorProto(
            name=name, data_type=kind, dims=values.shape, data_location=TensorProto.EXTERNAL
        )
        # The place is a formality: the session is handed the memory itself.
        place = {"location": "memory", "offset": "0", "length": str(values.nbytes)}
        for key, value in place.items():
            constant.external_data.add(key=key, value=value)
        self.constants.append(constant)
        self.outside[name] = values
