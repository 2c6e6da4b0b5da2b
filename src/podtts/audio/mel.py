"""Spectral features of a wave: the inputs of the two prompt encoders and of the flow.

Source: openai/whisper audio.py (log-mel), Kaldi (filter bank), jik876/hifi-gan meldataset.py (mel
of the flow), with the parameters of Soul-AILab/SoulX-Podcast.
"""

from functools import lru_cache

import torch
from torch import Tensor

from podtts.audio import lazy_torchaudio
from podtts.rates import ENCODER_HZ, MEL_BINS, MEL_FRAMES_PER_TOKEN, MEL_HOP, OUTPUT_HZ, exact_div

_TOP_HZ = 8000.0  # of both mel filter banks

_LOG_MEL_BINS = 128
_LOG_MEL_WINDOW = 400  # samples at ENCODER_HZ
_LOG_MEL_HOP = 160
_LOG_MEL_FLOOR = 1e-10
_LOG_MEL_DECADES = 8.0  # range below the loudest bin; lower values are raised to its end

_MEL_WINDOW = 1920  # samples at OUTPUT_HZ
_MEL_PADDING = exact_div(_MEL_WINDOW - MEL_HOP, 2)
_MEL_POWER_FLOOR = 1e-9
_MEL_FLOOR = 1e-5


@lru_cache
def _mel_filters(window: int, mels: int, rate_hz: int) -> Tensor:
    """Return the Slaney filter bank [mels, window // 2 + 1]. It is shared: do not modify it."""
    filters: Tensor = lazy_torchaudio.functional().melscale_fbanks(
        n_freqs=window // 2 + 1,
        f_min=0.0,
        f_max=_TOP_HZ,
        n_mels=mels,
        sample_rate=rate_hz,
        norm="slaney",
        mel_scale="slaney",
    )
    return filters.T.contiguous()


def log_mel_16k(wave: Tensor) -> Tensor:
    """Return the input of the speech tokenizer.

    wave:    float32 [S] at 16 kHz, volume normalized, S > 200.
    returns: float32 [128, S // 160], 100 frames per second, scaled log10.
    """
    spectrum = torch.stft(
        wave,
        _LOG_MEL_WINDOW,
        hop_length=_LOG_MEL_HOP,
        window=torch.hann_window(_LOG_MEL_WINDOW),
        return_complex=True,
    )
    power = spectrum[:, :-1].abs().square()
    mel = _mel_filters(_LOG_MEL_WINDOW, _LOG_MEL_BINS, ENCODER_HZ) @ power
    log_mel = mel.clamp(min=_LOG_MEL_FLOOR).log10()
    log_mel = torch.maximum(log_mel, log_mel.max() - _LOG_MEL_DECADES)
    return (log_mel + 4.0) / 4.0


def fbank_16k(wave: Tensor) -> Tensor:
    """Return the input of the speaker encoder.

    wave:    float32 [S] at 16 kHz, volume normalized, S >= 400.
    returns: float32 [frames, 80], 100 frames per second, each bin with mean 0 over time.
    """
    fbank: Tensor = lazy_torchaudio.kaldi().fbank(
        wave[None], num_mel_bins=MEL_BINS, dither=0.0, sample_frequency=float(ENCODER_HZ)
    )
    return fbank - fbank.mean(dim=0, keepdim=True)


def mel_24k(wave: Tensor) -> Tensor:
    """Return the mel spectrogram that the flow continues.

    wave:    float32 [S] at 24 kHz, volume normalized, S > 720.
    returns: float32 [F, 80], 50 frames per second, natural log; F is even, as two frames belong to
             each speech token.
    """
    padded = torch.nn.functional.pad(wave[None], (_MEL_PADDING, _MEL_PADDING), mode="reflect")[0]
    spectrum = torch.stft(
        padded,
        _MEL_WINDOW,
        hop_length=MEL_HOP,
        window=torch.hann_window(_MEL_WINDOW),
        center=False,
        return_complex=True,
    )
    magnitude = (torch.view_as_real(spectrum).square().sum(-1) + _MEL_POWER_FLOOR).sqrt()
    mel = _mel_filters(_MEL_WINDOW, MEL_BINS, OUTPUT_HZ) @ magnitude
    frames = mel.shape[1] - mel.shape[1] % MEL_FRAMES_PER_TOKEN
    return mel[:, :frames].clamp(min=_MEL_FLOOR).log().T.contiguous()
