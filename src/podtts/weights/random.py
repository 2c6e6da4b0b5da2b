"""Models of the published sizes with random weights, to measure a machine before any download.

Time and memory do not depend on the weights as long as all numbers stay finite.
"""

from __future__ import annotations

import re
import zlib

import torch
from torch import Tensor, nn

from podtts.device.float32 import exact_float32
from podtts.device.memory import keep_freed_memory, memory_errors_named
from podtts.device.placement import Placement
from podtts.flow.decode import Flow, FlowConfig
from podtts.hub.registry import find_source
from podtts.llm.qwen3 import Qwen3, Qwen3Config
from podtts.llm.template import Template
from podtts.llm.tokenizer import Encode
from podtts.vocoder.hift import HiftConfig, Vocoder
from podtts.weights.load import Models
from podtts.weights.published_sizes import PUBLISHED_FLOW, PUBLISHED_HIFT, PUBLISHED_LLM

# So many numbers are drawn and then repeated: drawing 1.7 billion takes most of a minute. A prime,
# so that no row of a matrix equals another.
_BLOCK_NUMBERS = 1_000_003

_PIECE = re.compile(r"<\|[^|]*\|>|.", re.DOTALL)


def random_models(name: str, placement: Placement, seed: int = 0) -> Models:
    """Build models of a published checkpoint's sizes, in their run-time dtype from the start.

    Raises ModelError for a name that is not published, DeviceError when memory does not suffice.
    """
    find_source(name)  # all published checkpoints have the same sizes
    with memory_errors_named(f"building {name} with random weights"):
        return random_models_of(PUBLISHED_LLM, PUBLISHED_FLOW, PUBLISHED_HIFT, placement, seed)


def random_models_of(
    llm_config: Qwen3Config,
    flow_config: FlowConfig,
    hift_config: HiftConfig,
    placement: Placement,
    seed: int = 0,
) -> Models:
    """Build models of any sizes with random weights."""
    keep_freed_memory()
    exact_float32()
    rng = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        llm, flow, vocoder = Qwen3(llm_config), Flow(flow_config), Vocoder(hift_config)
    fill_random(llm, placement.llm_dtype, placement.device, rng)
    llm.head.weight.copy_(llm.embed_tokens.weight[llm.legal_rows().to(placement.device)])
    fill_random(flow, torch.float32, placement.device, rng)
    fill_random(vocoder, torch.float32, placement.device, rng)
    template = Template(
        random_encode(llm_config), llm_config.speech_token_offset, llm_config.end_token
    )
    return Models(llm, template, flow, vocoder, placement.device, untrained=True)


def fill_random(
    module: nn.Module, dtype: torch.dtype, device: torch.device, rng: torch.Generator
) -> None:
    """Give every parameter of a module on the meta device random numbers that stay finite.

    Matrices and kernels have a standard deviation of one over the root of a row's length, so that
    outputs are as large as inputs. Biases are 0, the scales of norms and Snakes 1.
    """
    # Twice, to start anywhere in it.
    block = torch.randn(_BLOCK_NUMBERS, generator=rng).to(device).repeat(2)
    values: dict[str, Tensor] = {}
    for name, parameter in module.state_dict().items():
        value = torch.empty(parameter.shape, dtype=dtype, device=device)
        if parameter.ndim < 2:
            value.fill_(0.0 if name.endswith("bias") else 1.0)
        else:
            deviation = (len(parameter) / parameter.numel()) ** 0.5
            start = int(torch.randint(_BLOCK_NUMBERS, (), generator=rng))
            numbers = block[start : start + min(_BLOCK_NUMBERS, parameter.numel())] * deviation
            _repeat(numbers.to(dtype), value.view(-1))
        values[name] = value
    module.load_state_dict(values, strict=True, assign=True)
    module.requires_grad_(False).eval()


def _repeat(block: Tensor, into: Tensor) -> None:
    """Fill a vector with copies of a block; the last copy may be cut."""
    end = len(into) // len(block) * len(block)  # of the complete copies
    into[:end].view(-1, len(block)).copy_(block.expand(end // len(block), -1))
    into[end:].copy_(block[: len(into) - end])


def random_encode(config: Qwen3Config) -> Encode:
    """Return a function text -> ids without meaning: one id for every tag or character."""
    text_ids = min(config.speech_token_offset, config.end_token)

    def encode(text: str) -> list[int]:
        return [zlib.crc32(piece.encode()) % text_ids for piece in _PIECE.findall(text)]

    return encode
