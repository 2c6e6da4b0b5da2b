"""A checkpoint's safetensors and settings, in the published names and keys."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor, nn

from recipes.mini.sizes import (
    FLOW_NOISE,
    MINI_FLOW,
    MINI_HIFT,
    MINI_LLM,
    REPETITION_PENALTY,
    TEMPERATURE,
)


def save_part(
    module: nn.Module, published: Callable[[str], str], path: Path, without: str = ""
) -> None:
    """Write a module's parameters in half precision under their published names."""
    tensors: dict[str, Tensor] = {
        published(name): value.half().contiguous()
        for name, value in module.state_dict().items()
        if name != without
    }
    save_file(tensors, path, metadata={"format": "pt"})


def write_settings(directory: Path) -> None:
    """Write config.json, soulxpodcast_config.json and podtts.json."""
    sizes = asdict(MINI_LLM)
    shared = {
        "vocab_size": sizes["vocab_size"],
        "hidden_size": sizes["hidden_size"],
        "intermediate_size": sizes["intermediate_size"],
        "num_hidden_layers": sizes["layers"],
        "num_attention_heads": sizes["heads"],
        "num_key_value_heads": sizes["kv_heads"],
        "head_dim": sizes["head_size"],
        "tie_word_embeddings": sizes["tied_head"],
    }
    settings = {
        "config.json": {
            "architectures": ["Qwen3ForCausalLM"],
            "model_type": "qwen3",
            "hidden_act": "silu",
            "attention_bias": False,
            "dtype": "float16",
            "eos_token_id": sizes["end_token"],
            "max_position_embeddings": 40960,
            "rms_norm_eps": sizes["rms_norm_eps"],
            "rope_theta": sizes["rope_theta"],
            "use_sliding_window": False,
            **shared,
        },
        "soulxpodcast_config.json": {
            "eos_token_id": sizes["end_token"],
            "speech_token_offset": sizes["speech_token_offset"],
            **shared,
        },
        "podtts.json": {
            "estimator_heads": MINI_FLOW.estimator.heads,
            "estimator_head_dim": MINI_FLOW.estimator.head_size,
            "voiced_threshold_hz": MINI_HIFT.voiced_threshold_hz,
            "flow_noise": FLOW_NOISE,
            "temperature": TEMPERATURE,
            "repetition_penalty": REPETITION_PENALTY,
            "untrained": False,
        },
    }
    for name, values in settings.items():
        (directory / name).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
