"""Mel to waveform: HiFT, a generator that computes the spectrum of an inverse STFT.

Source: HiFTNet (arXiv:2309.09493) as in FunAudioLLM/CosyVoice, Apache-2.0. Implemented anew, with
weight norm folded when loaded; golden tests compare with the published numbers.

On a CPU, compiled code runs the residual blocks and shares the cores with that of the LLM.
Everything else is torch's, which has all cores.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from podtts.device.cpu_cores import all_cores
from podtts.device.cuda_graph import Recorder
from podtts.device.placement import batches_rows, emulates_bfloat16, has_graphs
from podtts.nn.convolution import Conv, TransposedConv
from podtts.nn.variants import WeightsState, WeightVariants, weights_state
from podtts.options import Precision
from podtts.rates import MEL_BINS, MEL_HOP
from podtts.vocoder.f0 import F0Predictor
from podtts.vocoder.native_level import NativeLevel, supports_blocks
from podtts.vocoder.recorded_extension import RecordedExtension
from podtts.vocoder.recorded_generator import RecordedGenerator
from podtts.vocoder.residual import ResidualBlock, ResidualStep, masked
from podtts.vocoder.source import HarmonicSource

UPSAMPLING = (8, 5, 3)  # per level; their product times STFT_HOP is a mel frame
POSITIONS_PER_FRAME = UPSAMPLING[0] * UPSAMPLING[1] * UPSAMPLING[2]  # of the spectra
STFT_HOP = MEL_HOP // POSITIONS_PER_FRAME  # 4 samples
LEAK = 0.1
MAX_MAGNITUDE = 100.0
MAX_SAMPLE = 0.99


@dataclass(frozen=True)
class HiftConfig:
    """Sizes of the vocoder; per level where a tuple."""

    channels: int  # before the first level; every level halves them
    input_kernel: int
    output_kernel: int
    up_kernels: tuple[int, ...]
    block_kernels: tuple[int, ...]  # residual blocks of every level
    source_kernels: tuple[int, ...]
    stft_size: int
    waves: int  # the fundamental and its overtones
    f0_channels: int
    f0_kernels: tuple[int, ...]
    voiced_threshold_hz: float


class Level(nn.Module):
    """Upsamples, adds the source at this rate, averages the residual blocks."""

    def __init__(self, number: int, config: HiftConfig) -> None:
        super().__init__()
        inputs, outputs = config.channels >> number, config.channels >> (number + 1)
        rate, kernel = UPSAMPLING[number], config.up_kernels[number]
        self.last = number == len(UPSAMPLING) - 1
        self.up = TransposedConv(inputs, outputs, kernel, rate, padding=(kernel - rate) // 2)
        stride = 1
        for later in UPSAMPLING[number + 1 :]:
            stride *= later
        self.source_down = Conv(
            config.stft_size + 2,
            outputs,
            kernel_size=1 if stride == 1 else 2 * stride,
            stride=stride,
            padding=stride // 2 if stride > 1 else 0,
        )
        self.source_block = ResidualBlock(outputs, config.source_kernels[number])
        self.blocks = nn.ModuleList(ResidualBlock(outputs, k) for k in config.block_kernels)

    @property
    def residual_blocks(self) -> list[ResidualBlock]:
        """The source's block and all others."""
        blocks = (self.source_block, *self.blocks)
        return [block for block in blocks if isinstance(block, ResidualBlock)]

    def forward(
        self, x: Tensor, source: Tensor, mask: Tensor | None, native: NativeLevel | None = None
    ) -> Tensor:
        """x and source [B, positions, channels]; mask is of this level's output.

        native: what runs the residual blocks, where no row is padded; None: torch.
        """
        with all_cores(x.device):
            x = self.up(F.leaky_relu(x, LEAK))
            if self.last:  # the STFT has one frame more than hops: reflected
                x = torch.cat((x[:, 1:2], x), dim=1)
            source = self.source_down(source)
            if native is None:
                return self._by_torch(masked(x, mask), masked(source, mask), mask)
        return native.whole(x, source)

    def _by_torch(self, x: Tensor, source: Tensor, mask: Tensor | None) -> Tensor:
        x = x + self.source_block(source, mask)
        first, *others = self.blocks
        total: Tensor = first(x, mask)
        for block in others:
            total += block(x, mask)
        return total.div_(len(self.blocks))


