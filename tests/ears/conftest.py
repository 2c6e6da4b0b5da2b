"""A tiny recognizer, and a folder with a real one where somebody names it."""

from pathlib import Path

import pytest
from support.tiny_whisper import tiny_whisper

from podtts.ears.whisper import Whisper


@pytest.fixture(scope="session")
def hears_hello(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a recognizer that hears the same words in everything. Do not change it."""
    return tiny_whisper(tmp_path_factory.mktemp("ears") / "whisper", "Hello there, my friend.")


@pytest.fixture(scope="session")
def tiny(hears_hello: Path) -> Whisper:
    """That recognizer, loaded."""
    return Whisper(hears_hello, threads=1)
