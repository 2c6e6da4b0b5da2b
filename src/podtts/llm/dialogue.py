"""One dialogue in the LLM: prompts first, then turn by turn, each with the ones before as context.

A turn can be attempted several times, and turns that an earlier run finished can be appended
without being decoded again. In both cases the keys and values at the start of a turn come from the
same sequence of calls as in a run without interruption, so they are the same to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from podtts.deprecation import renamed_method, renamed_property
from podtts.llm.context import ContextWindow, WindowMark
from podtts.llm.decoder import generate
from podtts.llm.kv_cache import KVCache
from podtts.llm.prefill import prefill, replay
from podtts.llm.qwen3 import Qwen3
from podtts.options import SamplingOptions, WindowOptions
from podtts.values import SpeechTokens


class Reads(Protocol):
    """What a decoder reads as it decodes, so that the cache is the same to the bit."""

    def prefill(self, cache: KVCache, ids: Sequence[int]) -> object:
        """Read a text behind what a cache holds."""

    def replay(self, cache: KVCache, ids: Sequence[int]) -> None:
        """Read the speech of an earlier run."""


@dataclass(frozen=True)
class _UnreadTurn:
    """A turn that the cache does not hold yet: where it ends in the window's ids."""

    text_end: int  # ids up to here are prefilled in one call
    speech_end: int  # and ids up to here are replayed as they were decoded


@dataclass(frozen=True)
class TurnMark:
    """The start of a turn of a dialogue, to come back to."""

    window: WindowMark
    start: int  # cached tokens before the turn's speech
    rebuilds: int  # of the window until then


