"""Sizes of the published checkpoints, Soul-AILab/SoulX-Podcast-1.7B and its dialect variant."""

from podtts.flow.decode import FlowConfig
from podtts.flow.encoder import EncoderConfig
from podtts.flow.estimator import EstimatorConfig
from podtts.llm.qwen3 import Qwen3Config
from podtts.vocoder.hift import HiftConfig

PUBLISHED_LLM = Qwen3Config(
    vocab_size=159_488,
    hidden_size=2048,
    intermediate_size=6144,
    layers=28,
    heads=16,
    kv_heads=8,
    head_size=128,
    rms_norm_eps=1e-6,
    rope_theta=1_000_000.0,
    tied_head=True,
    speech_token_offset=152_927,
    speech_vocabulary=6561,
    end_token=151_675,
)
PUBLISHED_FLOW = FlowConfig(
    vocabulary=6561,
    speaker_embedding_size=192,
    encoder=EncoderConfig(
        input_size=512,
        size=512,
        heads=8,
        feed_forward_size=2048,
        layers=6,
        up_layers=4,
        lookahead=3,
        lookahead_kernel=3,
        upsampling_kernel=5,
    ),
    estimator=EstimatorConfig(
        input_channels=320,
        output_channels=80,
        channels=256,
        time_size=1024,
        heads=8,
        head_size=64,
        feed_forward_size=1024,
        blocks=4,
        middle_stages=12,
    ),
)
PUBLISHED_HIFT = HiftConfig(
    channels=512,
    input_kernel=7,
    output_kernel=7,
    up_kernels=(16, 11, 7),
    block_kernels=(3, 7, 11),
    source_kernels=(7, 7, 11),
    stft_size=16,
    waves=9,
    f0_channels=512,
    f0_kernels=(3, 3, 3, 3, 3),
    voiced_threshold_hz=10.0,
)
