"""Fixtures for the audio tests."""

from collections.abc import Iterator

import pytest

from podtts.audio.decoder import AudioDecoder


@pytest.fixture(scope="session")
def decoder() -> Iterator[AudioDecoder]:
    """A decoder that all tests share, except those that test its process."""
    with AudioDecoder(timeout_seconds=600.0) as decoder:  # however busy the machine is
        yield decoder
