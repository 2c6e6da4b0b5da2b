"""Prefill and decode: ids in, the speech tokens of turns out, of several dialogues side by side.

Where a device records steps as graphs, the host looks at the results once per block of steps.
Elsewhere it looks after every step.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from podtts.device.placement import has_graphs
from podtts.llm.decode_state import DecodeState
from podtts.llm.decode_step import draw_step
from podtts.llm.kv_cache import CacheRows, KVCache
from podtts.llm.prefill import prefill, replay
from podtts.llm.qwen3 import Qwen3
from podtts.llm.recorded_prefill import RecordedPrefill, takes
from podtts.llm.step_graphs import BLOCK_STEPS, StepGraphs
from podtts.options import SamplingOptions
from podtts.values import SpeechTokens


class NotFiniteError(ArithmeticError):
    """A model computed NaN or infinity."""


Decoded = SpeechTokens | NotFiniteError


def generate(
    model: Qwen3,
    context: Sequence[int],
    cache: KVCache,
    options: SamplingOptions,
    rng: torch.Generator,
) -> SpeechTokens:
    """Continue `context` until the end token or the token limit.

    The cache is the only one of its `CacheRows`. It holds a prefix of the context (possibly none
    of it). Afterwards it holds the context and all generated ids but the last, which the next call
    reads.
    Raises NotFiniteError when logits are NaN or infinite.
    """
    decoder = Decoder(model, cache.batch, graphs=False)
    decoder.start(cache, context, options, rng)
    while not (finished := decoder.step()):
        pass
    tokens = finished[cache]
    if isinstance(tokens, NotFiniteError):
        raise tokens
    return tokens


class Decoder:
    """Decodes turns side by side, a row of the KV caches each.

    A turn's context, options and random numbers decide what it draws: the same alone and among
    others. The last bits of logits may depend on the number of rows where a device or library
    chooses its kernels by that; the compiled layers' do not.

    graphs: whether steps have fixed shapes and run in blocks, recorded where the device can record;
            None: where that is faster. It needs a model without fused layers.
    """

    def __init__(self, model: Qwen3, caches: CacheRows, *, graphs: bool | None = None) -> None:
        self.model, self.caches = model, caches
        self._device = model.embed_tokens.weight.device
        self._legal = model.legal_rows().to(self._device)
        weight = model.embed_tokens.weight
        dtype = weight.dtype if model.fused_layers is None else torch.float32
        hidden = weight.new_zeros(weight.shape[1], dtype=dtype)
        self._state = DecodeState.empty(len(caches.rows), hidden, len(self._legal))
        self._views: dict[int, DecodeState] = {}  # of the first rows, by their number
        self._decoding: list[KVCache | None] = [None] * len(caches.rows)  # by row of the state
        if graphs is None:
            graphs = has_graphs(self._device) and model.fused_layers is None
        self._graphs = StepGraphs(model, caches, self._legal) if graphs else None
        self._recorded_prefill = RecordedPrefill(model, caches) if graphs else None

    @property
    def active(self) -> tuple[KVCache, ...]:
        """The caches of the turns that are being decoded."""
        return tuple(cache for cache in self._decoding if cache is not None)

    @property
    def uses_graphs(self) -> bool:
        """Whether steps have fixed shapes and may be recorded; then `replay` may record, too."""
        return self._graphs is not None

    @property
    @torch.inference_mode()
    def will_record(self) -> bool:
        """Whether the next step will be recorded: then nothing else may run on the device."""
        if self._graphs is None or not self.active:
            return False
        self._follow_moved_rows()
        return self._graphs.will_record(self._last_row())

    @torch.inference_mode()
    def tokens(self, cache: KVCache) -> list[int]:
        """The speech tokens so far of a turn that is being decoded."""
        self._follow_moved_rows()
        count = int(self._state.counts[cache.index])
        ids: list[int] = self._state.tokens[cache.index, :count].tolist()
        return ids

    @torch.inference_mode()
    def start(
        self,
        cache: KVCache,
        context: Sequence[int],
        options: SamplingOptions,
        rng: torch.Generator,
    ) -> None:
        """Prefill what the cache does not hold of a context, and start a turn after it.

        rng: draws the two uniform numbers of every step that the turn may take.
        """
        hidden = self.prefill(cache, context[cache.length :])
        recent = _recent_ids(context, self.model, options.repeat_window)
        uniforms = torch.rand(options.max_tokens, 2, generator=rng)
        self._start(cache, hidden, options, uniforms, recent)

    @torch.inference_mode()
    def prefill(self, cache: KVCache, ids: Sequence[int]) -> Tensor:
        """Read ids that follow what a cache holds; return the last hidden state [H]."""
        if self._recorded_prefill is not None and takes(ids):
            return self._recorded_prefill.read(ids, cache)
        return prefill(self.model, ids, cache)[0]

    @torch.inference_mode()
    def replay(self, cache: KVCache, ids: Sequence[int]) -> None:
        """Read speech of an earlier run by the very calls that decoded it: the same bits.

        ids: as they are in the context, after what the cache holds.
        """
        if self._graphs is None:
            replay(self.model, ids, cache)
        elif ids:
            self._replay_in_blocks(self._graphs, cache, ids)

    @torch.inference_mode()
    def cancel(self, cache: KVCache) -> None:
        """Stop decoding a row's turn, if there is one."""
        self._follow_moved_rows()
        if self._decoding[cache.index] is not None:
            self._decoding[cache.index] = None
            self._state.done[cache.index] = True

    def cancel_all(self) -> None:
        """Stop decoding all turns."""
        for cache in self.active:
            self.cancel(cache)

    @torch.inference_mode()
    def step(self) -> dict[KVCache, Decoded]:
        """Draw a token of every turn, or a block of tokens; return the turns that are finished."""
        self._follow_moved_rows()
        if self._graphs is None:
            return self._step()
        self._graphs.run(self._state, self._last_row(), BLOCK_STEPS)
        for cache, position in zip(self._decoding, self._state.positions.tolist(), strict=True):
            if cache is not None:
                cache.advance(position - cache.length)
        return self._finished()

    def _step(self) -> dict[KVCache, Decoded]:
        state = self._first_rows(self._last_row() + 1)
        chosen, goes_on = draw_step(self.model, state)
        finished = self._finished()
        if active := self.active:
            # Rows without a turn read an id, too: it stays beyond the length of their cache.
            hidden = self.model.step(self._legal[chosen], self.caches)
            state.hidden.copy_(torch.where(goes_on[:, None], hidden, state.hidden))
            for cache in active:
                cache.advance(1)
        return finished

    def _first_rows(self, rows: int) -> DecodeState:
        """The first rows of the state. The views are kept: making them costs time in every step."""
        if rows not in self._views:
            self._views[rows] = self._state.first(rows)
        return self._views[rows]

    def _finished(self) -> dict[KVCache, Decoded]:
        """Take out the turns that are done."""
        state = self._state
        columns = torch.stack((state.counts, state.done, state.ended, state.failed))
        finished: dict[KVCache, Decoded] = {}
        for row, (count, done, ended, failed) in enumerate(columns.T.tolist()):
            cache = self._decoding[row]
            if cache is None or not done:
                continue
            self._decoding[row] = None
            if failed:
                finished[cache] = NotFiniteError(f"the LLM's logits at step {count + 1}")
            else:
                ids = state.tokens[row, :count].tolist()
                finished[cache] = SpeechTokens(tuple(ids), ended=bool(ended))
        return finished

    def _replay_in_blocks(self, graphs: StepGraphs, cache: KVCache, ids: Sequence[int]) -> None:
        forced = [token - self.model.config.speech_token_offset for token in ids]
        options = SamplingOptions(max_tokens=len(ids) + 1, min_tokens=0)
        hidden = self._state.hidden.new_zeros(self._state.hidden.shape[1])
        nothing = torch.zeros(0, dtype=torch.int64)
        self._start(cache, hidden, options, torch.zeros(len(ids) + 1, 2), nothing, forced)
        others = self._state.done.clone()
        others[cache.index] = True
        self._state.done.fill_(True)
        self._state.done[cache.index] = False
        for start in range(0, len(ids), BLOCK_STEPS):
            steps = min(BLOCK_STEPS, len(ids) - start)
            graphs.run(self._state, self._last_row(), steps)
            cache.advance(steps)
        self._decoding[cache.index] = None
        self._state.done.copy_(others)

    def _start(
        self,
        cache: KVCache,
        hidden: Tensor,
        options: SamplingOptions,
        uniforms: Tensor,
        recent: Tensor,
        forced: Sequence[int] = (),
    ) -> None:
        self._follow_moved_rows()
        larger = self._state.with_room(options)
        if larger is not self._state:
            self._state = larger
            self._views.clear()
            if self._graphs is not None:
                self._graphs.forget()
        self._state.start(cache.index, hidden, options, uniforms, recent, forced)
        self._decoding[cache.index] = cache

    def _last_row(self) -> int:
        return max(row for row, cache in enumerate(self._decoding) if cache is not None)

    def _follow_moved_rows(self) -> None:
        """Move turns to the rows that their caches have moved to."""
        rows = {cache.index: row for row, cache in enumerate(self._decoding) if cache is not None}
        if all(index == row for index, row in rows.items()):
            return
        free = iter(sorted(set(range(len(self._decoding))) - set(rows.values())))
        order = [rows[row] if row in rows else next(free) for row in range(len(self._decoding))]
        self._state.arrange(order)
        self._decoding = [self._decoding[row] for row in order]


def _recent_ids(context: Sequence[int], model: Qwen3, window: int) -> Tensor:
    """The last ids of the context in the numbering of the logits, int64 [window]; -1: none."""
    config = model.config
    recent = torch.full((window,), -1)
    for distance, token in enumerate(reversed(context[-window:]), start=1):
        speech = token - config.speech_token_offset
        if token == config.end_token:
            recent[-distance] = model.end_index
        elif 0 <= speech < config.speech_vocabulary:
            recent[-distance] = speech
    return recent
