"""An LLM whose layers are in 8 or 4 bits: with their scales 8.5 or 4.5 a weight, in place of 16.

Embedding and head stay as they are. On the CPU all layers are read at once, by compiled code where
it runs and else by ONNX Runtime; on other devices every linear layer widens its weight when it is
used. Layers that keep 16 bits are laid out for compiled code here, too.
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
# Linear layers that read the same stand side by side in one matrix.
_MATRICES = {
    "qkv": ("self_attn", ("q_proj", "k_proj", "v_proj")),
    "o": ("self_attn", ("o_proj",)),
    "gate_up": ("mlp", ("gate_proj", "up_proj")),
    "down": ("mlp", ("down_proj",)),
}


def quantize_llm(llm: Qwen3, kind: Quantization) -> None:
    """Put the layers of a loaded model into few bits, or as they are where they run fastest."""
    if kind == "none":
        use_plain(llm)
    else:
        use_blocks(llm, quantized_blocks(llm, kind))


def quantized_blocks(llm: Qwen3, kind: Quantization) -> dict[str, BlockWeights]:
    """Every matrix of the layers in few bits, as `layers.N.{qkv,o,gate_up,down}`, on the CPU."""
    found = {}
    for name, linears in _matrices(llm).items():
        weights = [linear.weight.detach().cpu() for linear in linears]
        parts = [BlockWeights.of(weight, _BITS[kind]) for weight in weights]
        found[name] = BlockWeights(
            torch.cat([part.levels for part in parts]), torch.cat([part.scale for part in parts])
        )
    return found


def blocks_fit(llm: Qwen3, kind: Quantization, blocks: Mapping[str, BlockWeights]) -> bool:
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


def use_blocks(llm: Qwen3, blocks: Mapping[str, BlockWeights]) -> None:
    """Let a model's layers multiply with blocks (see `quantized_blocks`) from now on."""
    device = llm.embed_tokens.weight.device
    if has_fused_layers(device):
        if supports_layers(llm.config, _bits_of(blocks)):
            kept = llm.embed_tokens.weight.dtype
            llm.fused_layers = NativeLayers(
                llm.config, _norms(llm), blocks, _kept_in(kept), llm.head.weight
            )
        else:
            llm.fused_layers = OnnxLayers(llm.config, _norms(llm), blocks)
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


def use_plain(llm: Qwen3) -> None:
    """Let layers in bfloat16 be read by compiled code from now on, where it runs."""
    weight = llm.embed_tokens.weight
    native = weight.dtype == torch.bfloat16 and has_fused_layers(weight.device)
    if native and supports_layers(llm.config, 16):
        matrices = _Plain(_matrices(llm))
        llm.fused_layers = NativeLayers(
            llm.config, _norms(llm), matrices, torch.bfloat16, llm.head.weight
        )
        llm.layers = nn.ModuleList()


class _Plain(Mapping[str, Tensor]):
    """Matrices as they are, put side by side when they are asked for: one copy at a time."""

    def __init__(self, linears: Mapping[str, list[nn.Linear]]) -> None:
        self._linears = linears

    def __getitem__(self, name: str) -> Tensor:
        return torch.cat([linear.weight.detach() for linear in self._linears[name]])

    def __iter__(self) -> Iterator[str]:
        return iter(self._linears)

    def __len__(self) -> int:
        return len(self._linears)


def _bits_of(blocks: Mapping[str, BlockWeights]) -> Bits:
    return next(iter(blocks.values())).bits


def _kept_in(dtype: torch.dtype) -> torch.dtype:
    """What compiled code keeps keys and values in, for a model of a dtype."""
    return dtype if dtype == torch.bfloat16 else torch.float32


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
