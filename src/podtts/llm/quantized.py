"""An LLM whose layers are in 8 or 4 bits: with their scales 9 or 5 a weight, in place of 16.

Embedding and head stay as they are. On the CPU all layers become one graph; on other devices every
linear layer widens its weight when it is used.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from podtts.device import runs_layer_graph
from podtts.llm.blocks import BLOCK, Bits, BlockLinear, Blocks
from podtts.llm.layer_graph import LayerGraph
from podtts.llm.qwen3 import Layer, Qwen3
from podtts.options import Quantization

_BITS: dict[Quantization, Bits] = {"int8": 8, "int4": 4}
# Linear layers that read the same stand side by side in one matrix.
_MATRICES = {
    "qkv": ("self_attn", ("q_proj", "k_proj", "v_proj")),
    "o": ("self_attn", ("o_proj",)),
    "gate_up": ("mlp", ("gate_proj", "up_proj")),
    "down": ("mlp", ("down_proj",)),
}


def quantize_llm(llm: Qwen3, kind: Quantization) -> None:
    """Put the layers of a loaded model into few bits, in place."""
    if kind != "none":
        use_blocks(llm, quantized_blocks(llm, kind))


def quantized_blocks(llm: Qwen3, kind: Quantization) -> dict[str, Blocks]:
    """Every matrix of the layers in few bits, as `layers.N.{qkv,o,gate_up,down}`, on the CPU."""
    found = {}
    for name, linears in _matrices(llm).items():
        weights = [linear.weight.detach().cpu() for linear in linears]
        parts = [Blocks.of(weight, _BITS[kind]) for weight in weights]
        found[name] = Blocks(
            torch.cat([part.levels for part in parts]), torch.cat([part.scale for part in parts])
        )
    return found


def blocks_fit(llm: Qwen3, kind: Quantization, blocks: Mapping[str, Blocks]) -> bool:
    """Whether blocks are of a model's sizes and of this kind."""
    for name, linears in _matrices(llm).items():
        outputs = sum(linear.out_features for linear in linears)
        groups = -(-linears[0].in_features // BLOCK)
        one = blocks[name]
        if one.levels.shape != (outputs, groups, 4 * _BITS[kind]):
            return False
        if one.scale.shape != (outputs, groups):
            return False
    return True


def use_blocks(llm: Qwen3, blocks: Mapping[str, Blocks]) -> None:
    """Let a model's layers multiply with blocks (see `quantized_blocks`) from now on."""
    device = llm.embed_tokens.weight.device
    if runs_layer_graph(device):
        llm.graph = LayerGraph(llm.config, _norms(llm), blocks)
        llm.layers = nn.ModuleList()
        return
    for name, linears in _matrices(llm).items():
        inputs = linears[0].in_features
        parts = blocks[name].split([linear.out_features for linear in linears])
        _, number, short = name.split(".")
        path, names = _MATRICES[short]
        parent = llm.layers[int(number)].get_submodule(path)
        for linear_name, part in zip(names, parts, strict=True):
            setattr(parent, linear_name, BlockLinear(part, inputs).to(device))


def _matrices(llm: Qwen3) -> dict[str, list[nn.Linear]]:
    found: dict[str, list[nn.Linear]] = {}
    for number, layer in enumerate(llm.layers):
        for short, (path, names) in _MATRICES.items():
            parent = layer.get_submodule(path)
            found[f"layers.{number}.{short}"] = [getattr(parent, name) for name in names]
    return found


def _norms(llm: Qwen3) -> dict[str, Tensor]:
    norms = {"norm": llm.norm.weight}
    for number, layer in enumerate(llm.layers):
        assert isinstance(layer, Layer)
        norms[f"layers.{number}.input_norm"] = layer.input_layernorm.weight
        norms[f"layers.{number}.post_attention_norm"] = layer.post_attention_layernorm.weight
        norms[f"layers.{number}.q_norm"] = layer.self_attn.q_norm.weight
        norms[f"layers.{number}.k_norm"] = layer.self_attn.k_norm.weight
    return {name: norm.detach().cpu() for name, norm in norms.items()}
