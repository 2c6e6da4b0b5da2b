"""How kernels share a CPU's cores, seen by kernels that record the number of their threads."""

import threading
from collections.abc import Iterator

import pytest
import torch

from podtts.device.cpu_cores import Cores, all_cores


class RecordingKernel:
    """A kernel without work."""

    def __init__(self) -> None:
        self.threads = 0

    def set_threads(self, threads: int) -> None:
        self.threads = threads


@pytest.fixture(autouse=True)
def four_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(threads)


def test_one_kernel_has_all_cores_and_two_have_half_each() -> None:
    cores, first, second = Cores(), RecordingKernel(), RecordingKernel()
    with cores.shared_by(first):
        assert first.threads == 4
        with cores.shared_by(second):
            assert (first.threads, second.threads) == (2, 2)
        assert first.threads == 4


def test_every_kernel_has_at_least_one_thread() -> None:
    torch.set_num_threads(1)
    cores, first, second = Cores(), RecordingKernel(), RecordingKernel()
    with cores.shared_by(first), cores.shared_by(second):
        assert (first.threads, second.threads) == (1, 1)


def test_an_exclusive_user_waits_for_running_kernels_and_later_kernels_wait_for_it() -> None:
    cores, order = Cores(), []
    running, may_end = threading.Event(), threading.Event()

    def early_kernel() -> None:
        with cores.shared_by(RecordingKernel()):
            running.set()
            may_end.wait()
            order.append("early kernel")

    def exclusive_user() -> None:
        with cores.exclusive():
            order.append("exclusive user")

    def late_kernel() -> None:
        while not cores._exclusive:
            pass
        may_end.set()
        with cores.shared_by(RecordingKernel()):
            order.append("late kernel")

    first = threading.Thread(target=early_kernel)
    first.start()
    running.wait()
    others = [threading.Thread(target=user) for user in (exclusive_user, late_kernel)]
    for thread in others:
        thread.start()
    for thread in (first, *others):
        thread.join()
    assert order == ["early kernel", "exclusive user", "late kernel"]


def test_an_exception_frees_the_cores() -> None:
    cores = Cores()
    with pytest.raises(ZeroDivisionError), cores.shared_by(RecordingKernel()):
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), cores.exclusive():
        raise ZeroDivisionError
    with cores.exclusive():
        pass


def test_work_on_other_devices_does_not_wait_for_cores() -> None:
    with all_cores(torch.device("meta")), all_cores(torch.device("meta")):
        pass
