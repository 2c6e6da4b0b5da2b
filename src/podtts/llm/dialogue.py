"""One dialogue in the LLM: prompts first, then turn by turn, each hearing the ones before."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from podtts.llm.context import ContextWindow
from podtts.llm.generate import generate, prefill
from podtts.llm.qwen3 import Qwen3
from podtts.options import SamplingOptions, WindowOptions
from podtts.values import SpeechTokens


class Dialogue:
    """The state of one dialogue: its context window and the KV cache of it.

    prompts: ids of every speaker's prompt, in the order of their numbers.
    """

    def __init__(
        self, model: Qwen3, prompts: Sequence[Sequence[int]], window: WindowOptions
    ) -> None:
        self.model = model
        self.window = ContextWindow(prompts, window)
        self.cache = model.new_cache()
        with torch.inference_mode():
            # A call of its own, so that its keys and values are the same whoever computed them.
            prefill(model, self.window.prefix, self.cache)

    def speak(
        self, text: Sequence[int], options: SamplingOptions, rng: torch.Generator
    ) -> SpeechTokens:
        """Write the speech of the next turn, whose text ids are given."""
        if self.window.open_turn(text):
            self.cache.trim(len(self.window.prefix))
        tokens = generate(self.model, self.window.ids, self.cache, options, rng)
        self.window.close_turn(generated_ids(self.model, tokens))
        return tokens


def generated_ids(model: Qwen3, tokens: SpeechTokens) -> list[int]:
    """Ids of generated speech as they stand in the context, the end token included if it came."""
    offset = model.config.speech_token_offset
    return [token + offset for token in tokens.ids] + [model.config.end_token] * tokens.ended