class Vocoder(nn.Module):
    """Turns mel spectrograms into waveforms. Other rows do not change a row's result.

    `render` runs the three stages `f0`, `source` and `wave`, which can be called one by one, too.
    """

    def __init__(self, config: HiftConfig) -> None:
        super().__init__()
        self.config = config
        self.f0_predictor = F0Predictor(config.f0_channels, config.f0_kernels, MEL_BINS)
        self.harmonics = HarmonicSource(config.waves, config.voiced_threshold_hz)
        kernel = config.input_kernel
        self.conv_in = Conv(MEL_BINS, config.channels, kernel, padding=kernel // 2)
        self.levels = nn.ModuleList(Level(number, config) for number in range(len(UPSAMPLING)))
        kernel = config.output_kernel
        self.conv_out = Conv(
            config.channels >> len(UPSAMPLING), config.stft_size + 2, kernel, padding=kernel // 2
        )
        self.compiled = True  # compiled code may run the residual blocks; False: torch only
        self._bfloat16: WeightVariants[str, list[Level]] = WeightVariants()
        self._native: WeightVariants[tuple[int, bool], tuple[WeightsState, NativeLevel]] = (
            WeightVariants()
        )
        self._recorded: WeightVariants[Precision, RecordedGenerator] = WeightVariants()
        # See `podtts.vocoder.streaming`.
        self.recorded_extensions: WeightVariants[Precision, RecordedExtension] = WeightVariants()

    @torch.inference_mode()
    def render(
        self, mels: Sequence[Tensor], noise: Sequence[Tensor], precision: Precision = "float32"
    ) -> list[Tensor]:
        """Waveforms of mels.

        mels:      per row float32 [F, 80], natural log.
        noise:     per row float32 [waves, 480*F], standard normal.
        precision: see `wave`.
        returns:   per row float32 [480*F] on the vocoder's device, within ±0.99.
        """
        if batches_rows(self.conv_in.weight.device):
            return self.wave(mels, self.source(self.f0(mels), noise), precision)
        return [
            self.wave([mel], self.source(self.f0([mel]), [row_noise]), precision)[0]
            for mel, row_noise in zip(mels, noise, strict=True)
        ]

    @torch.inference_mode()
    def f0(self, mels: Sequence[Tensor]) -> list[Tensor]:
        """Pitch in Hz, per row float32 [F]; mels as in `render`.

        Row by row: the phase sums up f0 over a whole turn, so the last-bit differences of a batched
        convolution would become large differences of the wave.
        """
        device = self.conv_in.weight.device
        with all_cores(device):
            return [self.f0_predictor(mel.T[None].to(device))[0] for mel in mels]

    @torch.inference_mode()
    def source(self, f0: Sequence[Tensor], noise: Sequence[Tensor]) -> list[Tensor]:
        """Excitation, per row float32 [480*F], for f0 [F] in Hz and noise as in `render`."""
        device = self.conv_in.weight.device
        pitch = pad_sequence([row.to(device) for row in f0], batch_first=True)
        padded_noise = pad_sequence([row.to(device).T for row in noise], batch_first=True)
        with all_cores(device):
            source = self.harmonics(pitch, padded_noise.transpose(1, 2))
        return [row[: len(row_f0) * MEL_HOP] for row, row_f0 in zip(source, f0, strict=True)]

    @torch.inference_mode()
    def wave(
        self, mels: Sequence[Tensor], source: Sequence[Tensor], precision: Precision = "float32"
    ) -> list[Tensor]:
        """Waveform, per row float32 [480*F], for mels [F, 80] and their source [480*F].

        precision: of the convolutions in the residual blocks of all levels but the last, where
                   bfloat16 is audible (docs/performance.md). All else is float32.
        """
        x, frames = self._stack(mels)
        with all_cores(x.device):
            spectra = pad_sequence([self.stft(row.to(x)).T for row in source], batch_first=True)
        recorded = self._recorded_in(precision)
        if recorded is None:
            lengths = None if min(frames) == max(frames) else torch.tensor(frames).to(x.device)
            x = self.generate(x, spectra, lengths, precision)
        else:
            x = recorded.generate(x, spectra, frames)
        with all_cores(x.device):
            return [
                self._istft(row[: count * POSITIONS_PER_FRAME + 1].T).clamp(-MAX_SAMPLE, MAX_SAMPLE)
                for row, count in zip(x, frames, strict=True)
            ]

    def generate(
        self, x: Tensor, spectra: Tensor, lengths: Tensor | None, precision: Precision
    ) -> Tensor:
        """Spectra of waves [B, 120*F + 1, stft_size + 2], see `_istft`.

        x:       mels [B, F, 80]. spectra: of their sources, [B, 120*F + 1, stft_size + 2].
        lengths: frames of each row, integers [B] on the device; None: no row is padded.
        """
        frames = x.shape[1]
        with all_cores(x.device):
            x = masked(self.conv_in(x), _mask(lengths, frames, 1, 0, x))
        rate = 1
        levels = self.levels_in(precision, padded=lengths is not None)
        for (level, native), upsampling in zip(levels, UPSAMPLING, strict=True):
            rate *= upsampling
            x = level(x, spectra, _mask(lengths, frames, rate, int(level.last), x), native)
        with all_cores(x.device):
            out: Tensor = self.conv_out(F.leaky_relu(x))
        return out

    def _recorded_in(self, precision: Precision) -> RecordedGenerator | None:
        """The generator as recordings in a precision; None: the device has none."""
        device = self.conv_in.weight.device
        if not has_graphs(device):
            return None
        if precision not in self._recorded:
            self._recorded[precision] = RecordedGenerator(self, precision, device, Recorder(device))
        return self._recorded[precision]

    def levels_in(
        self, precision: Precision, *, padded: bool = False
    ) -> list[tuple[Level, NativeLevel | None]]:
        """The levels, each with what runs its residual blocks; None: torch.

        precision: with bfloat16, convolutions in the residual blocks of all levels but the last
                   have products in bfloat16, unless torch emulates it.
        padded:    whether rows are padded, which compiled code does not take.
        """
        device = self.conv_in.weight.device
        narrow = precision != "float32" and not emulates_bfloat16(device)
        levels = [level for level in self.levels if isinstance(level, Level)]
        compiled = self.compiled and not padded and not torch.is_grad_enabled()  # nothing learns
        if compiled and all(supports_blocks(level.residual_blocks, device) for level in levels):
            return [
                (level, self._native_level(number, level, narrow and not level.last))
                for number, level in enumerate(levels)
            ]
        if narrow and "levels" not in self._bfloat16:
            *first, last = levels
            self._bfloat16["levels"] = [*map(_in_bfloat16, first), last]
        return [(level, None) for level in (self._bfloat16["levels"] if narrow else levels)]

    def _native_level(self, number: int, level: Level, bfloat16: bool) -> NativeLevel:
        blocks, key = level.residual_blocks, (number, bfloat16)
        state = weights_state(blocks)
        if key not in self._native or self._native[key][0] != state:
            self._native[key] = state, NativeLevel(blocks, bfloat16=bfloat16)
        return self._native[key][1]

    def _stack(self, mels: Sequence[Tensor]) -> tuple[Tensor, list[int]]:
        device = self.conv_in.weight.device
        x = pad_sequence([mel.to(device) for mel in mels], batch_first=True)
        return x, [len(mel) for mel in mels]

    def stft(self, source: Tensor, *, centered: bool = True) -> Tensor:
        """Real parts over imaginary parts, [stft_size + 2, S/4 + 1], for source [S].

        centered: with the source reflected at both ends; otherwise only complete windows count.
        """
        spectrum = torch.stft(
            source,
            self.config.stft_size,
            STFT_HOP,
            window=self.window(source),
            center=centered,
            return_complex=True,
        )
        return torch.cat((spectrum.real, spectrum.imag))

    def frames_of(self, x: Tensor) -> Tensor:
        """Windowed frames [positions, stft_size], which overlap in the wave; x as in `_istft`."""
        frames: Tensor = torch.fft.irfft(_spectrum(x).T, n=self.config.stft_size)
        return frames * self.window(frames)

    def _istft(self, x: Tensor) -> Tensor:
        """Wave [S] for log magnitudes over the sines' arguments, [stft_size + 2, S/4 + 1]."""
        return torch.istft(_spectrum(x), self.config.stft_size, STFT_HOP, window=self.window(x))

    def window(self, like: Tensor) -> Tensor:
        """The window of both transforms, [stft_size]."""
        return torch.hann_window(self.config.stft_size, dtype=like.dtype, device=like.device)


def _spectrum(x: Tensor) -> Tensor:
    log_magnitude, argument = x.chunk(2)
    magnitude = log_magnitude.exp().clamp(max=MAX_MAGNITUDE)
    phase = torch.sin(argument)
    return torch.complex(magnitude * phase.cos(), magnitude * phase.sin())


def _in_bfloat16(level: Level) -> Level:
    """Copy a level, with the convolutions of its residual blocks in bfloat16."""
    level = copy.deepcopy(level)
    for step in level.modules():
        if isinstance(step, ResidualStep):
            step.conv1.to(torch.bfloat16)
            step.conv2.to(torch.bfloat16)
    return level


def _mask(
    lengths: Tensor | None, frames: int, rate: int, extra: int, like: Tensor
) -> Tensor | None:
    """Float [B, frames*rate + extra, 1], 1 on the first lengths*rate + extra; None: no padding."""
    if lengths is None:
        return None
    positions = torch.arange(frames * rate + extra, device=like.device)
    return (positions < lengths[:, None] * rate + extra)[:, :, None].to(like.dtype)
