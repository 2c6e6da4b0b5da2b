"""Training of the vocoder: podtts' own module, its stages called with gradients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from podtts.audio import lazy_torchaudio
from podtts.rates import MEL_BINS, MEL_HOP, OUTPUT_HZ
from podtts.vocoder.hift import MAX_MAGNITUDE, STFT_HOP, Level, Vocoder
from podtts.vocoder.residual import ResidualStep
from recipes.mini.discriminators import SIZES, Discriminators
from recipes.mini.excitation import MIX
from recipes.mini.mels import MEL_DEVIATION, MEL_MEAN, normalise_input, worn
from recipes.mini.sizes import MINI_HIFT
from recipes.mini.speech import INT16
from recipes.mini.steps import Sample
from recipes.mini.training import Recipe, train
from recipes.mini.vocoder_data import VocoderData, as_long, source_of

_CROP_FRAMES = 32  # 0.64 s
_BATCH = 4
_SIZES = (64, 256, 1024)  # of the spectra compared; hops are a quarter
_MEL_WINDOW, _MEL_PADDING = 1920, 720
_MEL_EDGE = 2  # frames
_FLOOR, _MEL_FLOOR = 1e-3, 1e-5
_EMPHASIS = 0.85  # lifts high harmonics, which otherwise weigh nothing in a distance of spectra
# Mean magnitude in spectra of speech, over the root of their size. Distances are shares of it,
# not of what a batch holds: a few crops of silence would outweigh everything else.
_LOUDNESS = 0.0018
_LOG_WEIGHT, _MEL_WEIGHT = 0.5, 3.0
_CRITICS_FROM = 0.5  # of the training: harmonics are there, and what is left is their detail
_CRITICISM_WEIGHT, _MATCHING_WEIGHT = 0.5, 2.0
_FIRST_GAIN, _FIRST_LOUDNESS = 0.1, 0.01
_CARRIED, _SHIFT = 0.3, 1.0  # gain of the source's spectrum in the last level, and what is added
RECIPE = Recipe(learning_rate=3e-4, betas=(0.8, 0.99), clip=2.0, recorded=True)
FINISHING = replace(RECIPE, learning_rate=2e-4)


@dataclass(frozen=True, eq=False)
class FlowMels:
    """The flow's mels of the corpus that was made of some speech, and the pitch in them.

    The pitch is what the pitch head finds, as at run time. That of the recordings is another: the
    vocoder would learn to speak beside its source.
    """

    mel: Tensor  # float16 [F, 80]
    f0: Tensor  # Hz [F]


class VocoderTraining(nn.Module):
    """The vocoder with what makes it learn."""

    def __init__(self) -> None:
        super().__init__()
        self.vocoder = Vocoder(MINI_HIFT)
        self.vocoder.f0_predictor.requires_grad_(False)  # it is trained on its own
        normalise_input(self.vocoder.conv_in, MEL_MEAN, MEL_DEVIATION)
        mix = self.vocoder.harmonics.mix.requires_grad_(False)
        nn.init.constant_(mix.weight, MIX)
        nn.init.zeros_(mix.bias)
        start_from_source(self.vocoder)
        filters = lazy_torchaudio.functional().melscale_fbanks(
            _MEL_WINDOW // 2 + 1, 0.0, 8000.0, MEL_BINS, OUTPUT_HZ, "slaney", "slaney"
        )
        self.judges = Discriminators()
        self.register_buffer("filters", filters, persistent=False)

    def wave(self, mel: Tensor, source: Tensor) -> Tensor:
        """Wave [B, 480*F] for mel [B, F, 80] and its source [B, 480*F].

        The levels compute in bfloat16, which is nearly twice as fast; their weights stay float32.
        """
        vocoder = self.vocoder
        size = vocoder.config.stft_size
        window = torch.hann_window(size, device=mel.device)
        spectrum = torch.stft(source, size, STFT_HOP, window=window, return_complex=True)
        parts = torch.cat((spectrum.real, spectrum.imag), dim=1).transpose(1, 2).bfloat16()
        x = vocoder.conv_in(mel).bfloat16()
        for level in vocoder.levels:
            weights = {name: value.bfloat16() for name, value in level.named_parameters()}
            x = functional_call(level, weights, (x, parts, None))
        x = vocoder.conv_out(F.leaky_relu(x.float()))
        log_magnitude, argument = x.transpose(1, 2).chunk(2, dim=1)
        # Clamped before exp, not after as at run time: the same value, and no infinite gradient.
        magnitude = log_magnitude.clamp(max=float(torch.tensor(MAX_MAGNITUDE).log())).exp()
        phase = torch.sin(argument)
        spectrum = torch.complex(magnitude * phase.cos(), magnitude * phase.sin())
        return overlapped(torch.fft.irfft(spectrum, size, dim=1), window)

    def log_mel(self, wave: Tensor) -> Tensor:
        """The flow's mel of waves [B, 480*F], float32 [B, F, 80]; frames as `mel_24k` has them."""
        padded = F.pad(wave[:, None], (_MEL_PADDING, _MEL_PADDING), mode="reflect")[:, 0]
        window = torch.hann_window(_MEL_WINDOW, device=wave.device)
        spectrum = torch.stft(
            padded, _MEL_WINDOW, MEL_HOP, window=window, center=False, return_complex=True
        )
        filters: Tensor = self.filters  # type: ignore[assignment]
        return (filters.T @ _magnitude(spectrum)).clamp(min=_MEL_FLOOR).log().mT

    def loss(
        self,
        mel: Tensor,
        wanted: Tensor,
        source: Tensor,
        target: Tensor,
        wave: Tensor | None = None,
        judge: int = 0,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """mel [B, F, 80] and its source [B, 480*F]; the wave that is made should have `wanted`.

        Of a recording's own mel all is known, of the flow's only that it should be heard as it is:
        what a recording has instead would teach the vocoder to blur.

        target: aligned with its source, [b, 480*F], for rows of recordings, which are the first.
        wave: recordings [B, 480*F]; with them, a discriminator learns and criticises, too.
        judge: its number.
        """
        made, own = self.wave(mel, source), len(target)
        total, figures = self._distances(made[:own], target)
        inside = slice(_MEL_EDGE, -_MEL_EDGE)  # what lies around a crop is unknown
        mels = (self.log_mel(made) - wanted)[:, inside].abs().mean()
        total, figures = total + _MEL_WEIGHT * mels, figures | {"mel": mels}
        if wave is not None:
            told, seen, unlike = self.judges.judge(made, wave, own, judge)
            total = total + told + _CRITICISM_WEIGHT * seen + _MATCHING_WEIGHT * unlike
            figures |= {"told": told, "seen": seen, "unlike": unlike}
        return total, figures

    def _distances(self, made: Tensor, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        made, target = _emphasised(made), _emphasised(target)
        total, figures = torch.zeros((), device=made.device), dict[str, Tensor]()
        for size in _SIZES:
            window = torch.hann_window(size, device=made.device)
            ours, theirs = (
                torch.stft(x, size, size // 4, window=window, return_complex=True)
                for x in (made, target)
            )
            distance = _magnitude(ours - theirs).mean() / (_LOUDNESS * size**0.5)
            logs = F.l1_loss((_magnitude(ours) + _FLOOR).log(), (_magnitude(theirs) + _FLOOR).log())
            total = total + (distance + _LOG_WEIGHT * logs) / len(_SIZES)
            figures |= {f"complex{size}": distance, f"log{size}": logs}
        return total, figures


def start_from_source(vocoder: Vocoder) -> None:
    """Let a vocoder begin as one that passes its source on, quietly, at every pitch.

    Residual steps begin as nothing. The last level's channels carry the source's spectrum, shifted
    to positive values for the leaky ReLU behind it. A small spectrum z around a constant m is
    m * exp(z) in magnitudes and phases, so that the last layer begins in its linear range.
    """
    for module in vocoder.modules():
        if isinstance(module, ResidualStep):
            module.conv2.weight.data.mul_(_FIRST_GAIN)
            _bias(module.conv2).zero_()
    bins = vocoder.config.stft_size // 2 + 1
    carried = [*range(bins), *range(bins + 1, 2 * bins - 1)]  # imaginary ends are 0
    last = vocoder.levels[-1]
    assert isinstance(last, Level)
    down, out = last.source_down, vocoder.conv_out
    channels = min(len(carried), down.weight.shape[0])
    middle = out.weight.shape[2] // 2
    gain = _FIRST_LOUDNESS / _CARRIED
    with torch.no_grad():
        last.up.weight[:, :channels].mul_(_FIRST_GAIN)
        down.weight.mul_(_FIRST_GAIN)
        _bias(down).fill_(_SHIFT)
        out.weight.zero_()
        _bias(out).zero_()
        for channel, part in enumerate(carried[:channels]):
            down.weight[channel, part, 0] = _CARRIED
            out.weight[part, channel, middle] = gain
            _bias(out)[part] -= _SHIFT * gain


def overlapped(frames: Tensor, window: Tensor) -> Tensor:
    """What torch.istft makes of frames [B, size, positions]; that asks the device for a number."""
    size, positions = frames.shape[1:]
    shape = {"output_size": (1, size + STFT_HOP * (positions - 1)), "kernel_size": (1, size)}
    frames = F.fold(frames * window[:, None], stride=(1, STFT_HOP), **shape)[:, 0, 0]
    squares = window.square()[None, :, None].expand(1, -1, positions)
    weights = F.fold(squares, stride=(1, STFT_HOP), **shape)[:, 0, 0]
    return (frames / weights.clamp(min=1e-9))[:, size // 2 : -(size // 2)]


def _bias(conv: nn.Conv1d) -> Tensor:
    assert conv.bias is not None
    return conv.bias.data


def _magnitude(spectrum: Tensor) -> Tensor:
    """Magnitudes whose gradient is finite at 0."""
    return (spectrum.real.square() + spectrum.imag.square() + 1e-9).sqrt()


def _emphasised(wave: Tensor) -> Tensor:
    return wave[:, 1:] - _EMPHASIS * wave[:, :-1]


def train_vocoder(
    speech: Path,
    device: torch.device,
    batch: int,
    minutes: float,
    path: Path,
    workers: int = 1,
    heard: FlowMels | None = None,
) -> dict[str, float]:
    """Train on random crops of a folder of speech; batch: times what suits one CPU core.

    heard: with it, training finishes what training on the recordings' own mels has begun; half of
    the crops are the flow's.
    """
    module = VocoderTraining().to(device)
    data = VocoderData.of(speech, workers=workers, as_in_corpus=heard is not None).to(device)
    frames = len(data.mel)
    flows = sources = None
    if heard is not None:
        flows, sources = as_long(heard.mel, data).to(device), source_of(heard.f0).to(device)
    recipe = RECIPE if heard is None else FINISHING
    rows = batch * _BATCH
    own = rows if flows is None else rows // 2

    def draw(progress: float) -> Sample:
        criticised = heard is not None or progress > _CRITICS_FROM
        return Sample(progress, int(torch.randint(len(SIZES), ())) if criticised else None)

    def step(sample: Sample) -> tuple[Tensor, dict[str, Tensor]]:
        first = torch.randint(frames - _CROP_FRAMES, (rows, 1), device=device)
        at = first + torch.arange(_CROP_FRAMES, device=device)
        samples = first * MEL_HOP + torch.arange(_CROP_FRAMES * MEL_HOP, device=device)
        source, target, wave = (
            some[samples].float() / INT16 for some in (data.source, data.target, data.wave)
        )
        mel = wanted = data.mel[at].float()
        if flows is None or sources is None:
            mel = worn(mel)
        else:
            mel = wanted = torch.cat((mel[:own], flows[at[own:]].float()))
            source = torch.cat((source[:own], sources[samples[own:]].float() / INT16))
        if sample.kind is None:
            return module.loss(mel, wanted, source, target[:own])
        return module.loss(mel, wanted, source, target[:own], wave, cast(int, sample.kind))

    return train(module, step, recipe, minutes, path, draw=draw)
