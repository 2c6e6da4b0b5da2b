"""What publishing is at, for whoever watches: an hour of sound takes a while to be encoded."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

Advance = Callable[[int], None]  # told of so many samples of the mix more that were gone through
# Called with a verb, what it is done to ("encoding", "talk.mp3"), and how many samples will be gone
# through; the step lasts as long as the block.
Watch = Callable[[str, str, int], AbstractContextManager[Advance]]


def unwatched(verb: str, what: str, samples: int) -> AbstractContextManager[Advance]:
    """A step nobody looks at."""
    del verb, what, samples
    return nullcontext(lambda _: None)
