import json
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from support.golden_data import MODEL
from torch import nn

from podtts.errors import DiskError, ModelError
from podtts.weights.convert import convert_checkpoint
from podtts.weights.load import load_flow, load_vocoder

CONVERTED = ["flow.safetensors", "hift.safetensors"]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODEL, tmp_path / "model"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """Let every write beyond a size fail, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(("part", "load"), [("flow", load_flow), ("hift", load_vocoder)])
def test_converted_weights_equal_the_published_ones(
    checkpoint: Path, part: str, load: Callable[[Path], nn.Module]
) -> None:
    published = load(checkpoint).state_dict()
    assert convert_checkpoint(checkpoint) == [checkpoint / name for name in CONVERTED]
    (checkpoint / f"{part}.pt").unlink()
    converted = load(checkpoint).state_dict()
    assert published.keys() == converted.keys()
    assert all(torch.equal(published[name], converted[name]) for name in published)


def test_weight_norm_is_folded_and_the_source_is_named(checkpoint: Path) -> None:
    convert_checkpoint(checkpoint)
    for part in ("flow", "hift"):
        with safe_open(checkpoint / f"{part}.safetensors", framework="pt") as file:
            assert file.metadata()["converted_from"] == f"{part}.pt"
            names = list(file.keys())
        assert names
        assert not any("parametrizations" in name or "weight_g" in name for name in names)
        assert not any(name.startswith("generator.") for name in names)


def test_existing_files_are_not_changed(checkpoint: Path) -> None:
    convert_checkpoint(checkpoint)
    before = contents(checkpoint)
    assert convert_checkpoint(checkpoint) == []
    (checkpoint / "flow.pt").unlink()  # the converted file is enough
    assert convert_checkpoint(checkpoint) == []
    (checkpoint / "hift.safetensors").unlink()
    assert convert_checkpoint(checkpoint) == [checkpoint / "hift.safetensors"]
    assert contents(checkpoint) == {
        name: content for name, content in before.items() if name != "flow.pt"
    }


def test_tensors_that_share_memory_are_converted(checkpoint: Path) -> None:
    state = torch.load(checkpoint / "flow.pt", weights_only=True)
    state["encoder.embed.out.1.weight"] = state["encoder.embed.out.0.bias"]
    torch.save(state, checkpoint / "flow.pt")
    published = load_flow(checkpoint).state_dict()
    convert_checkpoint(checkpoint)
    converted = load_flow(checkpoint).state_dict()
    assert all(torch.equal(published[name], converted[name]) for name in published)


@pytest.mark.parametrize("part", ["flow", "hift"])
@pytest.mark.parametrize("damage", ["missing", "no pickle", "cut short", "of another model"])
def test_a_part_that_cannot_be_loaded_is_not_converted(
    checkpoint: Path, part: str, damage: str
) -> None:
    source = checkpoint / f"{part}.pt"
    if damage == "missing":
        source.unlink()
    elif damage == "no pickle":
        source.write_bytes(b"not a pickle")
    elif damage == "cut short":
        source.write_bytes(source.read_bytes()[:-1000])
    else:
        torch.save({"weight": torch.zeros(3)}, source)
    with pytest.raises(ModelError) as refused:
        convert_checkpoint(checkpoint)
    assert str(source) in refused.value.problem
    new = {path.name for path in checkpoint.iterdir()} - contents(MODEL).keys()
    assert new <= {"flow.safetensors"} - {f"{part}.safetensors"}


def test_settings_that_contradict_the_weights_are_refused(checkpoint: Path) -> None:
    settings = json.loads((checkpoint / "podtts.json").read_text())
    (checkpoint / "podtts.json").write_text(json.dumps(settings | {"estimator_heads": 3}))
    with pytest.raises(ModelError, match=r"flow\.pt"):
        convert_checkpoint(checkpoint)
    assert not (checkpoint / "flow.safetensors").exists()


def test_a_full_disk_leaves_no_partial_file(checkpoint: Path) -> None:
    before = contents(checkpoint)
    with files_of_at_most(100_000), pytest.raises(DiskError) as refused:
        convert_checkpoint(checkpoint)
    assert refused.value.problem.startswith(
        f"{checkpoint / 'flow.safetensors'} cannot be written: "
    )
    assert contents(checkpoint) == before
