"""The time of one decode step of the LLM against the time to read the memory that it needs.

A step reads all weights, and the keys and values of its context, once. It cannot be faster than a
copy in memory reads the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import torch

from podtts.device.stopwatch import Stopwatch
from podtts.llm.decoder import Decoder
from podtts.llm.qwen3 import Qwen3
from podtts.options import SamplingOptions

CONTEXT = 256  # ids in front of the measured steps
STEPS = 48  # a multiple of the block size, so that no step is computed for nothing
_COPIED_BYTES = 2**28  # much larger than every cache
_COPIES = 7


@dataclass(frozen=True)
class DecodeStep:
    """One decode step with one row, and the bytes that it reads."""

    step_seconds: float
    step_bytes: int  # weights, and keys and values of the context
    copy_bytes_per_second: float  # read and written by the device's own copy

    @property
    def ratio(self) -> float:
        """Time of a step over the time of its bytes at the speed of a copy; 1 is the best."""
        return self.step_seconds * self.copy_bytes_per_second / self.step_bytes

    def summary(self) -> str:
        """Return one line for people."""
        return (
            f"a decode step takes {self.step_seconds * 1e3:.2f} ms, {self.ratio:.2f} times what "
            f"its {self.step_bytes / 1e9:.3g} GB need at "
            f"{self.copy_bytes_per_second / 1e9:.4g} GB/s, the speed of a copy in memory"
        )


def measure_decode_step(llm: Qwen3) -> DecodeStep:
    """Measure steps after a short context, and copies in the same memory."""
    device = llm.embed_tokens.weight.device
    seconds = _step_seconds(llm)
    return DecodeStep(seconds, _step_bytes(llm), copy_bandwidth(device))


def copy_bandwidth(device: torch.device) -> float:
    """Return the bytes per second that a copy reads and writes: the median of some copies."""
    source = torch.zeros(_COPIED_BYTES, dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    seconds = []
    for _ in range(_COPIES + 1):
        with Stopwatch(device) as copying:
            target.copy_(source)
        seconds.append(copying.seconds)
    return 2 * _COPIED_BYTES / median(seconds[1:])


def _step_seconds(llm: Qwen3) -> float:
    caches = llm.new_caches(1)
    decoder, cache = Decoder(llm, caches), caches.rows[0]
    ids = llm.legal_rows()
    context = ids[torch.arange(CONTEXT) % llm.end_index].tolist()
    options = SamplingOptions(max_tokens=STEPS, min_tokens=STEPS)
    seconds = 0.0
    for _ in range(2):  # the first run chooses kernels and records graphs
        cache.trim(0)
        decoder.start(cache, context, options, torch.Generator().manual_seed(0))
        with Stopwatch(llm.embed_tokens.weight.device) as steps:
            while decoder.active:
                decoder.step()
        seconds = steps.seconds
    return seconds / STEPS


def _step_bytes(llm: Qwen3) -> int:
    config = llm.config
    positions = CONTEXT + STEPS // 2  # on average
    element_bytes = llm.new_caches(1).keys.element_size()
    cached = 2 * config.layers * config.kv_heads * config.head_size * positions * element_bytes
    return llm.step_weight_bytes() + cached
