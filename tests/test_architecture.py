"""The shape of the code base, held by walking its imports."""

import ast
import functools
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "podtts"
FILES = sorted(SOURCE.rglob("*.py"))

LAYERS = {  # a file imports from its own room and from lower layers, never from beside or above
    "errors": 0,
    "deprecation": 0,
    "telemetry": 0,
    "rates": 1,
    "options": 1,
    "native": 1,
    "nn": 1,
    "storage": 1,
    "text": 1,
    "values": 2,
    "device": 2,
    "audio": 2,
    "hub": 2,
    "presets": 3,
    "ears": 3,
    "script": 3,
    "llm": 3,
    "flow": 3,
    "vocoder": 3,
    "prompts": 4,
    "publish": 4,
    "weights": 5,
    "engine": 6,
    "pipeline": 7,
    "episode": 7,
    "batch": 8,
    "bench": 9,
    "serve": 9,
    "cli": 10,
    "__init__": 10,
    "__main__": 11,
}
LOOSE = {"__init__", "__main__"}  # in the root beside the modules that are rooms of their own


@functools.cache  # every library looks at every file
def imports(path: Path) -> set[str]:
    """Every module a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module
            found.add(node.module)
    return found


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def within(path: Path, places: set[str]) -> bool:
    relative = str(path.relative_to(SOURCE))
    return any(relative == place or relative.startswith(place + "/") for place in places)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_arrows_go_one_way(path: Path) -> None:
    here = room(path)
    for module in imports(path):
        if not module.startswith("podtts."):
            continue
        there = module.split(".")[1]
        if there == here:
            continue
        assert LAYERS[there] < LAYERS[here], f"{here} imports {module}"


def test_every_room_has_a_layer() -> None:
    assert {room(path) for path in FILES} == set(LAYERS)


def test_the_root_has_few_modules() -> None:
    assert len([path for path in FILES if path.parent == SOURCE and path.stem not in LOOSE]) <= 8


OWNERS = {
    "typer": {"cli"},
    "rich": {"cli", "bench/report.py"},
    "soundfile": {"audio"},
    "torchaudio": {"audio"},
    "onnxruntime": {"prompts/encoders.py", "llm/onnx_layers.py", "device", "cli/doctor.py"},
    "onnx": {"llm/onnx_layers.py"},
    "soxr": {"audio"},
    "av": {"audio"},
    "c2pa": {"publish/content_credentials.py"},
    "cryptography": {"publish/content_credentials.py"},
    "pocketsphinx": {"bench/recognizer.py"},
    "distillmos": {"bench/naturalness.py"},
    "faster_whisper": {"ears/whisper.py"},
    "pyloudnorm": {"audio/loudness.py"},
    "python_stretch": {"audio/stretch.py"},
    "pysubs2": {"publish/subtitles.py"},
    "huggingface_hub": {"hub"},
    "ctypes": {"native", "device/memory.py"},
    "ray": {"batch/ray_workers.py"},
    "triton": {"llm/kernels", "device/triton_kernels.py", "device/probe_kernel.py"},
    "fastapi": {"serve"},
    "starlette": {"serve"},
    "pydantic": {"serve/bodies.py"},
    "uvicorn": {"serve/lifetime.py"},
    "prometheus_client": {"serve/metrics.py"},
    "transformers": {"llm/tokenizer.py", "bench"},
}


@pytest.mark.parametrize("library", OWNERS)
def test_libraries_have_one_room(library: str) -> None:
    for path in FILES:
        used = any(module.split(".")[0] == library for module in imports(path))
        assert not used or within(path, OWNERS[library]), f"{path} imports {library}"


@pytest.mark.parametrize(
    ("pattern", "places"),
    [
        (r"os\.environ|getenv", {"cli", "telemetry.py", "native/choice.py"}),
        (r"[\"']cuda|[\"']mps|\.cuda\(", {"device/placement.py"}),
        (
            r"\.cuda\b",
            {
                "device/placement.py",
                "device/cuda_graph.py",
                "device/cuda_stream.py",
                "llm/kernels",  # triton.language.extra.cuda
            },
        ),
        (r"except (Base)?Exception", {"cli/app.py", "llm/tokenizer.py", "ears/whisper.py"}),
        (r"\bTODO\b|\bFIXME\b|raise NotImplementedError", set()),
    ],
)
def test_words_have_one_room(pattern: str, places: set[str]) -> None:
    for path in FILES:
        if re.search(pattern, path.read_text()):
            assert within(path, places), f"{path} has {pattern}"


def test_files_are_small() -> None:
    assert [str(path) for path in FILES if len(path.read_text().splitlines()) > 350] == []
