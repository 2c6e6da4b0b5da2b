"""Several scripts at a time through the engine. All benchmarks that use the engine go this way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podtts.engine.engine import Engine
from podtts.engine.request import Request, RequestFailed, TurnFinished
from podtts.llm.prefix import PrefixStore
from podtts.values import TurnAudio
from podtts.weights.load import Models


def synthesize_batch(
    models: Models, prefixes: PrefixStore, requests: Sequence[Request], rows: int
) -> Iterator[TurnAudio]:
    """Synthesize requests, `rows` of them at a time, and yield their turns as they are finished.

    prefixes: store of the LLM's states after the prompts. Raises the error of a request that fails.
    """
    for event in Engine(models, prefixes, rows=rows).run(requests):
        if isinstance(event, RequestFailed):
            raise event.error
        if isinstance(event, TurnFinished):
            yield event.audio
