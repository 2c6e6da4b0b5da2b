"""How the tokens of a turn are cut into chunks for a flow that keeps its state.

The chunks decide the sound: a frame sees its own chunk and all before it. They depend on the number
of tokens alone, never on the pieces in which tokens arrive. docs/streaming.md is the definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Raise when the same tokens, voice and random numbers give another sound in this mode: when chunks,
# noise, the treatment of the prompt or the vocoder's windows change.
STREAMING_VERSION = 1
CHUNK_TOKENS = 25  # one second
RAMP = (16,)  # tokens of the first chunks: the listener waits for the first one


@dataclass(frozen=True)
class Chunk:
    """Some tokens of a turn, in order."""

    ids: tuple[int, ...]
    following: tuple[int, ...]  # the tokens behind them that the encoder sees, too
    is_last: bool


class ChunkQueue:
    """Takes the tokens of a turn in pieces of any size and gives them out in chunks.

    lookahead: how many tokens behind a chunk the encoder sees. A chunk is given out when these are
               there, or when the turn has ended. Fewer tokens than these at the end of a turn join
               the chunk before.
    """

    def __init__(self, lookahead: int) -> None:
        self._lookahead = max(1, lookahead)  # no chunk is the last one unless the turn has ended
        self._waiting: list[int] = []
        self._chunks = 0  # given out
        self._ended = False

    def add(self, ids: Sequence[int]) -> None:
        """Take the tokens that come next."""
        self._waiting += ids

    def end(self) -> None:
        """No more tokens will come."""
        self._ended = True

    def next(self) -> Chunk | None:
        """Give out the next chunk; None: it is not there yet, or there is none."""
        waiting, size = self._waiting, _chunk_size(self._chunks)
        if len(waiting) < size + self._lookahead:
            if not self._ended or not waiting:
                return None
            size = len(waiting)
        self._chunks += 1
        following = tuple(waiting[size : size + self._lookahead])
        chunk = Chunk(tuple(waiting[:size]), following, is_last=not following)
        self._waiting = waiting[size:]
        return chunk


def _chunk_size(number: int) -> int:
    return RAMP[number] if number < len(RAMP) else CHUNK_TOKENS
