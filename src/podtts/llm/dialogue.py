"""One dialogue in the LLM: prompts first, then turn by turn, each hearing the ones before.

A turn can be tried several times, and turns that were spoken in an earlier run can be recalled
without being drawn again. In both cases the keys and values at the start of a turn come from the
same sequence of calls as in a run without interruption, so they are the same to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from podtts.llm.context import ContextWindow, WindowMark
from podtts.llm.generate import generate, prefill, read_as_drawn
from podtts.llm.kv_cache import KVCache
from podtts.llm.qwen3 import Qwen3
from podtts.options import SamplingOptions, WindowOptions
from podtts.values import SpeechTokens


@dataclass(frozen=True)
class _Recalled:
    """A recalled turn that the cache has not read: where it stands in the window's ids."""

    text_end: int  # ids up to here are read in one call
    speech_end: int  # and up to here one by one, as they were drawn


@dataclass(frozen=True)
class Mark:
    """An open turn of a dialogue, to come back to."""

    window: WindowMark
    start: int  # cached tokens where it begins
    rebuilds: int  # of the window until then


class Dialogue:
    """The state of one dialogue: its context window and the KV cache of it.

    prompts: ids of every speaker's prompt, in the order of their numbers.
    cache:   empty, or with the state after exactly these prompts; then they are not read again.
    """

    def __init__(
        self,
        model: Qwen3,
        prompts: Sequence[Sequence[int]],
        window: WindowOptions,
        cache: KVCache | None = None,
    ) -> None:
        self.model = model
        self.window = ContextWindow(prompts, window)
        self.cache = cache if cache is not None else model.new_cache()
        self._unread: list[_Recalled] = []
        self._start: int | None = None  # cached tokens where the open turn begins, once known
        self._spoken: SpeechTokens | None = None  # what the cache holds of the open turn
        self._rebuilds = 0

    @torch.inference_mode()
    def read_prompts(self) -> None:
        """Read the prompts, unless the cache holds them already."""
        if self.cache.length < len(self.window.prefix):
            # A call of its own, so that its keys and values are the same whoever computed them.
            prefill(self.model, self.window.prefix, self.cache)

    def speak(
        self, text: Sequence[int], options: SamplingOptions, rng: torch.Generator
    ) -> SpeechTokens:
        """Write the speech of the next turn, whose text ids are given."""
        self.open(text)
        tokens = self.attempt(options, rng)
        self.close(tokens)
        return tokens

    def open(self, text: Sequence[int]) -> None:
        """Begin the next turn, whose text ids are given."""
        self._start = None
        if self.window.open_turn(text):
            self._rebuilds += 1
            self._unread.clear()
            self.cache.trim(min(self.cache.length, len(self.window.prefix)))

    def attempt(self, options: SamplingOptions, rng: torch.Generator) -> SpeechTokens:
        """Write speech for the open turn; may be called again for another try.

        Raises NotFiniteError when the LLM computes no numbers.
        """
        self.rewind()
        tokens = generate(self.model, self.window.ids, self.cache, options, rng)
        self.wrote(tokens)
        return tokens

    def wrote(self, tokens: SpeechTokens) -> None:
        """Note what was written for the open turn, behind `rewind`, by somebody else."""
        self._spoken = tokens

    @property
    def is_behind(self) -> bool:
        """Whether `rewind` has recalled turns to read."""
        return bool(self._unread)

    def mark(self) -> Mark:
        """The open turn, behind `rewind`."""
        assert self._start is not None
        return Mark(self.window.mark(), self._start, self._rebuilds)

    @property
    def returns_over_rebuilds(self) -> bool:
        """Whether `back_to` may be asked for a turn in front of a rebuild.

        What the cache held then has to be read again: at once, which must be the same to the bit.
        """
        return self.model.fused_layers is not None and self.model.fused_layers.batch_invariant

    def back_to(self, mark: Mark) -> None:
        """Open a turn again and forget what followed."""
        self.window.back_to(mark.window)
        self._unread.clear()
        self._start, self._spoken = mark.start, None
        if mark.rebuilds != self._rebuilds:
            assert self.returns_over_rebuilds
            self._rebuilds = mark.rebuilds
            kept = min(self.cache.length, len(self.window.prefix))
            self.cache.trim(kept)
            if mark.start > kept:
                self._start = None
                self._unread.append(_Recalled(mark.start, mark.start))

    def close(self, tokens: SpeechTokens) -> None:
        """End the open turn with what was said in it: an attempt, or nothing at all."""
        if tokens is not self._spoken:
            self.rewind()
            self._unread.append(self._recalled(tokens))
        self._spoken = None
        self.window.close_turn(generated_ids(self.model, tokens))

    def recall(self, text: Sequence[int], tokens: SpeechTokens) -> None:
        """Take a turn as said in an earlier run; it is read only if a later turn has to hear it."""
        self.open(text)
        self._unread.append(self._recalled(tokens))
        self.window.close_turn(generated_ids(self.model, tokens))

    def _recalled(self, tokens: SpeechTokens) -> _Recalled:
        text_end = len(self.window.ids)
        # `generate` reads every token it has drawn but one that meets the limit.
        read = len(tokens.ids) if tokens.ended else max(0, len(tokens.ids) - 1)
        return _Recalled(text_end, text_end + read)

    @torch.inference_mode()
    def rewind(self, read: Callable[[KVCache, Sequence[int]], None] | None = None) -> None:
        """Bring the cache to where the open turn begins, for a try or another one.

        read: reads recalled speech as whoever writes the turns reads what it draws; None: as
              `generate` does.
        """
        self._spoken = None
        if self._start is not None:
            self.cache.trim(self._start)
            return
        self.read_prompts()
        for turn in self._unread:
            prefill(self.model, self.window.ids[self.cache.length : turn.text_end], self.cache)
            speech = self.window.ids[turn.text_end : turn.speech_end]
            if read:
                read(self.cache, speech)
            else:
                read_as_drawn(self.model, speech, self.cache)
        self._unread.clear()
        self._start = self.cache.length


def generated_ids(model: Qwen3, tokens: SpeechTokens) -> list[int]:
    """Ids of generated speech as they stand in the context, the end token included if it came."""
    offset = model.config.speech_token_offset
    return [token + offset for token in tokens.ids] + [model.config.end_token] * tokens.ended
