"""How many scripts fit a device at a time: what a row needs at most, and what is free."""

from __future__ import annotations

import torch

from podtts.device.memory import free_memory_bytes
from podtts.llm.qwen3 import Qwen3Config
from podtts.options import SynthesisOptions
from podtts.rates import MAX_PROMPT_SECONDS, MEL_FRAMES_PER_TOKEN, TOKENS_PER_SECOND
from podtts.weights.load import Models

MAX_ROWS = 64
_USABLE = 0.7  # of the free memory: allocators leave gaps, and other programs grow
_CACHE_BLOCK_TOKENS = 1024  # by which the KV cache grows
_PROMPT_TOKENS = int(MAX_PROMPT_SECONDS * TOKENS_PER_SECOND)

# Peak over the loaded models at the published size in float32, measured for turns of 250 and 1000
# tokens behind a prompt of 150: the flow's linear layers and its attention, and the vocoder.
_FLOW_BYTES_PER_FRAME = 52_000
_FLOW_BYTES_PER_SQUARED_FRAME = 119
_VOCODER_BYTES_PER_FRAME = 433_000


def rows_that_fit(models: Models, options: SynthesisOptions, share: int) -> int:
    """Rows for a loaded checkpoint: at least 1, at most MAX_ROWS.

    share: workers that divide the free memory among them.
    """
    free = int(_USABLE * free_memory_bytes(models.device)) // share - activation_bytes(options)
    row = kv_bytes(models.llm.config, models.llm_dtype, options)
    return max(1, min(MAX_ROWS, free // row))


def kv_bytes(config: Qwen3Config, dtype: torch.dtype, options: SynthesisOptions) -> int:
    """Bytes of keys and values of one row, at most: a turn that begins in a full window.

    At the published size in bfloat16 a token is 112 KiB and a row 1.1 GiB.
    """
    per_token = 2 * config.layers * config.kv_heads * config.head_size * dtype.itemsize
    tokens = options.window.max_tokens + options.sampling.max_tokens
    return per_token * (tokens // _CACHE_BLOCK_TOKENS + 1) * _CACHE_BLOCK_TOKENS


def activation_bytes(options: SynthesisOptions) -> int:
    """Bytes that the flow or the vocoder needs for the longest turn, at most; once, not a row.

    The turns of all rows share this memory. Networks smaller than the published ones need less.
    """
    tokens = options.sampling.max_tokens
    frames = MEL_FRAMES_PER_TOKEN * (tokens + _PROMPT_TOKENS)
    flow = _FLOW_BYTES_PER_FRAME * frames + _FLOW_BYTES_PER_SQUARED_FRAME * frames**2
    return max(flow, _VOCODER_BYTES_PER_FRAME * MEL_FRAMES_PER_TOKEN * tokens)
