"""Sizes of the small checkpoint."""

from podtts.flow.decode import FlowConfig
from podtts.flow.encoder import EncoderConfig
from podtts.flow.estimator import EstimatorConfig
from podtts.llm.qwen3 import Qwen3Config
from podtts.rates import MEL_BINS, SPEAKER_EMBEDDING_SIZE
from podtts.vocoder.hift import HiftConfig
from recipes.mini.excitation import WAVES
from recipes.mini.layout import END_TOKEN, SPEECH_OFFSET

CODE_DIGITS = 8
CODE_LEVELS = 3
CODES = CODE_LEVELS**CODE_DIGITS  # 6561

# Deviation of the noise the flow starts from. From 1 its mels are rough: words that the recognizer
# gets wrong rise from 0.82 (no noise) to 1.01, n = 24; 0.4 gives 0.89 and keeps some variety.
FLOW_NOISE = 0.4
# Drawn more narrowly and without the penalty, the language model is understood better: words that
# the recognizer gets wrong fall from 0.926 to 0.884, n = 200.
TEMPERATURE, REPETITION_PENALTY = 0.2, 1.0

TOKENIZER_CHANNELS = 128
SPEAKER_CHANNELS = 128

MINI_LLM = Qwen3Config(
    vocab_size=SPEECH_OFFSET + CODES,
    hidden_size=256,
    intermediate_size=704,
    layers=8,
    heads=4,
    kv_heads=1,
    head_size=64,
    rms_norm_eps=1e-6,
    rope_theta=1_000_000.0,
    tied_head=True,
    speech_token_offset=SPEECH_OFFSET,
    speech_vocabulary=CODES,
    end_token=END_TOKEN,
)
MINI_FLOW = FlowConfig(
    vocabulary=CODES,
    speaker_embedding_size=SPEAKER_EMBEDDING_SIZE,
    encoder=EncoderConfig(
        input_size=64,
        size=128,
        heads=2,
        feed_forward_size=512,
        layers=2,
        up_layers=2,
        lookahead=3,
        lookahead_kernel=3,
        upsampling_kernel=5,
    ),
    estimator=EstimatorConfig(
        input_channels=4 * MEL_BINS,
        output_channels=MEL_BINS,
        channels=192,
        time_size=256,
        heads=3,
        head_size=64,
        feed_forward_size=768,
        blocks=1,
        middle_stages=2,
    ),
)
MINI_HIFT = HiftConfig(
    channels=192,
    input_kernel=7,
    output_kernel=7,
    up_kernels=(16, 11, 7),
    block_kernels=(3, 7),
    source_kernels=(3, 3, 7),
    stft_size=16,
    waves=WAVES,
    f0_channels=128,
    f0_kernels=(3, 3, 3, 3, 3),
    # The trained head leaves a few hertz where nothing is voiced.
    voiced_threshold_hz=30.0,
)
