"""What the tests of this folder share."""

from collections.abc import Iterator

import pytest

from podtts.audio.decoder import Decoder


@pytest.fixture(scope="session")
def decoder() -> Iterator[Decoder]:
    """One process that decodes for all tests that do not look at the process itself."""
    with Decoder() as decoder:
        yield decoder
