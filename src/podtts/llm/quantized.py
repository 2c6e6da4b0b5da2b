"""Puts the layers of an LLM into 8 or 4 bits: with their scales 8.5 or 4.5 a weight, not 16.

Embedding and head do not change. On the CPU fused layers replace the LLM's: compiled code where it
runs, else ONNX Runtime. On other devices every linear layer dequantizes its weight in every call.
Layers that keep 16 bits get compiled code here, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from podtts.device.placement import has_fused_layers
from podtts.llm.block_quant import BLOCK, Bits, BlockLinear, BlockWeights
from podtts.llm.native_layers import NativeLayers, supports_layers
from podtts.llm.onnx_layers import OnnxLayers
from podtts.llm.qwen3 import Layer, Qwen3
from podtts.options import Quantization

_BITS: dict[Quantization, Bits] = {"int8": 8, "int4": 4}
# Linear layers with the same input become one matrix.
_MATRICES = {
    "qkv": ("self_attn", ("q_proj", "k_proj", "v_proj")),
    "o": ("self_attn", ("o_proj",)),
    "gate_up": ("mlp", ("gate_proj", "up_proj")),
    "down": ("mlp", ("down_proj",)),
}


def quantize_llm(llm: Qwen3, kind: Quantization) -> None:
    """Quantize the layers of a loaded LLM in place; none: use compiled code where it runs."""
    if kind == "none":
        use_compiled_layers(llm)
    else:
        use_quantized(llm, quantized_matrices(llm, kind))


def quantized_matrices(llm: Qwen3, kind: Quantization) -> dict[str, BlockWeights]:
    """All matrices of the layers, quantized, as `layers.N.{qkv,o,gate_up,down}`, on the CPU."""
    matrices = {}
    for name, linears in _linears(llm).items():
        weights = [linear.weight.detach().cpu() for linear in linears]
        parts = [BlockWeights.quantize(weight, _BITS[kind]) for weight in weights]
        matrices[name] = BlockWeights(
            torch.cat([part.levels for part in parts]), torch.cat([part.scale for part in parts])
        )
    return matrices


def has_sizes_of(llm: Qwen3, kind: Quantization, matrices: Mapping[str, BlockWeights]) -> bool:
    """Whether quantized matrices have the sizes of an LLM's and the bits of a kind.

    Raises KeyError for a matrix that is missing.
    """
    for name, linears in _linears(llm).items():
        outputs = sum(linear.out_features for linear in linears)
        blocks = -(-linears[0].in_features // BLOCK)
        matrix = matrices[name]
        if matrix.levels.shape != (outputs, blocks, 4 * _BITS[kind]):
            return False
        if matrix.scale.shape != (outputs, blocks):
            return False
    return True


def use_quantized(llm: Qwen3, matrices: Mapping[str, BlockWeights]) -> None:
    """Replace the weights of an LLM's layers by `quantized_matrices`."""
    weight = llm.embed_tokens.weight
    if has_fused_layers(weight.device):
        bits = next(iter(matrices.values())).bits
        if supports_layers(llm.config, bits):
            cache_dtype = torch.bfloat16 if weight.dtype == torch.bfloat16 else torch.float32
            llm.fused_layers = NativeLayers(
                llm.config, _norms(llm), matrices, cache_dtype, llm.head.weight
            )
        else:
            llm.fused_layers = OnnxLayers(llm.config, _norms(llm), matrices)
        llm.layers = nn.ModuleList()
        return
    for name, linears in _linears(llm).items():
        inputs = linears[0].in_features
        parts = matrices[name].split([linear.out_features for linear in linears])
        _, number, short = name.split(".")
        path, names = _MATRICES[short]
        parent = llm.layers[int(number)].get_submodule(path)
        for linear_name, part in zip(names, parts, strict=True):
            setattr(parent, linear_name, BlockLinear(part, inputs).to(weight.device))


def use_compiled_layers(llm: Qwen3) -> None:
    """Replace layers in bfloat16 by compiled code, where it runs."""
    weight = llm.embed_tokens.weight
    native = weight.dtype == torch.bfloat16 and has_fused_layers(weight.device)
    if native and supports_layers(llm.config, 16):
        matrices = _JoinedMatrices(_linears(llm))
        llm.fused_layers = NativeLayers(
            llm.config, _norms(llm), matrices, torch.bfloat16, llm.head.weight
        )
        llm.layers = nn.ModuleList()


class _JoinedMatrices(Mapping[str, Tensor]):
    """Matrices in 16 bits, joined when they are looked up: one copy in memory at a time."""

    def __init__(self, linears: Mapping[str, list[nn.Linear]]) -> None:
        self._linears = linears

    def __getitem__(self, name: str) -> Tensor:
        return torch.cat([linear.weight.detach() for linear in self._linears[name]])

    def __iter__(self) -> Iterator[str]:
        return iter(self._linears)

    def __len__(self) -> int:
        return len(self._linears)


def _linears(llm: Qwen3) -> dict[str, list[nn.Linear]]:
    """The linear layers that make up each matrix."""
    linears: dict[str, list[nn.Linear]] = {}
    for number, layer in enumerate(llm.layers):
        for short, (path, names) in _MATRICES.items():
            parent = layer.get_submodule(path)
            linears[f"layers.{number}.{short}"] = [getattr(parent, name) for name in names]
    return linears


def _norms(llm: Qwen3) -> dict[str, Tensor]:
    norms = {"norm": llm.norm.weight}
    for number, layer in enumerate(llm.layers):
        assert isinstance(layer, Layer)
        norms[f"layers.{number}.input_norm"] = layer.input_layernorm.weight
        norms[f"layers.{number}.post_attention_norm"] = layer.post_attention_layernorm.weight
        norms[f"layers.{number}.q_norm"] = layer.self_attn.q_norm.weight
        norms[f"layers.{number}.k_norm"] = layer.self_attn.k_norm.weight
    return {name: norm.detach().cpu() for name, norm in norms.items()}
