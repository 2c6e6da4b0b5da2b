"""What the tests of this folder share."""

from collections.abc import Iterator

import pytest

from podtts.audio.decoder import AudioDecoder


@pytest.fixture(scope="session")
def decoder() -> Iterator[AudioDecoder]:
    """One process that decodes for all tests that do not look at the process itself."""
    with AudioDecoder(timeout_seconds=600.0) as decoder:  # however busy the machine is
        yield decoder
