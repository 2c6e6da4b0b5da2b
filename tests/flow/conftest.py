"""Fixtures of tests of the compiled estimator."""

import pytest

from podtts.options import PRECISIONS, Precision


@pytest.fixture(params=PRECISIONS)
def precision(request: pytest.FixtureRequest) -> Precision:
    parameter: Precision = request.param
    return parameter
