"""Computes the prompt of a speaker from a recording."""

from dataclasses import dataclass

from torch import Tensor

from podtts.audio.io import Recording, can_resample, resample
from podtts.audio.mel import fbank_16k, log_mel_16k, mel_24k
from podtts.audio.strict_decoding import PROMPT_ADVICE, conversion_hint
from podtts.audio.volume_normalization import SILENT_PEAK, normalize_volume
from podtts.errors import AudioError
from podtts.prompts.encoders import PromptEncoders
from podtts.rates import (
    ENCODER_HZ,
    MAX_PROMPT_SECONDS,
    MEL_FRAMES_PER_TOKEN,
    MIN_PROMPT_SECONDS,
    OUTPUT_HZ,
)
from podtts.values import PromptFeatures


@dataclass(frozen=True, eq=False)  # tensors have no truth value to compare
class PromptInputs:
    """The spectral features of a recording: the inputs of the encoders and of the flow."""

    log_mel_16k: Tensor  # float32 [128, frames], 100 per second
    fbank_16k: Tensor  # float32 [frames, 80], 100 per second
    mel_24k: Tensor  # float32 [F, 80], F even


def extract_prompt(recording: Recording, encoders: PromptEncoders) -> PromptFeatures:
    """Return the features of a recording that the model needs.

    Raises AudioError when the recording is not usable, ModelError when an encoder fails.
    Source: Soul-AILab/SoulX-Podcast soulxpodcast/utils/dataloader.py and models/soulxpodcast.py.
    """
    inputs = prompt_inputs(recording)
    tokens = encoders.speech_tokens(inputs.log_mel_16k)
    embedding = encoders.speaker_embedding(inputs.fbank_16k)
    # The two branches round the length of the recording differently: use the shorter one.
    count = min(len(tokens), len(inputs.mel_24k) // MEL_FRAMES_PER_TOKEN)
    return PromptFeatures(tokens[:count], inputs.mel_24k[: MEL_FRAMES_PER_TOKEN * count], embedding)


def prompt_inputs(recording: Recording) -> PromptInputs:
    """Return the spectral features of a recording, whose volume is normalized at each rate.

    Raises AudioError when it is silent, shorter than 1 s or longer than 30 s.
    """
    _check(recording)
    wave, rate_hz = recording.wave, recording.rate_hz
    wave_16k = normalize_volume(resample(wave, rate_hz, ENCODER_HZ))
    wave_24k = resample(normalize_volume(wave), rate_hz, OUTPUT_HZ)
    return PromptInputs(log_mel_16k(wave_16k), fbank_16k(wave_16k), mel_24k(wave_24k))


def _check(recording: Recording) -> None:
    wave, rate_hz, hint = recording.wave, recording.rate_hz, PROMPT_ADVICE
    if recording.seconds < MIN_PROMPT_SECONDS:
        problem = f"is {recording.seconds:.2f} s long, shorter than {MIN_PROMPT_SECONDS:g} s"
    elif recording.seconds > MAX_PROMPT_SECONDS:
        problem = f"is {recording.seconds:.2f} s long, longer than {MAX_PROMPT_SECONDS:g} s"
    elif (wave.max() - wave.min()) / 2 < SILENT_PEAK:  # a DC offset alone is silence
        problem = "is silent"
    elif not (can_resample(rate_hz, ENCODER_HZ) and can_resample(rate_hz, OUTPUT_HZ)):
        problem = f"has a sample rate of {rate_hz} Hz, which is not supported"
        hint = conversion_hint(recording.source)
    else:
        return
    raise AudioError(recording.source, problem, hint)
