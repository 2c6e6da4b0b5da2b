"""Who has a CPU's cores, seen by workers that note what they may use."""

import threading
from collections.abc import Iterator

import pytest
import torch

from podtts.device.cpu_cores import Cores, all_cores


class Noting:
    """A worker that has no threads to allow."""

    def __init__(self) -> None:
        self.threads = 0

    def allow(self, threads: int) -> None:
        self.threads = threads


@pytest.fixture(autouse=True)
def four_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(threads)


def test_one_has_all_and_two_have_half_each() -> None:
    cores, one, other = Cores(), Noting(), Noting()
    with cores.shared_by(one):
        assert one.threads == 4
        with cores.shared_by(other):
            assert (one.threads, other.threads) == (2, 2)
        assert one.threads == 4


def test_nobody_is_left_without_a_thread() -> None:
    torch.set_num_threads(1)
    cores, one, other = Cores(), Noting(), Noting()
    with cores.shared_by(one), cores.shared_by(other):
        assert (one.threads, other.threads) == (1, 1)


def test_who_wants_all_waits_for_those_who_work_and_the_next_wait_for_him() -> None:
    cores, told = Cores(), []
    in_work, may_end = threading.Event(), threading.Event()

    def works() -> None:
        with cores.shared_by(Noting()):
            in_work.set()
            may_end.wait()
            told.append("worked")

    def wants_all() -> None:
        with cores.alone():
            told.append("alone")

    def comes_later() -> None:
        while not cores._alone:
            pass
        may_end.set()
        with cores.shared_by(Noting()):
            told.append("later")

    first = threading.Thread(target=works)
    first.start()
    in_work.wait()
    others = [threading.Thread(target=one) for one in (wants_all, comes_later)]
    for one in others:
        one.start()
    for one in (first, *others):
        one.join()
    assert told == ["worked", "alone", "later"]


def test_what_goes_wrong_frees_the_cores() -> None:
    cores = Cores()
    with pytest.raises(ZeroDivisionError), cores.shared_by(Noting()):
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), cores.alone():
        raise ZeroDivisionError
    with cores.alone():
        pass


def test_other_devices_need_no_cores() -> None:
    with all_cores(torch.device("meta")), all_cores(torch.device("meta")):
        pass
