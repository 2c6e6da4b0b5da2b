"""Writes turns side by side without asking the device after every token.

A step is one recorded call (see `decode_step`); the host looks at what was written once a block of
steps. A turn that ends within a block waits for the block's end; what is drawn meanwhile is for
nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from podtts.device.cuda_graph import NotRecorded, Recorder
from podtts.device.placement import has_graphs
from podtts.llm.decode_state import DecodeState
from podtts.llm.decode_step import decode_step
from podtts.llm.generate import Decoder, NotFiniteError, prefill, recent_ids, turn_uniforms
from podtts.llm.kv_cache import CacheRows, KVCache
from podtts.llm.qwen3 import Qwen3
from podtts.options import SamplingOptions
from podtts.values import SpeechTokens

BLOCK_STEPS = 16  # 0.64 s of speech
_PLACES = 1024  # attention looks at whole blocks of the cache, of which few are worth a recording


class BlockDecoder:
    """Like `Decoder`, in blocks of steps; for a model with layers of its own.

    A turn's context, options and numbers decide what it draws, as there. Its logits' last bits
    depend on how many rows are written with it, as a device chooses its kernels by that.
    """

    def __init__(self, model: Qwen3, caches: CacheRows) -> None:
        assert model.fused_layers is None
        self.model, self.caches = model, caches
        self._device = model.embed_tokens.weight.device
        self._legal = model.legal_rows().to(self._device)
        self._slots = DecodeState.empty(
            len(caches.rows), model.embed_tokens.weight, len(self._legal)
        )
        self._writing: list[KVCache | None] = [None] * len(caches.rows)  # whose turn a slot holds
        self._steps: dict[tuple[int, int], Callable[[], None]] = {}  # by rows and places
        self._recorded_in = (0, 0)  # where keys and values were then
        self._recorder = Recorder(self._device)
        self._refused = ""  # why the device records nothing

    @property
    def writing(self) -> tuple[KVCache, ...]:
        """The caches of the turns being written."""
        return tuple(cache for cache in self._writing if cache is not None)

    @property
    def records_next(self) -> bool:
        """Whether the next step will be recorded: then nothing else may run on the device."""
        if self._refused or not self.writing or not has_graphs(self._device):
            return False
        self._follow()
        extent = self._extent(BLOCK_STEPS)
        self._forget_moved()
        return extent not in self._steps

    @torch.inference_mode()
    def abandon(self) -> None:
        """Stop writing all turns."""
        self._writing = [None] * len(self._writing)
        self._slots.done.fill_(True)

    @torch.inference_mode()
    def begin(
        self,
        cache: KVCache,
        context: Sequence[int],
        options: SamplingOptions,
        rng: torch.Generator,
    ) -> None:
        """Read what the cache does not hold of a context, which a turn will continue."""
        hidden = prefill(self.model, context[cache.length :], cache)[0]
        recent = recent_ids(context, self.model, options.repeat_window)
        self._open(cache, hidden, options, turn_uniforms(options, rng), recent)

    @torch.inference_mode()
    def read(self, cache: KVCache, ids: Sequence[int]) -> None:
        """Read ids behind what a cache holds, by the very calls that wrote them in an earlier run.

        ids: of speech, as they stand in the context.
        """
        if not ids:
            return
        given = [token - self.model.config.speech_token_offset for token in ids]
        options = SamplingOptions(max_tokens=len(ids) + 1, min_tokens=0)
        hidden = self._slots.hidden.new_zeros(self._slots.hidden.shape[1])
        nothing = torch.zeros(0, dtype=torch.int64)
        self._open(cache, hidden, options, torch.zeros(len(ids) + 1, 2), nothing, given)
        others = self._slots.done.clone()
        others[cache.index] = True
        self._slots.done.fill_(True)
        self._slots.done[cache.index] = False
        for start in range(0, len(ids), BLOCK_STEPS):
            steps = min(BLOCK_STEPS, len(ids) - start)
            self._run(steps)
            cache.advance(steps)
        self._writing[cache.index] = None
        self._slots.done.copy_(others)

    @torch.inference_mode()
    def step(self) -> dict[KVCache, SpeechTokens | NotFiniteError]:
        """Draw up to a block of tokens of every turn; return the turns that are done."""
        self._run(BLOCK_STEPS)
        slots = self._slots
        state = torch.stack((slots.places, slots.counts, slots.done, slots.ended, slots.failed))
        finished: dict[KVCache, SpeechTokens | NotFiniteError] = {}
        for row, (place, count, done, ended, failed) in enumerate(state.T.tolist()):
            cache = self._writing[row]
            if cache is None:
                continue
            cache.advance(place - cache.length)
            if not done:
                continue
            self._writing[row] = None
            if failed:
                finished[cache] = NotFiniteError(f"the LLM's logits at step {count + 1}")
            else:
                ids = slots.tokens[row, :count].tolist()
                finished[cache] = SpeechTokens(tuple(ids), ended=bool(ended))
        return finished

    def _run(self, steps: int) -> None:
        """Do some steps, and come back before the device has done them."""
        self._follow()
        rows, places = self._extent(steps)
        lengths = [cache.length for cache in self.caches.rows[:rows]]
        self._slots.places[:rows] = torch.tensor(lengths)
        step = self._step(rows, places)
        for _ in range(steps):
            step()

    def _extent(self, steps: int) -> tuple[int, int]:
        """How many rows, and places of the cache, some steps look at; few pairs come up."""
        last = max(row for row, cache in enumerate(self._writing) if cache is not None)
        rows = min(1 << last.bit_length(), len(self._writing))
        needed = steps + max(cache.length for cache in self.caches.rows[:rows])
        self.caches.reserve(needed)
        return rows, min(-(-needed // _PLACES) * _PLACES, self.caches.capacity)

    def _step(self, rows: int, places: int) -> Callable[[], None]:
        """A step of the first rows, recorded if the device can."""
        self._forget_moved()
        if (rows, places) not in self._steps:
            self._steps[rows, places] = self._recorded(self._plain_step(rows, places))
        return self._steps[rows, places]

    def _forget_moved(self) -> None:
        """Forget steps on keys and values that are elsewhere now."""
        memory = self.caches.keys.data_ptr(), self.caches.values.data_ptr()
        if memory != self._recorded_in:
            self._steps.clear()
            self._recorded_in = memory

    def _plain_step(self, rows: int, places: int) -> Callable[[], None]:
        slots = self._slots.first(rows)
        keys = self.caches.keys[:, :rows, :, :places]
        values = self.caches.values[:, :rows, :, :places]
        return lambda: decode_step(self.model, self._legal, slots, keys, values)

    def _recorded(self, step: Callable[[], None]) -> Callable[[], None]:
        if self._refused or not has_graphs(self._device):
            return step
        writing = self._slots.done.clone()
        self._slots.done.fill_(True)  # recording runs the step: no turn may notice
        replay = self._recorder.record(step)
        self._slots.done.copy_(writing)
        if isinstance(replay, NotRecorded):
            self._refused = replay.reason
            log = logging.getLogger(__name__)
            log.warning("decode steps are not recorded, so slower: %s", replay.reason)
            return step
        return replay

    def _open(
        self,
        cache: KVCache,
        hidden: Tensor,
        options: SamplingOptions,
        uniforms: Tensor,
        recent: Tensor,
        given: Sequence[int] = (),
    ) -> None:
        self._follow()
        roomier = self._slots.with_room(options)
        if roomier is not self._slots:
            self._slots = roomier
            self._steps.clear()
        self._slots.open(cache.index, hidden, options, uniforms, recent, given)
        self._writing[cache.index] = cache

    def _follow(self) -> None:
        """Move turns to the rows that their caches have moved to."""
        found = {cache.index: row for row, cache in enumerate(self._writing) if cache is not None}
        if all(row == slot for row, slot in found.items()):
            return
        free = iter(sorted(set(range(len(self._writing))) - set(found.values())))
        order = [found[row] if row in found else next(free) for row in range(len(self._writing))]
        self._slots.arrange(order)
        self._writing = [self._writing[slot] for slot in order]


def decoder_for(model: Qwen3, caches: CacheRows) -> Decoder | BlockDecoder:
    """What writes turns fastest on the model's device."""
    if has_graphs(caches.keys.device) and model.fused_layers is None:
        return BlockDecoder(model, caches)
    return Decoder(model, caches)
