import threading
from functools import partial

import pytest

from podtts.batch.turn_queue import TurnQueue


def filled(turns: TurnQueue, done: list[str], names: str) -> None:
    """Put a turn of each name."""
    for name in names:
        turns.put(name, partial(done.append, name))


@pytest.mark.parametrize("there", ["aa", "abcdefghabcdefgh"])
def test_put_waits_while_too_many_turns_are_not_done(there: str) -> None:
    """Of one script two turns may be undone, of all sixteen."""
    turns, done = TurnQueue(), list[str]()
    filled(turns, done, there)

    def put_one_more() -> None:
        turns.put(there[0], lambda: None)
        done.append("was put")

    waiting = threading.Thread(target=put_one_more)
    waiting.start()
    turns.put(None, lambda: None)  # what is no turn never waits
    assert turns.run_next()
    waiting.join()
    assert done == [there[0], "was put"]


def test_a_turn_that_is_being_done_still_counts() -> None:
    turns, begun, end = TurnQueue(), threading.Event(), threading.Event()
    order = list[str]()

    def slow() -> None:
        begun.set()
        end.wait()
        order.append("done")

    def put_one_more() -> None:
        turns.put("a", lambda: None)
        order.append("was put")

    turns.put("a", slow)
    turns.put("a", lambda: None)
    threads = [threading.Thread(target=turns.run_next), threading.Thread(target=put_one_more)]
    threads[0].start()
    begun.wait()
    threads[1].start()
    end.set()
    for thread in threads:
        thread.join()
    assert order == ["done", "was put"]


def test_work_is_done_in_order_until_the_end() -> None:
    turns, done = TurnQueue(), list[str]()
    filled(turns, done, "abca")
    turns.put(None, None)
    while turns.run_next():
        pass
    assert done == [*"abca"]


def test_nobody_waits_after_cancel() -> None:
    turns = TurnQueue()
    turns.cancel()
    filled(turns, [], "aaaaaaaa")
    assert not turns.run_next()
