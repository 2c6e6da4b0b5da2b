"""Reads the sizes of a model from the shapes of its tensors and compares them with its settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from podtts.errors import ModelError
from podtts.flow.decode import FlowConfig
from podtts.flow.encoder import UPSAMPLING as TOKEN_UPSAMPLING
from podtts.flow.encoder import EncoderConfig
from podtts.flow.estimator import EstimatorConfig
from podtts.llm.qwen3 import Qwen3Config
from podtts.rates import MEL_BINS
from podtts.vocoder.hift import UPSAMPLING as LEVELS
from podtts.vocoder.hift import HiftConfig
from podtts.weights.checkpoint import Tensors
from podtts.weights.settings import CheckpointSettings


class Shapes:
    """Shapes of a file's tensors by published name. Every method's ModelError names the file."""

    def __init__(self, tensors: Tensors, file: Path) -> None:
        self.tensors, self.file = tensors, file

    def __call__(self, name: str, dimensions: int) -> tuple[int, ...]:
        if name not in self.tensors:
            raise ModelError(f"{self.file}: tensor {name} is missing")
        shape = self.tensors[name].shape
        if len(shape) != dimensions:
            raise ModelError(
                f"{self.file}: tensor {name} has shape {shape}, not {dimensions} dimensions"
            )
        return shape

    def count(self, prefix: str) -> int:
        """Number of numbered modules under `prefix`."""
        pattern = re.compile(re.escape(prefix) + r"\.(\d+)\.")
        return len({match[1] for name in self.tensors if (match := pattern.match(name))})

    def require(self, condition: bool, problem: str) -> None:
        if not condition:
            raise ModelError(f"{self.file}: {problem}")


def flow_config(tensors: Tensors, file: Path, settings: CheckpointSettings) -> FlowConfig:
    """Sizes of the flow. Raises ModelError for missing tensors and settings that disagree."""
    shape = Shapes(tensors, file)
    vocabulary, input_size = shape("input_embedding.weight", 2)
    mel_bins, speaker_size = shape("spk_embed_affine_layer.weight", 2)
    shape.require(
        mel_bins == MEL_BINS,
        f"spk_embed_affine_layer.weight has {mel_bins} mel bins, not {MEL_BINS}",
    )
    size = shape("encoder.embed.out.0.weight", 2)[0]
    heads, head_size = shape("encoder.encoders.0.self_attn.pos_bias_u", 2)
    shape.require(
        heads * head_size == size,
        f"encoder.encoders.0.self_attn.pos_bias_u is {heads}×{head_size}, but the encoder's size "
        f"is {size}",
    )
    upsampling_kernel = shape("encoder.up_layer.conv.weight", 3)[2]
    shape.require(
        upsampling_kernel == 2 * TOKEN_UPSAMPLING + 1,
        f"encoder.up_layer.conv.weight has kernel {upsampling_kernel}, not 5: podtts supports "
        "only an upsampling by 2",
    )
    encoder = EncoderConfig(
        input_size=input_size,
        size=size,
        heads=heads,
        feed_forward_size=shape("encoder.encoders.0.feed_forward.w_1.weight", 2)[0],
        layers=shape.count("encoder.encoders"),
        up_layers=shape.count("encoder.up_encoders"),
        lookahead=shape("encoder.pre_lookahead_layer.conv1.weight", 3)[2] - 1,
        lookahead_kernel=shape("encoder.pre_lookahead_layer.conv2.weight", 3)[2],
        upsampling_kernel=upsampling_kernel,
    )
    return FlowConfig(
        vocabulary=vocabulary,
        speaker_embedding_size=speaker_size,
        encoder=encoder,
        estimator=_estimator_config(shape, settings),
    )


def _estimator_config(shape: Shapes, settings: CheckpointSettings) -> EstimatorConfig:
    root = "decoder.estimator"
    channels, input_channels, _ = shape(f"{root}.down_blocks.0.0.block1.block.0.weight", 3)
    query = f"{root}.down_blocks.0.1.0.attn1.to_q.weight"
    heads, head_size = settings.estimator_heads, settings.estimator_head_dim
    rows = shape(query, 2)[0]
    shape.require(
        rows == heads * head_size,
        f"tensor {query} has {rows} rows, but podtts.json (or its defaults) says "
        f"estimator_heads {heads} × estimator_head_dim {head_size}",
    )
    shape.require(
        input_channels == 4 * MEL_BINS,
        f"the estimator takes {input_channels} channels, not {4 * MEL_BINS} "
        "(x, mu, speaker, prompt mel)",
    )
    return EstimatorConfig(
        input_channels=input_channels,
        output_channels=shape(f"{root}.final_proj.weight", 3)[0],
        channels=channels,
        time_size=shape(f"{root}.time_mlp.linear_1.weight", 2)[0],
        heads=heads,
        head_size=head_size,
        feed_forward_size=shape(f"{root}.down_blocks.0.1.0.ff.net.0.proj.weight", 2)[0],
        blocks=shape.count(f"{root}.down_blocks.0.1"),
        middle_stages=shape.count(f"{root}.mid_blocks"),
    )


def hift_config(tensors: Tensors, file: Path, settings: CheckpointSettings) -> HiftConfig:
    """Sizes of the vocoder, from folded tensors (see `hift_tensors`)."""
    shape = Shapes(tensors, file)
    channels, mel_bins, input_kernel = shape("conv_pre.weight", 3)
    shape.require(mel_bins == MEL_BINS, f"conv_pre.weight has {mel_bins} mel bins, not {MEL_BINS}")
    levels, blocks = shape.count("ups"), shape.count("resblocks")
    shape.require(levels == len(LEVELS), f"{levels} upsampling levels, not {len(LEVELS)}")
    shape.require(
        blocks % levels == 0 and blocks > 0, f"{blocks} residual blocks for {levels} levels"
    )
    per_level = blocks // levels
    output_channels, _, output_kernel = shape("conv_post.weight", 3)
    f0_convs = shape.count("f0_predictor.condnet")
    return HiftConfig(
        channels=channels,
        input_kernel=input_kernel,
        output_kernel=output_kernel,
        up_kernels=tuple(shape(f"ups.{level}.weight", 3)[2] for level in range(levels)),
        block_kernels=tuple(
            shape(f"resblocks.{block}.convs1.0.weight", 3)[2] for block in range(per_level)
        ),
        source_kernels=tuple(
            shape(f"source_resblocks.{level}.convs1.0.weight", 3)[2] for level in range(levels)
        ),
        stft_size=output_channels - 2,
        waves=shape("m_source.l_linear.weight", 2)[1],
        f0_channels=shape("f0_predictor.condnet.0.weight", 3)[0],
        f0_kernels=tuple(
            shape(f"f0_predictor.condnet.{2 * number}.weight", 3)[2] for number in range(f0_convs)
        ),
        voiced_threshold_hz=settings.voiced_threshold_hz,
    )


def llm_config(
    tensors: Tensors,
    file: Path,
    config: dict[str, Any],
    podcast: dict[str, Any],
    speech_vocabulary: int,
) -> Qwen3Config:
    """Sizes of the LLM from its tensors, config.json and soulxpodcast_config.json.

    Raises ModelError naming both for a value of either file that disagrees with a tensor.
    """
    shape = Shapes(tensors, file)
    vocabulary, hidden = shape("model.embed_tokens.weight", 2)
    head_size = shape("model.layers.0.self_attn.q_norm.weight", 1)[0]
    from_tensors = {
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "intermediate_size": shape("model.layers.0.mlp.gate_proj.weight", 2)[0],
        "num_hidden_layers": shape.count("model.layers"),
        "num_attention_heads": shape("model.layers.0.self_attn.q_proj.weight", 2)[0] // head_size,
        "num_key_value_heads": shape("model.layers.0.self_attn.k_proj.weight", 2)[0] // head_size,
        "head_dim": head_size,
    }
    for name, settings in (("config.json", config), ("soulxpodcast_config.json", podcast)):
        for key, value in from_tensors.items():
            if settings.get(key, value) != value:
                raise ModelError(
                    f"{file.parent / name}: {key} is {settings[key]}, but the tensors of "
                    f"{file.name} say {value}"
                )
    _check_family(file.parent / "config.json", config)
    end, offset = _ids(file.parent / "soulxpodcast_config.json", podcast)
    if not (0 <= end < vocabulary and 0 <= offset <= vocabulary - speech_vocabulary):
        raise ModelError(
            f"{file.parent / 'soulxpodcast_config.json'}: eos_token_id {end} or "
            f"speech_token_offset {offset} with {speech_vocabulary} speech tokens does not fit a "
            f"vocabulary of {vocabulary}"
        )
    return Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=from_tensors["intermediate_size"],
        layers=from_tensors["num_hidden_layers"],
        heads=from_tensors["num_attention_heads"],
        kv_heads=from_tensors["num_key_value_heads"],
        head_size=head_size,
        rms_norm_eps=float(config.get("rms_norm_eps", 1e-6)),
        rope_theta=_rope_theta(file.parent / "config.json", config),
        tied_head=bool(config.get("tie_word_embeddings", True)),
        speech_token_offset=offset,
        speech_vocabulary=speech_vocabulary,
        end_token=end,
    )


def _ids(path: Path, podcast: dict[str, Any]) -> tuple[int, int]:
    for key in ("eos_token_id", "speech_token_offset"):
        if not isinstance(podcast.get(key), int):
            raise ModelError(f"{path} lacks {key}")
    return podcast["eos_token_id"], podcast["speech_token_offset"]


def _check_family(path: Path, config: dict[str, Any]) -> None:
    """Raise ModelError for variants of the architecture that `Qwen3` does not compute."""
    expected = {"model_type": "qwen3", "hidden_act": "silu", "use_sliding_window": False}
    for key, value in expected.items():
        if config.get(key, value) != value:
            raise ModelError(f"{path}: {key} is {config[key]!r}; podtts supports only {value!r}")


def _rope_theta(path: Path, config: dict[str, Any]) -> float:
    """Base of the rotary positions; newer configs have it in rope_parameters."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind != "default":
        raise ModelError(f"{path}: rotary positions of type {kind!r} are not supported")
    theta = config.get("rope_theta", rope.get("rope_theta"))
    if not isinstance(theta, (int, float)):
        raise ModelError(f"{path} lacks rope_theta")
    return float(theta)
