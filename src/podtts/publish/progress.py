"""The progress of publishing, for displays: encoding an hour of audio takes a while."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

Advance = Callable[[int], None]  # called with the number of samples of the mix that were processed
# Starts a step: takes a verb, its object ("encoding", "talk.mp3") and the total number of samples
# to process. The step lasts as long as the block.
Watch = Callable[[str, str, int], AbstractContextManager[Advance]]


def no_progress(verb: str, what: str, samples: int) -> AbstractContextManager[Advance]:
    """Start a step without a display."""
    del verb, what, samples
    return nullcontext(lambda _: None)
