"""Runs compiled code of a chosen instruction set in this process."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from podtts.native import library
from podtts.native.choice import Unavailable, cpu_sets

_sets = cpu_sets()
SETS_HERE = () if isinstance(_sets, Unavailable) else tuple(isa.name for isa in _sets)


@contextmanager
def forced_set(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    """Set PODTTS_ISA for the time of the block."""
    with monkeypatch.context() as patch:
        patch.setenv("PODTTS_ISA", name)
        library.forget_libraries()
        yield
    library.forget_libraries()
