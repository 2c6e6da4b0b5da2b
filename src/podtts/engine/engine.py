"""A scheduler of dialogues: requests go in, finished turns come out.

Every request that is being synthesized has a row of the KV caches. The LLM decodes a token of each
row a step, rows of any length side by side; finished tokens go to the renderer. What a request's
draws are depends on the request alone, so it sounds the same here and by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

import torch

from podtts.device.memory import memory_errors_named, release_memory
from podtts.device.placement import has_graphs
from podtts.device.stopwatch import Stopwatch
from podtts.engine.compatibility import check_compatibility
from podtts.engine.live_sequence import LiveSequence
from podtts.engine.prefill import prefill_prompts
from podtts.engine.renderer import InlineRenderer, Renderer, ThreadedRenderer
from podtts.engine.request import Event, Request, RequestFailed, RequestFinished, TokensDecoded
from podtts.engine.sequence import Attempt, Sequence
from podtts.errors import OutOfMemoryError, PodttsError, UsageError
from podtts.flow.prompt_states import PromptStates
from podtts.llm.decoder import Decoded, Decoder
from podtts.llm.kv_cache import CacheRows, KVCache
from podtts.llm.native_layers import NativeLayers
from podtts.llm.prefix import PrefixStore
from podtts.llm.qwen3 import Qwen3
from podtts.llm.recent_prefix import RecentPrefix
from podtts.values import SpeechTokens, StageSeconds
from podtts.weights.load import Models


class Engine:
    """A loaded checkpoint that synthesizes requests side by side. One thread calls all its methods.

    prefixes: where the LLM's state after the prompts is kept between runs; None: nowhere.
    rows:     how many requests at once.
    decoder:  makes the decoder.
    overlap:  whether turns are rendered while others are decoded; None: where that is faster and
              gives the same bits.
    prompt_states: keeps the flow's states behind prompts, in the flow's mode streaming; None: a
              store of its own.
    """

    def __init__(
        self,
        models: Models,
        prefixes: PrefixStore | None = None,
        *,
        rows: int,
        decoder: Callable[[Qwen3, CacheRows], Decoder] = Decoder,
        overlap: bool | None = None,
        prompt_states: PromptStates | None = None,
    ) -> None:
        self.models, self.prefixes = models, prefixes
        self.prompt_states = PromptStates() if prompt_states is None else prompt_states
        self._new_decoder = decoder
        self._queue: deque[Request] = deque()
        self._sequences: dict[KVCache, Sequence] = {}
        self._renderer: Renderer[Sequence]
        if _overlap_pays(models, rows) if overlap is None else overlap:
            self._renderer = ThreadedRenderer(models, self.prompt_states)
        else:
            self._renderer = InlineRenderer(models, self.prompt_states)
        self._set_rows(rows)

    @property
    def rows(self) -> int:
        """How many requests are synthesized at once."""
        return len(self._caches.rows)

    @property
    def free_rows(self) -> int:
        """How many more requests would be begun at once."""
        return max(0, self.rows - len(self._sequences) - len(self._queue))

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._sequences and not self._queue

    def add(self, request: Request) -> None:
        """Take a request; it is begun as soon as a row is free.

        Raises InputError for prompts or tags that do not fit the script or the checkpoint, and
        UsageError for sound in a mode of the flow that renders only whole turns.
        """
        if request.reports_sound and request.options.flow.mode != "streaming":
            raise UsageError(
                "the flow's mode full renders only whole turns", "set the flow's mode to streaming"
            )
        check_compatibility(self.models, request.script, request.prompts)
        self._queue.append(request)

    def cancel(self, request: Request) -> None:
        """Forget a request and free its row; nothing of it is reported any more."""
        self._queue = deque(waiting for waiting in self._queue if waiting is not request)
        for sequence in list(self._sequences.values()):
            if sequence.request is request:
                self._remove(sequence)

    def close(self) -> None:
        """Forget all requests and end the renderer's thread. The engine can be used again."""
        self._queue.clear()
        self._sequences.clear()
        self._decoder.cancel_all()
        self._renderer.close()

    def resize(self, rows: int) -> None:
        """Forget all requests and free their memory; then synthesize so many at once."""
        self.close()
        # What they hold is free before the new ones are made.
        del self._decoder, self._caches, self._recent
        release_memory(self.models.device)
        self._set_rows(rows)

    def run(self, requests: Iterable[Request]) -> Iterator[Event]:
        """Synthesize requests, and yield what `step` reports until the last is finished.

        requests: the next is taken when a row is free. Whoever stops early leaves nothing behind.
        Raises OutOfMemoryError.
        """
        waiting = iter(requests)
        more = True
        try:
            while more or not self.is_idle:
                while more and self.free_rows:
                    if (request := next(waiting, None)) is None:
                        more = False
                        break
                    try:
                        self.add(request)
                    except PodttsError as error:
                        yield RequestFailed(request, error)
                yield from self.step()
        finally:
            self.close()

    def step(self) -> list[Event]:
        """Do a piece of work, about a decode step of every row; return what there is to report.

        An error of one request ends it alone, with RequestFailed.
        Raises OutOfMemoryError, whichever request took the last memory: the caller decides which
        ones wait. All requests must be added again then, after `resize` or `close`.
        """
        events = self._admit()
        self._close_gaps()
        events += self._start_decoding()
        self._submit_renders()
        events += self._decode()
        self._submit_renders()
        events += self._start_decoding()  # or collecting would wait for what is rendered beside it
        events += self._collect_renders()
        return events + self._retire_finished()

    def _set_rows(self, rows: int) -> None:
        self._caches = self.models.llm.new_caches(rows)
        self._decoder = self._new_decoder(self.models.llm, self._caches)
        # A CPU would pay with memory for what a single dialogue at a time hardly uses.
        keeps = rows > 1 or has_graphs(self.models.device)
        self._recent = RecentPrefix() if keeps else None

    def _admit(self) -> list[Event]:
        """Give waiting requests the free rows, and let the LLM read their prompts."""
        events: list[Event] = []
        for cache in list(self._caches.rows):
            while self._queue and cache not in self._sequences:
                request = self._queue.popleft()
                cache.trim(0)
                try:
                    sequence = self._begin(request, cache)
                except OutOfMemoryError:
                    raise
                except PodttsError as error:
                    events.append(RequestFailed(request, error))
                    continue
                if sequence is None:
                    events.append(RequestFinished(request))
                else:
                    self._sequences[cache] = sequence
        return events

    def _begin(self, request: Request, cache: KVCache) -> Sequence | None:
        """Prefill a request's prompts; None: an earlier run finished all its turns."""
        turns = request.script.turns[: request.options.limit_turns]
        if all(index in request.finished for index in range(len(turns))):
            return None
        with (
            Stopwatch(self.models.device) as prefilling,
            memory_errors_named("prefilling the prompts"),
        ):
            dialogue = prefill_prompts(
                self.models, self.prefixes, request.prompts, request.options, cache, self._recent
            )
        if request.reports_sound:
            return LiveSequence(
                self.models, request, dialogue, prefilling.seconds, self.prompt_states
            )
        return Sequence(self.models, request, dialogue, prefilling.seconds)

    def _close_gaps(self) -> None:
        """Move sequences to free rows in front of them, because the LLM works on the first rows."""
        for row in range(len(self._sequences)):
            if self._caches.rows[row] not in self._sequences:
                with memory_errors_named("moving a dialogue"):
                    self._caches.swap(row, max(cache.index for cache in self._sequences))

    def _start_decoding(self) -> list[Event]:
        """Start the next attempt of every sequence that has one."""
        events: list[Event] = []
        for sequence in list(self._sequences.values()):
            try:
                attempt = sequence.next_attempt(speculate=self._renderer.is_concurrent)
                if attempt is not None:
                    self._start(sequence, attempt)
            except OutOfMemoryError:
                raise
            except PodttsError as error:
                self._remove(sequence)
                events.append(RequestFailed(sequence.request, error))
        return events

    def _start(self, sequence: Sequence, attempt: Attempt) -> None:
        dialogue, request = sequence.dialogue, sequence.request
        if dialogue.has_unread_turns and self._decoder.uses_graphs:
            self._renderer.wait()  # replaying a turn may record a graph
        with (
            Stopwatch(self.models.device) as prefilling,
            memory_errors_named("prefilling a turn"),
        ):
            dialogue.prepare_attempt(self._decoder)
            self._decoder.start(
                dialogue.cache,
                dialogue.window.ids,
                request.options.sampling,
                sequence.attempt_rng(attempt),
            )
        attempt.work += StageSeconds(llm=prefilling.seconds)

    def _submit_renders(self) -> None:
        for sequence in self._sequences.values():
            if (job := sequence.take_render_job()) is not None:
                self._renderer.submit(sequence, job)

    def _decode(self) -> list[Event]:
        """Decode a token, or a block of tokens, of every turn."""
        attempts = [
            (sequence, sequence.decoding)
            for sequence in self._sequences.values()
            if sequence.decoding is not None
        ]
        if not attempts:
            return []
        if self._decoder.will_record:
            self._renderer.wait()
        with Stopwatch(self.models.device) as decoding, memory_errors_named("decoding turns"):
            finished = self._decoder.step()
        events: list[Event] = []
        for sequence, attempt in attempts:
            attempt.work += StageSeconds(llm=decoding.seconds / len(attempts))
            decoded = finished.get(sequence.dialogue.cache)
            if sequence.request.reports_tokens:
                events += self._new_tokens(sequence, attempt, decoded)
            if decoded is not None:
                events += sequence.on_tokens(decoded)
            elif sequence.follows_tokens:
                sequence.on_progress(self._decoder.tokens(sequence.dialogue.cache))
        return events

    def _new_tokens(
        self, sequence: Sequence, attempt: Attempt, decoded: Decoded | None
    ) -> list[Event]:
        """What was decoded of an attempt since the last report."""
        if decoded is None:
            ids = self._decoder.tokens(sequence.dialogue.cache)
        else:
            ids = list(decoded.ids) if isinstance(decoded, SpeechTokens) else []
        position = attempt.reported_tokens
        new = tuple(ids[position:])
        attempt.reported_tokens += len(new)
        if not new:
            return []
        return [TokensDecoded(sequence.request, attempt.index, attempt.number, position, new)]

    def _collect_renders(self) -> list[Event]:
        """Take what was rendered; what was decoded after a failed attempt is void."""
        events: list[Event] = []
        busy = bool(self._decoder.active)
        for sequence, rendered in self._renderer.poll(len(self._sequences), decoding=busy):
            cache = sequence.dialogue.cache
            if self._sequences.get(cache) is not sequence:
                continue  # cancelled meanwhile
            try:
                with memory_errors_named("checking a turn"):
                    events += sequence.on_audio(rendered)
            except OutOfMemoryError:
                raise
            except PodttsError as error:
                self._remove(sequence)
                events.append(RequestFailed(sequence.request, error))
                continue
            if sequence.decoding is None:
                self._decoder.cancel(cache)
        return events

    def _retire_finished(self) -> list[Event]:
        finished = [each for each in self._sequences.values() if each.is_finished]
        for sequence in finished:
            self._remove(sequence)
        return [RequestFinished(sequence.request) for sequence in finished]

    def _remove(self, sequence: Sequence) -> None:
        """Free a sequence's row."""
        self._decoder.cancel(sequence.dialogue.cache)
        self._renderer.cancel(sequence)
        del self._sequences[sequence.dialogue.cache]


def within_memory(step: Callable[[], list[Event]]) -> list[Event] | OutOfMemoryError:
    """What a step of an engine reports, or why memory was too short for it.

    The error is one without a traceback, whose frames would hold tensors.
    """
    try:
        return step()
    except OutOfMemoryError as error:
        return OutOfMemoryError(error.problem, error.hint)


def _overlap_pays(models: Models, rows: int) -> bool:
    """Whether rendering beside decoding is faster, and gives the same bits.

    With several rows it is no faster on a CPU, and elsewhere the last bits would depend on which
    turns are rendered together, and so on which of them is decoded first. On a GPU, both sides fill
    the device: together they take longer, and a listener waits for steps that nobody needs yet.
    """
    if rows > 1 or models.device.type != "cpu":
        return False
    # Compiled code is faster with half of the cores for each side; torch would hold up the LLM.
    layers, flow = models.llm.fused_layers, models.flow
    compiled = isinstance(layers, NativeLayers) and flow.runs_compiled("float32")
    return compiled and torch.get_num_threads() > 1
