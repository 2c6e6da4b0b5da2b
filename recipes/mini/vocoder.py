"""Training of the vocoder: podtts' own module, its stages called with gradients."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from podtts.audio import lazy_torchaudio
from podtts.rates import MEL_BINS, MEL_FRAMES_PER_TOKEN, MEL_HOP, OUTPUT_HZ, SAMPLES_PER_TOKEN
from podtts.vocoder.hift import MAX_MAGNITUDE, STFT_HOP, Vocoder
from recipes.mini.corpus import Corpus
from recipes.mini.sizes import MINI_HIFT
from recipes.mini.training import Recipe, train

_CROP_TOKENS = 16  # 0.64 s
_PITCH_CROPS = 8  # crops that the pitch head alone sees, for each that is rendered
_WINDOWS = (256, 512, 1024, 2048)
_MEL_WINDOW = 1920
_FLOOR = 1e-5
# Natural-log mels of speech: the first layers start out as if they saw them normalised.
MEL_MEAN, _MEL_DEVIATION = -5.0, 3.0
_F0_SCALE_HZ = 100.0
RECIPE = Recipe(learning_rate=1e-3, betas=(0.8, 0.99), clip=2.0)  # 2e-3 became NaN


class VocoderTraining(nn.Module):
    """The vocoder with what makes it learn."""

    def __init__(self) -> None:
        super().__init__()
        self.vocoder = Vocoder(MINI_HIFT)
        for conv in (self.vocoder.conv_in, self.vocoder.f0_predictor.convs[0]):
            assert isinstance(conv, nn.Conv1d)
            normalise_input(conv, MEL_MEAN, _MEL_DEVIATION)
        filters = lazy_torchaudio.functional().melscale_fbanks(
            _MEL_WINDOW // 2 + 1, 0.0, 8000.0, MEL_BINS, OUTPUT_HZ, "slaney", "slaney"
        )
        self.register_buffer("filters", filters, persistent=False)

    def f0(self, mel: Tensor) -> Tensor:
        """Pitch [B, F] of mel [B, 80, F]; the head learns hundreds of hertz, see `exported`."""
        hertz: Tensor = _F0_SCALE_HZ * self.vocoder.f0_predictor(mel)
        return hertz

    def wave(self, mel: Tensor, f0: Tensor) -> Tensor:
        """Wave [B, 480*F] for mel [B, 80, F] and its pitch [B, F]."""
        vocoder = self.vocoder
        samples = f0.shape[1] * MEL_HOP
        noise = torch.randn(len(f0), vocoder.config.waves, samples, device=f0.device)
        source = vocoder.harmonics(f0, noise)
        size = vocoder.config.stft_size
        window = torch.hann_window(size, device=f0.device)
        spectrum = torch.stft(source, size, STFT_HOP, window=window, return_complex=True)
        parts = torch.cat((spectrum.real, spectrum.imag), dim=1).transpose(1, 2)
        x = vocoder.conv_in(mel.transpose(1, 2))
        for level in vocoder.levels:
            x = level(x, parts, None)
        log_magnitude, argument = vocoder.conv_out(F.leaky_relu(x)).transpose(1, 2).chunk(2, dim=1)
        # Clamped before exp, not after as at run time: the same value, and no infinite gradient.
        magnitude = log_magnitude.clamp(max=float(torch.tensor(MAX_MAGNITUDE).log())).exp()
        phase = torch.sin(argument)
        spectrum = torch.complex(magnitude * phase.cos(), magnitude * phase.sin())
        return torch.istft(spectrum, size, STFT_HOP, window=window)

    def log_mel(self, wave: Tensor) -> Tensor:
        """The flow's mel of waves, float32 [B, 80, frames]."""
        spectrum = _magnitude(wave, _MEL_WINDOW, MEL_HOP)
        filters: Tensor = self.filters  # type: ignore[assignment]
        return (filters.T @ spectrum).clamp(min=_FLOOR).log()

    def loss(self, mel: Tensor, f0: Tensor, wave: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """mel [N, 80, F], true pitch f0 [N, F], and the waves of the first B, [B, 480*F]."""
        pitch = F.l1_loss(self.f0(mel), f0) / _F0_SCALE_HZ
        mel, f0 = mel[: len(wave)], f0[: len(wave)]
        made = self.wave(mel, f0)
        total = torch.zeros((), device=wave.device)
        for size in _WINDOWS:
            ours, theirs = _magnitude(made, size, size // 4), _magnitude(wave, size, size // 4)
            gap = torch.linalg.vector_norm(ours - theirs) / torch.linalg.vector_norm(theirs)
            logs = F.l1_loss(ours.clamp(min=_FLOOR).log(), theirs.clamp(min=_FLOOR).log())
            total = total + (gap + logs) / len(_WINDOWS)
        mels = F.l1_loss(self.log_mel(made), self.log_mel(wave))
        return total + mels + pitch, {"stft": total, "mel": mels, "f0": pitch * _F0_SCALE_HZ}

    def exported(self) -> Vocoder:
        """The vocoder with the scale of its pitch folded into the head; done once."""
        self._scale_pitch(_F0_SCALE_HZ)
        return self.vocoder

    def restored(self) -> None:
        """Take the scale out of the head of an exported vocoder; done once."""
        self._scale_pitch(1 / _F0_SCALE_HZ)

    def _scale_pitch(self, factor: float) -> None:
        """Multiply what the pitch head gives."""
        self.vocoder.f0_predictor.linear.weight.data.mul_(factor)
        self.vocoder.f0_predictor.linear.bias.data.mul_(factor)


def normalise_input(conv: nn.Conv1d, mean: float, deviation: float) -> None:
    """Let a convolution start as if its input were shifted and scaled to unit variance."""
    assert conv.bias is not None
    with torch.no_grad():
        conv.weight.div_(deviation)
        conv.bias.sub_(mean * conv.weight.sum(dim=(1, 2)))


def _magnitude(wave: Tensor, size: int, hop: int) -> Tensor:
    window = torch.hann_window(size, device=wave.device)
    spectrum = torch.stft(wave, size, hop, window=window, return_complex=True)
    return (spectrum.real.square() + spectrum.imag.square() + 1e-9).sqrt()


def train_vocoder(
    corpus: Corpus, device: torch.device, batch: int, minutes: float, path: Path
) -> dict[str, float]:
    """Train on random crops; the true pitch drives the source."""
    module = VocoderTraining().to(device)
    total = int(corpus.tokens.sum()) - _CROP_TOKENS

    def step(_: float) -> tuple[Tensor, dict[str, Tensor]]:
        first = torch.randint(total, (batch * _PITCH_CROPS, 1))
        frames = first * MEL_FRAMES_PER_TOKEN + torch.arange(_CROP_TOKENS * MEL_FRAMES_PER_TOKEN)
        samples = first[:batch] * SAMPLES_PER_TOKEN + torch.arange(_CROP_TOKENS * SAMPLES_PER_TOKEN)
        return module.loss(
            corpus.mel[frames].float().to(device).transpose(1, 2),
            corpus.f0[frames].float().to(device),
            corpus.wave[samples].to(device).float() / 32767,
        )

    return train(module, step, RECIPE, minutes, path)
