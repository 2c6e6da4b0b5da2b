"""Recordings, encoders and caches for the prompt tests."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from podtts.prompts.cache import PromptCache
from podtts.prompts.encoders import PromptEncoders
from podtts.values import PromptFeatures

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def golden() -> Path:
    return GOLDEN


@pytest.fixture(scope="session")
def encoders() -> PromptEncoders:
    """The encoders of the small checkpoint."""
    model = GOLDEN / "model"
    return PromptEncoders(model / "speech_tokenizer_v2.onnx", model / "campplus.onnx")


@pytest.fixture
def broken_encoders(tmp_path: Path) -> PromptEncoders:
    """Encoders that have a digest but cannot be loaded."""
    (tmp_path / "tokenizer.onnx").write_bytes(b"not a network")
    (tmp_path / "speaker.onnx").write_bytes(b"nor this")
    return PromptEncoders(tmp_path / "tokenizer.onnx", tmp_path / "speaker.onnx")


@pytest.fixture
def warnings_said() -> list[str]:
    """The warnings of the `cache` of the same test."""
    return []


@pytest.fixture
def cache(tmp_path: Path, warnings_said: list[str]) -> PromptCache:
    return PromptCache(tmp_path / "cache", warnings_said.append)


@pytest.fixture
def speakers(tmp_path: Path) -> Path:
    """A folder with the three golden recordings and their transcripts."""
    return Path(shutil.copytree(GOLDEN / "audio", tmp_path / "speakers"))


@pytest.fixture(scope="session")
def make_features() -> Callable[[int], PromptFeatures]:
    """Returns a function that creates random features of this many tokens."""

    def make(tokens: int) -> PromptFeatures:
        generator = torch.Generator().manual_seed(tokens)
        return PromptFeatures(
            torch.randint(6561, (tokens,), generator=generator, dtype=torch.int32),
            torch.randn(2 * tokens, 80, generator=generator),
            torch.randn(192, generator=generator),
        )

    return make
