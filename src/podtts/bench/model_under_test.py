"""The model that a benchmark measures: a checkpoint, or random weights with published sizes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from podtts.bench.speakers import Speakers, random_speakers, recorded_speakers
from podtts.device.memory import peak_memory_bytes, reset_peak_memory
from podtts.device.placement import Placement
from podtts.device.stopwatch import Stopwatch
from podtts.hub.bundled import MINI, bundled_model
from podtts.options import SamplingOptions
from podtts.prompts.cache import PromptCache
from podtts.weights.load import Models, load_models
from podtts.weights.random import random_models
from podtts.weights.settings import CheckpointSettings
from podtts.weights.voices import checkpoint_encoders


@dataclass(frozen=True)
class Loading:
    """What it took to load the models."""

    seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True)
class ModelUnderTest:
    """A checkpoint's folder, or the name of published sizes for random weights."""

    checkpoint: Path | None
    random_weights: str | None = None

    def __post_init__(self) -> None:
        assert (self.checkpoint is None) != (self.random_weights is None)

    @property
    def is_random(self) -> bool:
        """Whether the weights are random, so that turns need a prescribed length."""
        return self.checkpoint is None

    @property
    def name(self) -> str:
        """The name of the random weights, or the checkpoint's folder."""
        return self.random_weights or str(self.checkpoint)

    @property
    def short_name(self) -> str:
        """The name without the path, for pictures that are published."""
        if self.checkpoint is None:
            return self.name
        return MINI if self.checkpoint == bundled_model() else self.checkpoint.name

    def load(self, placement: Placement) -> tuple[Models, Loading]:
        """Load the models with the LLM's weights as they are stored, and measure it."""
        reset_peak_memory(placement.device)
        with Stopwatch(placement.device) as watch:
            if self.checkpoint is None:
                models = random_models(self.name, placement)
            else:
                models = load_models(self.checkpoint, placement, torch_layers=True)
        return models, Loading(watch.seconds, peak_memory_bytes(placement.device))

    def speakers(self, models: Models, cache: PromptCache) -> Speakers:
        """Return the speakers of the workloads, with their prompts in a cache."""
        if self.checkpoint is None:
            return random_speakers(models.flow.config, cache)
        return recorded_speakers(checkpoint_encoders(self.checkpoint), cache)

    def sampling(self) -> SamplingOptions:
        """Return the checkpoint's own sampling. Raises ModelError for an unreadable file."""
        if self.checkpoint is None:
            return SamplingOptions()
        return CheckpointSettings.read(self.checkpoint).sampling