class Dialogue:
    """The state of one dialogue: its context window and its KV cache.

    prompts: ids of every speaker's prompt, in the order of the speakers' numbers.
    cache:   empty, or with the state after exactly these prompts; then they are not read again.

    A turn is opened, attempted any number of times, and closed with the tokens that were accepted.
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
        self._unread: list[_UnreadTurn] = []
        self._start: int | None = None  # cached tokens before the open turn's speech, once known
        self._decoded: SpeechTokens | None = None  # what the cache holds of the open turn
        self._rebuilds = 0

    @torch.inference_mode()
    def prefill_prompts(self) -> None:
        """Read the prompts, unless the cache holds them already."""
        if self.cache.length < len(self.window.prefix):
            # A call of its own, so that its keys and values are the same whoever computed them.
            prefill(self.model, self.window.prefix, self.cache)

    def generate_turn(
        self, text: Sequence[int], options: SamplingOptions, rng: torch.Generator
    ) -> SpeechTokens:
        """Decode the speech of the next turn, whose text ids are given.

        Raises NotFiniteError when the LLM computes NaN or infinity.
        """
        self.open_turn(text)
        tokens = self.attempt(options, rng)
        self.close_turn(tokens)
        return tokens

    def attempt(self, options: SamplingOptions, rng: torch.Generator) -> SpeechTokens:
        """Decode speech for the open turn; may be called again for another attempt.

        Raises NotFiniteError when the LLM computes NaN or infinity.
        """
        self.prepare_attempt()
        tokens = generate(self.model, self.window.ids, self.cache, options, rng)
        self.set_decoded(tokens)
        return tokens

    def open_turn(self, text: Sequence[int]) -> None:
        """Begin the next turn, whose text ids are given."""
        self._start = None
        if self.window.open_turn(text):
            self._rebuilds += 1
            self._unread.clear()
            self.cache.trim(min(self.cache.length, len(self.window.prefix)))

    @property
    def has_unread_turns(self) -> bool:
        """Whether `prepare_attempt` has turns of an earlier run to read."""
        return bool(self._unread)

    @torch.inference_mode()
    def prepare_attempt(self, reader: Reads | None = None) -> None:
        """Bring the cache to where the open turn's speech begins, for the first or another attempt.

        reader: the decoder of this run, for turns of an earlier one; None: as `generate` reads.
        """
        self._decoded = None
        if self._start is not None:
            self.cache.trim(self._start)
            return
        self.prefill_prompts()
        for turn in self._unread:
            text = self.window.ids[self.cache.length : turn.text_end]
            speech = self.window.ids[turn.text_end : turn.speech_end]
            if reader:
                reader.prefill(self.cache, text)
                reader.replay(self.cache, speech)
            else:
                prefill(self.model, text, self.cache)
                replay(self.model, speech, self.cache)
        self._unread.clear()
        self._start = self.cache.length

    def set_decoded(self, tokens: SpeechTokens) -> None:
        """Note what was decoded into the cache for the open turn, after `prepare_attempt`."""
        self._decoded = tokens

    def mark(self) -> TurnMark:
        """The open turn's start, after `prepare_attempt`."""
        assert self._start is not None
        return TurnMark(self.window.mark(), self._start, self._rebuilds)

    @property
    def rolls_back_over_rebuilds(self) -> bool:
        """Whether `roll_back` may be asked for a turn before a rebuild of the window.

        The cache then has to be filled again in one call, which must give the same bits.
        """
        layers = self.model.fused_layers
        return layers is not None and layers.batch_invariant

    def roll_back(self, mark: TurnMark) -> None:
        """Open a turn again and forget all that followed.

        Closed with the tokens of an earlier attempt, the dialogue goes on as after that attempt.
        """
        self.window.roll_back(mark.window)
        self._unread.clear()
        self._start, self._decoded = mark.start, None
        if mark.rebuilds != self._rebuilds:
            assert self.rolls_back_over_rebuilds
            self._rebuilds = mark.rebuilds
            cached = min(self.cache.length, len(self.window.prefix))
            self.cache.trim(cached)
            if mark.start > cached:
                self._start = None
                self._unread.append(_UnreadTurn(mark.start, mark.start))

    def close_turn(self, tokens: SpeechTokens) -> None:
        """End the open turn with the tokens of any of its attempts, or with none at all."""
        if tokens is not self._decoded:
            self.prepare_attempt()
            self._unread.append(self._unread_turn(tokens))
        self._decoded = None
        self.window.close_turn(generated_ids(self.model, tokens))

    def append_finished(self, text: Sequence[int], tokens: SpeechTokens) -> None:
        """Append a turn that an earlier run finished; it is read only if a later turn needs it."""
        self.open_turn(text)
        self._unread.append(self._unread_turn(tokens))
        self.window.close_turn(generated_ids(self.model, tokens))

    speak = renamed_method("Dialogue.speak", "generate_turn")
    read_prompts = renamed_method("Dialogue.read_prompts", "prefill_prompts")
    open = renamed_method("Dialogue.open", "open_turn")
    rewind = renamed_method("Dialogue.rewind", "prepare_attempt")
    wrote = renamed_method("Dialogue.wrote", "set_decoded")
    is_behind = renamed_property("Dialogue.is_behind", "has_unread_turns")
    returns_over_rebuilds = renamed_property(
        "Dialogue.returns_over_rebuilds", "rolls_back_over_rebuilds"
    )
    back_to = renamed_method("Dialogue.back_to", "roll_back")
    close = renamed_method("Dialogue.close", "close_turn")
    recall = renamed_method("Dialogue.recall", "append_finished")

    def _unread_turn(self, tokens: SpeechTokens) -> _UnreadTurn:
        text_end = len(self.window.ids)
        # A decoder reads every token it has drawn, except the one that reaches the limit.
        count = len(tokens.ids) if tokens.ended else max(0, len(tokens.ids) - 1)
        return _UnreadTurn(text_end, text_end + count)


def generated_ids(model: Qwen3, tokens: SpeechTokens) -> list[int]:
    """Ids of generated speech as they are in the context, with the end token if it was drawn."""
    offset = model.config.speech_token_offset
    return [token + offset for token in tokens.ids] + [model.config.end_token] * tokens.ended
