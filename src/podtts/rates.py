"""Rates, hops and sizes of the SoulX-Podcast models; derived numbers are exact quotients."""


def exact_div(dividend: int, divisor: int) -> int:
    """Divide integers. Raises ValueError for a remainder: all rates here divide exactly."""
    quotient, remainder = divmod(dividend, divisor)
    if remainder:
        raise ValueError(f"{dividend} is not a multiple of {divisor}")
    return quotient


OUTPUT_HZ = 24_000
TOKENS_PER_SECOND = 25
MEL_HOP = 480  # samples at OUTPUT_HZ
MEL_FRAMES_PER_SECOND = exact_div(OUTPUT_HZ, MEL_HOP)  # 50
MEL_FRAMES_PER_TOKEN = exact_div(MEL_FRAMES_PER_SECOND, TOKENS_PER_SECOND)  # 2
SAMPLES_PER_TOKEN = MEL_FRAMES_PER_TOKEN * MEL_HOP  # 960
MEL_BINS = 80

ENCODER_HZ = 16_000  # input rate of both prompt encoders
SPEAKER_EMBEDDING_SIZE = 192

MAX_SPEAKERS = 4  # <|SPEAKER_0|> to <|SPEAKER_3|>
MAX_PROMPT_SECONDS = 30.0  # the speech tokenizer's range
MIN_PROMPT_SECONDS = 1.0  # shorter recordings do not characterize a voice
