"""Fixtures of tests of the compiled estimator."""

from collections.abc import Iterator

import pytest
from support.forced_set import SETS_HERE, forced_set

from podtts.options import PRECISIONS, Precision


@pytest.fixture(params=SETS_HERE)
def each_set(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The compiled code of every instruction set of this CPU."""
    with forced_set(monkeypatch, request.param):
        yield


@pytest.fixture(params=PRECISIONS)
def precision(request: pytest.FixtureRequest) -> Precision:
    parameter: Precision = request.param
    return parameter
