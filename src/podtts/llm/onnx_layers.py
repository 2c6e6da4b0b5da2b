"""The LLM's layers as one ONNX graph with weights in 8 or 4 bits, run by ONNX Runtime on the CPU.

At batch 1 a decode step takes the time of loading the weights, and a Python loop over layers adds
to it. Here a step is one call and writes keys and values in place. The weights stay quantized, and
activations are rounded to 8 bits in blocks of 32.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from podtts.device.onnx_run import cancellable_run
from podtts.llm.attention_context import rotary_angles
from podtts.llm.block_quant import BLOCK, BlockWeights
from podtts.llm.kv_cache import CacheRows

if TYPE_CHECKING:
    import onnx
    from onnxruntime import IOBinding

    from podtts.llm.qwen3 import Qwen3Config

_MICROSOFT = "com.microsoft"  # the domain of ONNX Runtime's own operators
_OPSET, _IR_VERSION = 17, 10
_ACCURACY = 4  # MatMulNBits: activations in 8 bits
_SMALL_BYTES = 1024  # smaller constants are part of the graph; larger ones are not copied


class OnnxLayers:
    """All layers and the last norm: embeddings in, hidden states out, with `CacheRows`.

    norms:    float32 by name: `layers.N.{input,post_attention,q,k}_norm` and `norm`.
    matrices: by name: `layers.N.{qkv,o,gate_up,down}`, outputs joined in this order.
    """

    def __init__(
        self, config: Qwen3Config, norms: Mapping[str, Tensor], matrices: Mapping[str, BlockWeights]
    ) -> None:
        import onnxruntime

        self.config, self.cache_dtype, self.batch_invariant = config, torch.float32, False
        graph = _Graph(config, norms, matrices)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # errors are raised; the log would repeat them
        self._weights = graph.external  # the session uses their memory
        external = {
            name: onnxruntime.OrtValue.ortvalue_from_numpy(array)
            for name, array in self._weights.items()
        }
        options.add_external_initializers(list(external), list(external.values()))
        self._session = onnxruntime.InferenceSession(
            graph.serialized(), options, providers=["CPUExecutionProvider"]
        )
        self._bound: tuple[object, IOBinding] | None = None

    @property
    def weight_bytes(self) -> int:
        """See `FusedLayers.weight_bytes`."""
        return sum(array.nbytes for array in self._weights.values())

    def logits(self, hidden: Tensor) -> None:
        """None: torch computes the head."""

    def forward(self, x: Tensor, caches: CacheRows, rows: range) -> Tensor:
        """See `FusedLayers.forward`."""
        x = x.contiguous()
        hidden = torch.empty_like(x)
        lengths = [caches.rows[row].length for row in rows]
        binding = self._binding(caches, rows)
        last = torch.tensor(lengths, dtype=torch.int32) + (x.shape[1] - 1)
        _bind(binding.bind_input, "x", x)
        _bind(binding.bind_input, "last", last)
        binding.bind_cpu_input("total", np.array(max(lengths) + x.shape[1], np.int32))
        _bind(binding.bind_output, "hidden", hidden)
        with cancellable_run() as options:
            self._session.run_with_iobinding(binding, options)
        return hidden

    def _binding(self, caches: CacheRows, rows: range) -> IOBinding:
        """The keys and values of these rows as the session's inputs and outputs."""
        # The shape, too: other caches may begin at the same address.
        shape = tuple(caches.keys.shape)
        memory = (caches.keys.data_ptr(), caches.values.data_ptr(), shape, rows)
        if self._bound is None or self._bound[0] != memory:
            binding = self._session.io_binding()
            for name, angles in zip(("cos", "sin"), self._angles(caches.capacity), strict=True):
                binding.bind_cpu_input(name, angles)
            for layer in range(self.config.layers):
                for name, tensor in (("keys", caches.keys), ("values", caches.values)):
                    cached = tensor[layer, rows.start : rows.stop]
                    _bind(binding.bind_input, f"{name}.{layer}", cached)
                    _bind(binding.bind_output, f"{name}.{layer}.out", cached)
            self._bound = memory, binding
        return self._bound[1]

    def _angles(self, positions: int) -> tuple[Any, Any]:
        """Cosine and sine of the rotary positions, float32 [positions, head size / 2]."""
        config = self.config
        angles = rotary_angles(config.head_size, config.rope_theta, torch.arange(positions))
        return angles.cos().numpy(), angles.sin().numpy()


def _bind(to: Any, name: str, tensor: Tensor) -> None:
    """Bind a contiguous tensor's memory, float32 or int32."""
    kind = np.float32 if tensor.dtype == torch.float32 else np.int32
    to(name, "cpu", 0, kind, tuple(tensor.shape), tensor.data_ptr())


