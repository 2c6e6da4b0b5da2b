"""podtts.json of a checkpoint folder, read without torch."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from podtts.errors import ModelError, nearest
from podtts.options import SamplingOptions
from podtts.weights.files import read_json


@dataclass(frozen=True)
class CheckpointSettings:
    """What the shapes of the tensors do not show; the defaults are the published model's."""

    estimator_heads: int = 8
    estimator_head_dim: int = 64
    voiced_threshold_hz: float = 10.0
    flow_noise: float = 1.0  # standard deviation of the flow's noise
    temperature: float = SamplingOptions.temperature
    repetition_penalty: float = SamplingOptions.repetition_penalty
    untrained: bool = False  # random weights: the audio is noise

    @property
    def sampling(self) -> SamplingOptions:
        """The checkpoint's default sampling."""
        return SamplingOptions(
            temperature=self.temperature, repetition_penalty=self.repetition_penalty
        )

    @staticmethod
    def read(directory: Path) -> CheckpointSettings:
        """Read podtts.json, if it exists. Raises ModelError for unknown keys and wrong values."""
        path = directory / "podtts.json"
        if not path.is_file():
            return CheckpointSettings()
        values = read_json(path)
        known = {field.name: field.default for field in fields(CheckpointSettings)}
        for key, value in values.items():
            if key not in known:
                raise ModelError(f"{path}: unknown key {key!r}{nearest(key, known)}")
            if key == "untrained":
                valid, rule = isinstance(value, bool), "true or false"
            else:
                kinds = (int, float) if isinstance(known[key], float) else (int,)
                valid, rule = type(value) in kinds and value > 0, "a number above 0"
            if not valid:
                raise ModelError(f"{path}: {key} is {value!r}, but must be {rule}")
        return CheckpointSettings(**values)
