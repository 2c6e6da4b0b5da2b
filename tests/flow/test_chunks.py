from hypothesis import given
from hypothesis import strategies as st

from podtts.flow.chunks import CHUNK_TOKENS, RAMP, Chunk, ChunkQueue

LOOKAHEAD = 3


def chunks_of(pieces: list[list[int]], lookahead: int = LOOKAHEAD) -> list[Chunk]:
    """The chunks of tokens that come in pieces, each taken as soon as it is there."""
    queue, chunks = ChunkQueue(lookahead), []
    for piece in pieces:
        queue.add(piece)
        while chunk := queue.next():
            chunks.append(chunk)
    queue.end()
    while chunk := queue.next():
        chunks.append(chunk)
    return chunks


def cut(ids: list[int], sizes: list[int]) -> list[list[int]]:
    pieces, start = [], 0
    for size in sizes:
        pieces.append(ids[start : start + size])
        start += size
    return [*pieces, ids[start:]]


@given(st.integers(0, 200), st.lists(st.integers(0, 60)), st.integers(0, 5))
def test_chunks_do_not_depend_on_the_pieces_in_which_tokens_come(
    count: int, sizes: list[int], lookahead: int
) -> None:
    ids = list(range(count))
    chunks = chunks_of(cut(ids, sizes), lookahead)
    assert chunks == chunks_of([ids], lookahead)
    assert [token for chunk in chunks for token in chunk.ids] == ids
    assert [chunk.is_last for chunk in chunks] == [False] * (len(chunks) - 1) + [True] * bool(ids)


def test_sizes_are_a_ramp_and_then_equal() -> None:
    sizes = [len(chunk.ids) for chunk in chunks_of([list(range(200))])]
    assert sizes[: len(RAMP) + 2] == [*RAMP, CHUNK_TOKENS, CHUNK_TOKENS]


def test_a_chunk_knows_the_tokens_that_the_encoder_looks_ahead_to() -> None:
    first, last = chunks_of([list(range(RAMP[0] + LOOKAHEAD))])
    assert first.following == (*range(RAMP[0], RAMP[0] + LOOKAHEAD),)
    assert last == Chunk(first.following, (), is_last=True)


def test_a_few_tokens_at_the_end_join_the_chunk_before() -> None:
    (only,) = chunks_of([list(range(RAMP[0] + LOOKAHEAD - 1))])
    assert only.is_last
