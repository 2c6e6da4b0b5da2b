"""The shape of the code base, held by walking its imports."""

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "podtts"
FILES = sorted(SOURCE.rglob("*.py"))

LAYERS = {  # a file may import from its own layer's neighbours named here and from lower layers
    "errors": 0,
    "rates": 0,
    "values": 0,
    "options": 0,
    "presets": 1,
    "randomness": 0,
    "device": 0,
    "device_graph": 0,
    "device_stream": 0,
    "embedding": 0,
    "native": 0,
    "heap": 0,
    "convolution": 0,
    "abandon": 0,
    "cores": 0,
    "made": 0,
    "storage": 0,
    "text": 0,
    "audio": 0,
    "script": 1,
    "prompts": 1,
    "llm": 1,
    "flow": 1,
    "vocoder": 1,
    "weights": 2,
    "publish": 2,
    "sources": 2,
    "casting": 3,
    "identity": 3,
    "kept": 3,
    "ensemble": 3,
    "checks": 1,
    "journal": 4,
    "fit": 3,
    "rendering": 3,
    "speaking": 3,
    "opening": 3,
    "backstage": 3,
    "pipeline": 3,
    "bench": 4,
    "batch": 5,
    "cli": 6,
    "__init__": 6,
    "__main__": 7,
}


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
        assert LAYERS[there] <= LAYERS[here], f"{here} imports {module}"
        both_stages = LAYERS[here] == LAYERS[there] == 1
        assert not both_stages, f"stage folders do not know each other: {here} imports {module}"


OWNERS = {
    "typer": {"cli"},
    "rich": {"cli", "bench/report.py"},
    "soundfile": {"audio"},
    "torchaudio": {"audio"},
    "onnxruntime": {"prompts/encoders.py", "llm/layer_graph.py", "device.py", "cli/doctor.py"},
    "onnx": {"llm/layer_graph.py"},
    "soxr": {"audio"},
    "pocketsphinx": {"bench/recognizer.py"},
    "pyloudnorm": {"audio/loudness.py"},
    "python_stretch": {"audio/stretch.py"},
    "pysubs2": {"publish/subtitles.py"},
    "huggingface_hub": {"weights"},
    "ctypes": {"native", "heap.py"},
    "ray": {"batch/ray_workers.py"},
    "transformers": {"llm/tokenizer.py", "bench"},
    "wetext": {"text/in_words.py"},
}


@pytest.mark.parametrize("library", OWNERS)
def test_libraries_have_one_room(library: str) -> None:
    for path in FILES:
        used = any(module.split(".")[0] == library for module in imports(path))
        assert not used or within(path, OWNERS[library]), f"{path} imports {library}"


@pytest.mark.parametrize(
    ("pattern", "places"),
    [
        (r"os\.environ|getenv", {"cli"}),
        (r"[\"']cuda|[\"']mps|\.cuda\(", {"device.py"}),
        (r"\.cuda\b", {"device.py", "device_graph.py", "device_stream.py"}),
        (r"except (Base)?Exception", {"cli/app.py", "llm/tokenizer.py"}),
        (r"\bTODO\b|\bFIXME\b|raise NotImplementedError", set()),
    ],
)
def test_words_have_one_room(pattern: str, places: set[str]) -> None:
    for path in FILES:
        if re.search(pattern, path.read_text()):
            assert within(path, places), f"{path} has {pattern}"


def test_files_are_small() -> None:
    assert [str(path) for path in FILES if len(path.read_text().splitlines()) > 350] == []
