"""Maps names of parameters to names of tensors in the published files, by tables of rules.

A rule is a regular expression and its replacement; the rules of a table apply in order.
"""

import re
from collections.abc import Callable, Sequence

Rules = Sequence[tuple[str, str | Callable[[re.Match[str]], str]]]

_TRANSFORMER_BLOCK: Rules = (
    (r"\.norm_attention\.", ".norm1."),
    (r"\.norm_feed_forward\.", ".norm3."),
    (r"\.attention\.out\.", ".attn1.to_out.0."),
    (r"\.attention\.(query|key|value)\.", lambda m: f".attn1.to_{m[1][0]}."),
    (r"\.feed_forward\.expand\.", ".ff.net.0.proj."),
    (r"\.feed_forward\.contract\.", ".ff.net.2."),
)
_ESTIMATOR: Rules = (
    (r"^estimator\.time\.", "time_mlp."),
    (r"^estimator\.(down|up)_conv\.", r"\1_blocks.0.2."),
    (r"^estimator\.(down|up)\.", r"\1_blocks.0."),
    (r"^estimator\.middle\.", "mid_blocks."),
    (r"^estimator\.final\.conv\.", "final_block.block.0."),
    (r"^estimator\.final\.norm\.", "final_block.block.2."),
    (r"^estimator\.out\.", "final_proj."),
    (r"\.resnet\.time\.", ".0.mlp.1."),
    (r"\.resnet\.(block[12])\.conv\.", r".0.\1.block.0."),
    (r"\.resnet\.(block[12])\.norm\.", r".0.\1.block.2."),
    (r"\.resnet\.shortcut\.", ".0.res_conv."),
    (r"\.blocks\.", ".1."),
    *_TRANSFORMER_BLOCK,
    (r"^", "decoder.estimator."),
)
_ENCODER: Rules = (
    (r"\.(up_embed|embed)\.linear\.", r".\1.out.0."),
    (r"\.(up_embed|embed)\.norm\.", r".\1.out.1."),
    (r"\.lookahead\.", ".pre_lookahead_layer."),
    (r"\.upsample\.", ".up_layer."),
    (r"\.up_layers\.", ".up_encoders."),
    (r"\.layers\.", ".encoders."),
    (r"^encoder\.norm\.", "encoder.after_norm."),
    (r"\.norm_attention\.", ".norm_mha."),
    (r"\.norm_feed_forward\.", ".norm_ff."),
    (r"\.attention\.bias_([uv])$", r".self_attn.pos_bias_\1"),
    (r"\.attention\.position\.", ".self_attn.linear_pos."),
    (r"\.attention\.out\.", ".self_attn.linear_out."),
    (r"\.attention\.(query|key|value)\.", lambda m: f".self_attn.linear_{m[1][0]}."),
    (r"\.feed_forward\.expand\.", ".feed_forward.w_1."),
    (r"\.feed_forward\.contract\.", ".feed_forward.w_2."),
)
_FLOW: Rules = (
    (r"^token_embedding\.", "input_embedding."),
    (r"^speaker_projection\.", "spk_embed_affine_layer."),
    (r"^mu_projection\.", "encoder_proj."),
)
_HIFT: Rules = (
    (r"^f0_predictor\.convs\.(\d+)\.", lambda m: f"f0_predictor.condnet.{2 * int(m[1])}."),
    (r"^f0_predictor\.linear\.", "f0_predictor.classifier."),
    (r"^harmonics\.mix\.", "m_source.l_linear."),
    (r"^conv_in\.", "conv_pre."),
    (r"^conv_out\.", "conv_post."),
    (r"^levels\.(\d+)\.up\.", r"ups.\1."),
    (r"^levels\.(\d+)\.source_down\.", r"source_downs.\1."),
    (r"^levels\.(\d+)\.source_block\.", r"source_resblocks.\1."),
    (r"\.steps\.(\d+)\.conv([12])\.", r".convs\2.\1."),
    (r"\.steps\.(\d+)\.snake([12])\.", r".activations\2.\1."),
)


def llm_name(name: str) -> str:
    """Published name of an LLM parameter; see podtts.weights.load.with_legal_head for the head."""
    return f"model.{name}"


def flow_name(name: str) -> str:
    """Published name of a flow parameter."""
    part = name.partition(".")[0]
    return _apply({"estimator": _ESTIMATOR, "encoder": _ENCODER}.get(part, _FLOW), name)


def hift_name(name: str, blocks_per_level: int) -> str:
    """Name of a vocoder parameter after podtts.weights.fold."""

    def block(match: re.Match[str]) -> str:
        return f"resblocks.{int(match[1]) * blocks_per_level + int(match[2])}."

    return _apply(_HIFT, re.sub(r"^levels\.(\d+)\.blocks\.(\d+)\.", block, name))


def _apply(rules: Rules, name: str) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name
