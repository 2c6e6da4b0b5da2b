"""Training of the vocoder's pitch head on its own: without rendering, its steps are cheap."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from podtts.rates import MEL_BINS
from podtts.vocoder.f0 import F0Predictor
from recipes.mini.mels import MEL_DEVIATION, MEL_MEAN, normalise_input, worn
from recipes.mini.sizes import MINI_HIFT
from recipes.mini.steps import Sample
from recipes.mini.training import Recipe, train
from recipes.mini.vocoder_data import VocoderData, as_long

_FRAMES, _BATCH = 64, 32
_SCALE_HZ = 100.0
_OCTAVE_FLOOR_HZ = 50.0
RECIPE = Recipe(learning_rate=2e-3)


class PitchTraining(nn.Module):
    """The pitch head, in hundreds of hertz while it learns."""

    def __init__(self) -> None:
        super().__init__()
        self.head = F0Predictor(MINI_HIFT.f0_channels, MINI_HIFT.f0_kernels, MEL_BINS)
        first = self.head.convs[0]
        assert isinstance(first, nn.Conv1d)
        normalise_input(first, MEL_MEAN, MEL_DEVIATION)

    def f0(self, mel: Tensor) -> Tensor:
        """Pitch in Hz [B, F] of mel [B, F, 80]."""
        hertz: Tensor = _SCALE_HZ * self.head(mel.transpose(1, 2))
        return hertz

    def loss(self, mel: Tensor, f0: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """mel [B, F, 80] and its pitch in Hz [B, F], 0 where unvoiced."""
        found = self.f0(mel)
        hertz = F.l1_loss(found, f0)
        both = (f0 > 0) & (found > _OCTAVE_FLOOR_HZ)
        off = (found[both].log2() - f0[both].log2()).abs()
        octaves = off.sum() / both.sum().clamp(min=1)
        voicing = ((found > _OCTAVE_FLOOR_HZ) != (f0 > 0)).float().mean()
        return hertz / _SCALE_HZ, {"hertz": hertz, "octaves": octaves, "voicing": voicing}

    def exported(self) -> F0Predictor:
        """The head in hertz; done once."""
        self._scale(_SCALE_HZ)
        return self.head

    def restored(self) -> None:
        """Take the scale out of the head of an exported vocoder; done once."""
        self._scale(1 / _SCALE_HZ)

    def _scale(self, factor: float) -> None:
        """Multiply what the head gives."""
        self.head.linear.weight.data.mul_(factor)
        self.head.linear.bias.data.mul_(factor)


def train_pitch_head(
    speech: Path,
    device: torch.device,
    batch: int,
    minutes: float,
    path: Path,
    workers: int = 1,
    heard: Tensor | None = None,
) -> dict[str, float]:
    """Train on random crops of a folder of speech; batch: times what suits one CPU core.

    heard: the flow's mels of the corpus that was made of this speech, float16 [F, 80]; with them,
    half of the crops are theirs.
    """
    module = PitchTraining().to(device)
    whole = heard is not None
    data = VocoderData.of(speech, waves=False, workers=workers, as_in_corpus=whole).to(device)
    flows = data.mel if heard is None else as_long(heard, data).to(device)

    def step(_: Sample) -> tuple[Tensor, dict[str, Tensor]]:
        rows = batch * _BATCH
        first = torch.randint(len(data.mel) - _FRAMES, (rows, 1), device=device)
        at = first + torch.arange(_FRAMES, device=device)
        mel = torch.cat((data.mel[at[: rows // 2]], flows[at[rows // 2 :]])).float()
        return module.loss(mel if whole else worn(mel), data.f0[at].float())

    return train(module, step, RECIPE, minutes, path)
