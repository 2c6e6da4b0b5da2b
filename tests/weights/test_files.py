import json
import shutil
from pathlib import Path

import pytest
from support.golden_data import MODEL

from podtts.errors import ModelError
from podtts.weights.files import check_directory, missing_files, read_json


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODEL, tmp_path / "model"))


def test_missing_files_are_named_with_their_alternatives(checkpoint: Path) -> None:
    assert missing_files(checkpoint) == []
    (checkpoint / "flow.pt").rename(checkpoint / "flow.safetensors")
    assert missing_files(checkpoint) == []
    (checkpoint / "flow.safetensors").unlink()
    (checkpoint / "config.json").unlink()
    assert missing_files(checkpoint) == ["config.json", "flow.safetensors or flow.pt"]
    with pytest.raises(ModelError, match=r"lacks config\.json, flow\.safetensors or flow\.pt"):
        check_directory(checkpoint)


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("")
    with pytest.raises(ModelError, match="model is not a folder"):
        check_directory(tmp_path / "model")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "is missing"),
        ("{", "cannot be read"),
        (json.dumps([1]), "does not hold a JSON object"),
    ],
)
def test_bad_json_is_named(tmp_path: Path, text: str | None, problem: str) -> None:
    path = tmp_path / "config.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ModelError, match=f"config.json {problem}"):
        read_json(path)
