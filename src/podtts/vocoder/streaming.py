"""The vocoder for mels that come in parts: every layer goes on where it ended.

No layer computes a position twice, and none cross-fades. A layer that sees later positions waits
for them: a convolution of kernel 7 is 3 positions behind its input. So the wave is
`HELD_BACK_FRAMES` behind the mel, and equals that of the whole mel.

`last` says that no more positions will come: then, as at the end of a whole mel, there are zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from podtts.device.cpu_cores import all_cores
from podtts.device.cuda_graph import Recorder
from podtts.device.placement import has_graphs
from podtts.nn.carried import Carried, States
from podtts.nn.convolution import Conv, TransposedConv
from podtts.options import Precision
from podtts.rates import MEL_HOP
from podtts.vocoder.f0 import F0Predictor
from podtts.vocoder.hift import (
    LEAK,
    MAX_SAMPLE,
    STFT_HOP,
    Level,
    Vocoder,
)
from podtts.vocoder.native_level import NativeLevel
from podtts.vocoder.recorded_extension import RecordedExtension
from podtts.vocoder.residual import ResidualBlock, ResidualStep
from podtts.vocoder.source import HarmonicSource

HELD_BACK_FRAMES = 20  # with the kernels of the published sizes; a test perturbs later frames


@dataclass(frozen=True, eq=False)
class VocoderState:
    """What the vocoder keeps of a mel so far. It is never changed."""

    layers: States | None = None  # None: the mel begins


@torch.inference_mode()
def extend(
    vocoder: Vocoder,
    state: VocoderState,
    mel: Tensor,
    noise: Tensor,
    precision: Precision,
    *,
    last: bool,
) -> tuple[Tensor, VocoderState]:
    """Samples that the next part of a mel completes, and the state behind it.

    mel:       float32 [F, 80], natural log, possibly without frames.
    noise:     float32 [waves, 480*F], standard normal.
    precision: see `Vocoder.wave`; it may differ from that of the parts before.
    last:      no more frames will come: all samples are completed.
    returns:   float32 [S] on the vocoder's device, within ±0.99.
    """
    device = vocoder.conv_in.weight.device
    mel, noise = mel.to(device), noise.to(device)
    if last or not has_graphs(device):  # the last part has any length
        wave, layers = _extend(vocoder, state.layers, mel, noise, precision, last=last)
    else:
        wave, layers = _recorded(vocoder, precision)(mel, noise, state.layers)
    return wave, VocoderState(layers)


def _recorded(vocoder: Vocoder, precision: Precision) -> RecordedExtension:
    def extend(mel: Tensor, noise: Tensor, before: States | None) -> tuple[Tensor, States]:
        return _extend(vocoder, before, mel, noise, precision, last=False)

    if precision not in vocoder.recorded_extensions:
        device = vocoder.conv_in.weight.device
        recorded = RecordedExtension(extend, device, Recorder(device))
        vocoder.recorded_extensions[precision] = recorded
    return vocoder.recorded_extensions[precision]


def _extend(
    vocoder: Vocoder,
    before: States | None,
    mel: Tensor,
    noise: Tensor,
    precision: Precision,
    *,
    last: bool,
) -> tuple[Tensor, States]:
    carried = Carried(before)
    x = mel[None]
    with all_cores(x.device):
        f0 = _extend_f0(vocoder.f0_predictor, x, carried, last=last)
        numbers = noise[None].transpose(1, 2)
        source = _extend_source(vocoder.harmonics, f0, numbers, carried, last=last)
        spectra = _extend_stft(vocoder, source, carried, last=last)
        x = _extend_conv(vocoder.conv_in, x, carried, last=last)
    for level, native in vocoder.levels_in(precision):
        x = _extend_level(level, native, x, spectra, carried, last=last)
    with all_cores(x.device):
        x = _extend_conv(vocoder.conv_out, F.leaky_relu(x), carried, last=last)
        wave = _extend_istft(vocoder, x, carried, last=last).clamp(-MAX_SAMPLE, MAX_SAMPLE)
    return wave, carried.after


def _extend_f0(predictor: F0Predictor, mel: Tensor, carried: Carried, *, last: bool) -> Tensor:
    """f0 in Hz [1, F] of the frames that are complete."""
    x = mel
    for conv in predictor.convs:
        assert isinstance(conv, nn.Conv1d)

        def convolve(part: Tensor, conv: nn.Conv1d = conv) -> Tensor:
            y = F.conv1d(part.transpose(1, 2), conv.weight, conv.bias)
            return F.elu(y).transpose(1, 2)

        x = _extend_windows(conv, convolve, x, carried, last=last)
    f0: Tensor = predictor.linear(x).squeeze(2).abs()
    return f0


def _extend_source(
    harmonics: HarmonicSource, f0: Tensor, noise: Tensor, carried: Carried, *, last: bool
) -> Tensor:
    """Excitation [1, S] of the samples that are complete; noise [1, S, waves]."""
    phase = _extend_phase(harmonics, f0, carried, last=last).transpose(1, 2)
    voiced = harmonics.voiced(f0).repeat_interleave(MEL_HOP, dim=1)[:, :, None]
    streams = carried.in_step(phase, voiced, noise)
    return harmonics.excitation(*(stream.transpose(1, 2) for stream in streams))


def _extend_phase(harmonics: HarmonicSource, f0: Tensor, carried: Carried, *, last: bool) -> Tensor:
    """Phases [1, waves, S] up to the middle of the last frame, whose other half needs the next."""
    turns = harmonics.turns_per_sample(f0)
    (total,) = carried.take(turns[:, :, :0])  # summed up to the last frame before
    sums = torch.cat((total, turns), dim=2).cumsum(dim=2)
    carried.keep(sums[:, :, -1:])
    frames = sums.shape[2]
    if not frames:
        return f0.new_zeros(1, harmonics.waves, 0)
    first = total.shape[2] * MEL_HOP // 2
    stop = frames * MEL_HOP - (0 if last else MEL_HOP // 2)
    return harmonics.phase_between(sums).to(f0.device)[:, :, first:stop]


def _extend_stft(vocoder: Vocoder, source: Tensor, carried: Carried, *, last: bool) -> Tensor:
    """Spectra [1, positions, stft_size + 2] of the source [1, S], reflected at both ends."""
    half = vocoder.config.stft_size // 2
    waiting, begun = carried.take(source[:, :0], False)
    x = torch.cat((waiting, source), dim=1)
    if not begun and x.shape[1] > half:
        x, begun = torch.cat((x[:, 1 : half + 1].flip(1), x), dim=1), True
    if not begun:
        carried.keep(x, begun)
        return x.new_zeros(1, 0, vocoder.config.stft_size + 2)
    if last:
        x = torch.cat((x, x[:, -half - 1 : -1].flip(1)), dim=1)
    frames = max(0, (x.shape[1] - vocoder.config.stft_size) // STFT_HOP + 1)
    carried.keep(x[:, frames * STFT_HOP :], begun)
    if not frames:
        return x.new_zeros(1, 0, vocoder.config.stft_size + 2)
    windows = x[0, : (frames - 1) * STFT_HOP + vocoder.config.stft_size]
    return vocoder.stft(windows, centered=False).T[None]


def _extend_level(
    level: Level,
    native: NativeLevel | None,
    x: Tensor,
    source: Tensor,
    carried: Carried,
    *,
    last: bool,
) -> Tensor:
    with all_cores(x.device):
        x = _extend_transposed(level.up, F.leaky_relu(x, LEAK), carried, last=last)
        if level.last:
            x = _reflected_once(x, carried)
        source = _extend_conv(level.source_down, source, carried, last=last)
        if native is None:
            return _extend_blocks(level.residual_blocks, x, source, carried, last=last)
    return native.extend(x, source, carried, last=last)


def _extend_blocks(
    blocks: Sequence[ResidualBlock], x: Tensor, source: Tensor, carried: Carried, *, last: bool
) -> Tensor:
    source_block, *others = blocks
    source = _extend_block(source_block, source, carried, last=last)
    x, source = carried.in_step(x, source)
    x = x + source
    outputs = [_extend_block(block, x, carried, last=last) for block in others]
    total, *rest = carried.in_step(*outputs)
    for output in rest:
        total = total + output
    return total.div_(len(outputs))


def _reflected_once(x: Tensor, carried: Carried) -> Tensor:
    """x with its second position in front of the first, at the beginning."""
    waiting, begun = carried.take(x[:, :0], False)
    x = torch.cat((waiting, x), dim=1)
    if not begun and x.shape[1] > 1:
        x, begun = torch.cat((x[:, 1:2], x), dim=1), True
    carried.keep(x[:, :0] if begun else x, begun)
    return x if begun else x[:, :0]


def _extend_block(block: ResidualBlock, x: Tensor, carried: Carried, *, last: bool) -> Tensor:
    for step in block.steps:
        assert isinstance(step, ResidualStep)
        y = _extend_conv(step.conv1, step.snake1(x), carried, last=last)
        y = _extend_conv(step.conv2, step.snake2(y), carried, last=last)
        y, x = carried.in_step(y, x)
        x = y + x
    return x


def _extend_conv(conv: Conv, x: Tensor, carried: Carried, *, last: bool) -> Tensor:
    return _extend_windows(conv, lambda part: conv.with_padding(part, 0), x, carried, last=last)


def _extend_windows(
    conv: nn.Conv1d,
    convolve: Callable[[Tensor], Tensor],
    x: Tensor,
    carried: Carried,
    *,
    last: bool,
) -> Tensor:
    """Outputs of a zero-padded convolution whose inputs are all there; x [1, positions, channels].

    convolve: without padding.
    """
    padding, stride = int(conv.padding[0]), conv.stride[0]
    size = conv.dilation[0] * (conv.kernel_size[0] - 1) + 1
    (waiting,) = carried.take(x.new_zeros(1, padding, x.shape[2]))
    x = torch.cat((waiting, x), dim=1)
    if last:
        x = F.pad(x, (0, 0, 0, padding))
    outputs = max(0, (x.shape[1] - size) // stride + 1)
    carried.keep(x[:, outputs * stride :])
    if not outputs:
        return x.new_zeros(1, 0, conv.out_channels)
    return convolve(x[:, : (outputs - 1) * stride + size])


def _extend_transposed(conv: TransposedConv, x: Tensor, carried: Carried, *, last: bool) -> Tensor:
    """Outputs of a transposed convolution whose inputs are all there; x as above."""
    size, stride, padding = conv.kernel_size[0], conv.stride[0], int(conv.padding[0])
    context = -(-size // stride) - 1  # earlier inputs that an output sees
    before, cut = carried.take(x[:, :0], padding)
    inputs = torch.cat((before, x), dim=1)
    first, stop = before.shape[1] * stride, inputs.shape[1] * stride
    if last:
        stop += size - stride - padding
    whole = conv.with_padding(inputs, 0) if inputs.shape[1] else inputs.new_zeros(1, 0, 0)
    y = whole[:, first:stop] if stop > first else x.new_zeros(1, 0, conv.out_channels)
    cut_now = min(cut, y.shape[1])
    carried.keep(inputs[:, max(0, inputs.shape[1] - context) :], cut - cut_now)
    return y[:, cut_now:]


def _extend_istft(vocoder: Vocoder, x: Tensor, carried: Carried, *, last: bool) -> Tensor:
    """Samples [S] of spectra x [1, positions, stft_size + 2], overlapped and added."""
    size = vocoder.config.stft_size
    overlap = size - STFT_HOP
    wave, weight, cut = carried.take(x.new_zeros(overlap), x.new_zeros(overlap), size // 2)
    frames = vocoder.frames_of(x[0].T) if x.shape[1] else x.new_zeros(0, size)
    squares = vocoder.window(x).square().expand_as(frames)
    wave, weight = _overlapped(frames, wave), _overlapped(squares, weight)
    stop = len(wave) - (size // 2 if last else overlap)
    samples = wave[:stop] / weight[:stop]
    cut_now = min(cut, len(samples))
    carried.keep(wave[stop:], weight[stop:], cut - cut_now)
    return samples[cut_now:]


def _overlapped(frames: Tensor, before: Tensor) -> Tensor:
    """Add up frames [positions, size], each a hop behind the one before, and `before`."""
    count, size = frames.shape
    total = before.new_zeros(count * STFT_HOP + size - STFT_HOP)
    for offset in range(0, size, STFT_HOP):
        part = frames[:, offset : offset + STFT_HOP].reshape(-1)
        total[offset : offset + len(part)] += part
    total[: len(before)] += before
    return total
