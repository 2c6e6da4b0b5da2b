import threading
from functools import partial

import pytest

from podtts.batch.turn_queue import TurnQueue


def filled(backlog: TurnQueue, done: list[str], names: str) -> None:
    """Put a turn of each name."""
    for name in names:
        backlog.put(name, partial(done.append, name))


@pytest.mark.parametrize("there", ["aa", "abcdefghabcdefgh"])
def test_who_puts_too_much_waits_until_a_turn_is_done(there: str) -> None:
    """Of one script two turns may be undone, of all sixteen."""
    backlog, done = TurnQueue(), list[str]()
    filled(backlog, done, there)

    def put_one_more() -> None:
        backlog.put(there[0], lambda: None)
        done.append("was put")

    waiting = threading.Thread(target=put_one_more)
    waiting.start()
    backlog.put(None, lambda: None)  # what is no turn never waits
    assert backlog.work()
    waiting.join()
    assert done == [there[0], "was put"]


def test_a_turn_that_is_being_done_still_counts() -> None:
    backlog, begun, end = TurnQueue(), threading.Event(), threading.Event()
    order = list[str]()

    def slow() -> None:
        begun.set()
        end.wait()
        order.append("done")

    def put_one_more() -> None:
        backlog.put("a", lambda: None)
        order.append("was put")

    backlog.put("a", slow)
    backlog.put("a", lambda: None)
    threads = [threading.Thread(target=backlog.work), threading.Thread(target=put_one_more)]
    threads[0].start()
    begun.wait()
    threads[1].start()
    end.set()
    for thread in threads:
        thread.join()
    assert order == ["done", "was put"]


def test_work_is_done_in_order_until_the_end() -> None:
    backlog, done = TurnQueue(), list[str]()
    filled(backlog, done, "abca")
    backlog.put(None, None)
    while backlog.work():
        pass
    assert done == [*"abca"]


def test_nobody_waits_for_what_nobody_does() -> None:
    backlog = TurnQueue()
    backlog.abandon()
    filled(backlog, [], "aaaaaaaa")
    assert not backlog.work()