class _Graph:
    """Builds the graph."""

    def __init__(
        self, config: Qwen3Config, norms: Mapping[str, Tensor], matrices: Mapping[str, BlockWeights]
    ) -> None:
        self.config, self.matrices = config, matrices
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.external: dict[str, np.ndarray[Any, Any]] = {}  # large constants by name
        for name, norm in norms.items():
            self._constant(name, norm.float().numpy())
        for name, matrix in matrices.items():
            self._constant(f"{name}.levels", matrix.levels.numpy())
            self._constant(f"{name}.scale", matrix.scale.float().flatten().numpy())

        queries, keys = config.heads * config.head_size, config.kv_heads * config.head_size
        self._constant("qkv.sizes", np.array([queries, keys, keys]))
        self._constant("gate_up.sizes", np.array([config.intermediate_size] * 2))
        self._constant("by_head", np.array([0, 0, -1, config.head_size]))
        self._constant("joined", np.array([0, 0, -1]))
        normed, residual = "layers.0.normed", "x"
        self._norm("x", "layers.0.input_norm", normed)
        for layer in range(config.layers):
            prefix = f"layers.{layer}"
            y = self._attention(prefix, layer, normed)
            weight = f"{prefix}.post_attention_norm"
            normed, residual = self._add_norm(y, residual, weight, f"{prefix}.mid")
            y = self._feed_forward(prefix, normed)
            last = layer + 1 == config.layers
            weight = "norm" if last else f"layers.{layer + 1}.input_norm"
            normed, residual = self._add_norm(
                y, residual, weight, "hidden" if last else f"{prefix}.out"
            )

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
        cache: list[str | int | None] = ["rows", config.kv_heads, "capacity", config.head_size]
        for name in ("cos", "sin"):
            inputs.append(
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["capacity", half])
            )
        for layer in range(config.layers):
            for name in (f"keys.{layer}", f"values.{layer}"):
                inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, cache))
                outputs.append(
                    helper.make_tensor_value_info(f"{name}.out", TensorProto.FLOAT, cache)
                )
        graph = helper.make_graph(self.nodes, "layers", inputs, outputs, self.constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
        raw: bytes = model.SerializeToString()
        return raw

    def _attention(self, prefix: str, layer: int, x: str) -> str:
        config = self.config
        qkv = self._linear(x, f"{prefix}.qkv", config.hidden_size)
        names = [f"{prefix}.q", f"{prefix}.k", f"{prefix}.v"]
        self._node("Split", [qkv, "qkv.sizes"], names, axis=-1)
        cache = (f"keys.{layer}", f"values.{layer}")
        for name in names[:2]:
            self._node("Reshape", [name, "by_head"], [f"{name}.heads"])
            self._norm(f"{name}.heads", f"{name}_norm", f"{name}.normed")
            self._node("Reshape", [f"{name}.normed", "joined"], [f"{name}.ready"])
        self._node(
            "GroupQueryAttention",
            [
                f"{prefix}.q.ready",
                f"{prefix}.k.ready",
                names[2],
                *cache,
                "last",
                "total",
                "cos",
                "sin",
            ],
            [f"{prefix}.attended", *(f"{name}.out" for name in cache)],
            microsoft=True,
            num_heads=config.heads,
            kv_num_heads=config.kv_heads,
            do_rotary=1,
        )
        return self._linear(f"{prefix}.attended", f"{prefix}.o", config.heads * config.head_size)

    def _feed_forward(self, prefix: str, x: str) -> str:
        hidden, size = self.config.hidden_size, self.config.intermediate_size
        gate_up = self._linear(x, f"{prefix}.gate_up", hidden)
        self._node("Split", [gate_up, "gate_up.sizes"], [f"{prefix}.gate", f"{prefix}.up"], axis=-1)
        self._node("Sigmoid", [f"{prefix}.gate"], [f"{prefix}.sigmoid"])
        self._node("Mul", [f"{prefix}.gate", f"{prefix}.sigmoid"], [f"{prefix}.silu"])
        self._node("Mul", [f"{prefix}.silu", f"{prefix}.up"], [f"{prefix}.gated"])
        return self._linear(f"{prefix}.gated", f"{prefix}.down", size)

    def _linear(self, x: str, name: str, inputs: int) -> str:
        matrix = self.matrices[name]
        self._node(
            "MatMulNBits",
            [x, f"{name}.levels", f"{name}.scale"],
            [f"{name}.y"],
            microsoft=True,
            K=inputs,
            N=len(matrix.levels),
            bits=matrix.bits,
            block_size=BLOCK,
            accuracy_level=_ACCURACY,
        )
        return f"{name}.y"

    def _norm(self, x: str, weight: str, y: str) -> None:
        eps = self.config.rms_norm_eps
        self._node("SimplifiedLayerNormalization", [x, weight], [y], axis=-1, epsilon=eps)

    def _add_norm(self, x: str, residual: str, weight: str, y: str) -> tuple[str, str]:
        """Add x to the residual; return the norm of the sum, and the sum."""
        eps = self.config.rms_norm_eps
        names = [y, "", "", f"{y}.sum"]
        self._node(
            "SkipSimplifiedLayerNormalization",
            [x, residual, weight],
            names,
            microsoft=True,
            epsilon=eps,
        )
        return y, f"{y}.sum"

    def _node(
        self,
        kind: str,
        inputs: list[str],
        outputs: list[str],
        *,
        microsoft: bool = False,
        **attributes: Any,
    ) -> None:
        from onnx import helper

        domain = _MICROSOFT if microsoft else ""
        self.nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **attributes))

    def _constant(self, name: str, values: np.ndarray[Any, Any]) -> None:
        """Add a constant: to the graph itself if it is small, else as external data."""
        from onnx import TensorProto, helper, numpy_helper

        if values.nbytes < _SMALL_BYTES:
            self.constants.append(numpy_helper.from_array(values, name))
            return
        kind = helper.np_dtype_to_tensor_dtype(values.dtype)
        constant = TensorProto(
            name=name, data_type=kind, dims=values.shape, data_location=TensorProto.EXTERNAL
        )
        # ONNX asks for a location, but the session gets the memory itself.
        location = {"location": "memory", "offset": "0", "length": str(values.nbytes)}
        for key, value in location.items():
            constant.external_data.add(key=key, value=value)
        self.constants.append(constant)
        self.external[name] = values
