"""Prefill and decode: ids in, the speech tokens of turns out, of several dialogues side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from podtts.llm.kv_cache import CacheRows, KVCache
from podtts.llm.qwen3 import Qwen3
from podtts.llm.sampling import RowOptions, forbid_end, next_tokens
from podtts.options import SamplingOptions
from podtts.values import SpeechTokens


class NotFiniteError(ArithmeticError):
    """A model computed NaN or infinity where numbers belong."""


def prefill(model: Qwen3, ids: Sequence[int], cache: KVCache) -> Tensor:
    """Read ids behind what the cache holds; return the last hidden state [1, H]."""
    device = model.embed_tokens.weight.device
    hidden: Tensor = model(torch.tensor([ids], device=device), cache)
    return hidden[:, -1]


def read_as_drawn(model: Qwen3, ids: Sequence[int], cache: KVCache) -> None:
    """Read ids as `generate` reads what it draws, so that the cache is the same to the bit."""
    if ids and model.fused_layers is not None and model.fused_layers.batch_invariant:
        prefill(model, ids, cache)
        return
    for token in ids:
        prefill(model, [token], cache)


def turn_uniforms(options: SamplingOptions, rng: torch.Generator) -> Tensor:
    """Draw the two uniform numbers of every step a turn may take, float32 [max_tokens, 2]."""
    return torch.rand(options.max_tokens, 2, generator=rng)


def generate(
    model: Qwen3,
    context: Sequence[int],
    cache: KVCache,
    options: SamplingOptions,
    rng: torch.Generator,
) -> SpeechTokens:
    """Continue `context` until the end token or the token limit.

    The cache is alone in its rows. It holds a beginning of the context (possibly none of it) and is
    extended to all of it and all that is generated but the last id, which the next call reads.
    Raises NotFiniteError when logits are NaN or infinite.
    """
    decoder = Decoder(model, cache.batch)
    decoder.begin(cache, context, options, rng)
    while not (finished := decoder.step()):
        pass
    tokens = finished[cache]
    if isinstance(tokens, NotFiniteError):
        raise tokens
    return tokens


@dataclass
class _Line:
    """A turn being written."""

    hidden: Tensor  # of the last id that was read, [H]
    options: SamplingOptions
    uniforms: Tensor  # float32 [max_tokens, 2]
    seen: Tensor  # bool [V]: ids that this turn holds
    recent: Tensor  # int64 [window], in the numbering of the logits; -1: none
    tokens: list[int] = field(default_factory=list)

    def take(self, token: int, chosen: Tensor) -> None:
        self.tokens.append(token)
        self.seen[token] = True
        self.recent = torch.cat((self.recent[1:], chosen[None]))


class Decoder:
    """Writes turns side by side, a token of each a step.

    A row makes the same draws alone and among others: each has its own context, seed and options,
    and one number decides one draw.
    """

    def __init__(self, model: Qwen3, caches: CacheRows) -> None:
        self.model, self.caches = model, caches
        self._legal = model.legal_rows().to(model.embed_tokens.weight.device)
        self._lines: dict[KVCache, _Line] = {}
        self._known: tuple[list[SamplingOptions], RowOptions] | None = None

    @property
    def writing(self) -> tuple[KVCache, ...]:
        """The caches of the turns being written."""
        return tuple(self._lines)

    @property
    def records_next(self) -> bool:
        """Whether the next step must be alone on the device: never."""
        return False

    def abandon(self) -> None:
        """Stop writing all turns."""
        self._lines.clear()

    @torch.inference_mode()
    def begin(
        self,
        cache: KVCache,
        context: Sequence[int],
        options: SamplingOptions,
        rng: torch.Generator,
    ) -> None:
        """Read what the cache does not hold of a context, which a turn will continue."""
        device = self._legal.device
        self._lines[cache] = _Line(
            prefill(self.model, context[cache.length :], cache)[0],
            options,
            turn_uniforms(options, rng).to(device),
            torch.zeros(len(self._legal), dtype=torch.bool, device=device),
            recent_ids(context, self.model, options.repeat_window).to(device),
        )

    @torch.inference_mode()
    def read(self, cache: KVCache, ids: Sequence[int]) -> None:
        """Read recalled speech behind what a cache holds."""
        read_as_drawn(self.model, ids, cache)

    @torch.inference_mode()
    def step(self) -> dict[KVCache, SpeechTokens | NotFiniteError]:
        """Draw one token of every turn; return the turns that are done with it."""
        finished: dict[KVCache, SpeechTokens | NotFiniteError] = {}
        writing: dict[KVCache, _Line] = {}
        logits = self.model.logits(torch.stack([line.hidden for line in self._lines.values()]))
        finite = logits.isfinite().all(dim=1).tolist()
        for number, (cache, line) in enumerate(self._lines.items()):
            if finite[number]:
                writing[cache] = line
            else:
                step = len(line.tokens) + 1
                finished[cache] = NotFiniteError(f"the LLM's logits at step {step}")
        if writing:
            logits = logits[torch.tensor(finite, device=logits.device)]
            chosen = self._choose(list(writing.values()), logits)
            for (cache, line), pick, token in zip(
                writing.items(), chosen, chosen.tolist(), strict=True
            ):
                if token == self.model.end_index:
                    finished[cache] = SpeechTokens(tuple(line.tokens), ended=True)
                    continue
                line.take(token, pick)
                if len(line.tokens) == line.options.max_tokens:
                    finished[cache] = SpeechTokens(tuple(line.tokens), ended=False)
        for cache in finished:
            del self._lines[cache]
        self._read()
        return finished

    def _choose(self, lines: list[_Line], logits: Tensor) -> Tensor:
        """The next id of every line, int64 [B], in the numbering of the logits."""
        early = [len(line.tokens) < line.options.min_tokens for line in lines]
        if any(early):
            logits = forbid_end(
                logits, self.model.end_index, torch.tensor(early, device=logits.device)
            )
        window = max(len(line.recent) for line in lines)
        return next_tokens(
            logits,
            torch.stack([line.seen for line in lines]),
            torch.stack(
                [F.pad(line.recent, (window - len(line.recent), 0), value=-1) for line in lines]
            ),
            torch.stack([line.uniforms[len(line.tokens)] for line in lines]),
            self._options([line.options for line in lines]),
        )

    def _options(self, options: list[SamplingOptions]) -> RowOptions:
        """Options as tensors, made anew when other rows write than before."""
        if self._known is None or self._known[0] != options:
            self._known = options, RowOptions.of(options, self._legal.device)
        return self._known[1]

    def _read(self) -> None:
        """Let the LLM read what was drawn."""
        if not self._lines:
            return
        rows = 1 + max(cache.index for cache in self._lines)
        # Rows between that write nothing read an id nobody hears: it stays behind their length.
        last = torch.full((rows,), int(self._legal[-1]), device=self._legal.device)
        for cache, line in self._lines.items():
            last[cache.index] = self._legal[line.tokens[-1]]
        hidden = self.model.step(last, self.caches)
        for cache, line in self._lines.items():
            cache.advance(1)
            line.hidden = hidden[cache.index]


def recent_ids(context: Sequence[int], model: Qwen3, window: int) -> Tensor:
    """The last ids of the context in the numbering of the logits, int64 [window]."""
    config = model.config
    last = torch.full((window,), -1)
    for place, token in enumerate(reversed(context[-window:]), start=1):
        speech = token - config.speech_token_offset
        if token == config.end_token:
            last[-place] = model.end_index
        elif 0 <= speech < config.speech_vocabulary:
            last[-place] = speech
    return last
