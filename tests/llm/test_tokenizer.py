import json
import shutil
from pathlib import Path

import pytest
from support.golden_data import MODEL, models

from podtts.errors import ModelError
from podtts.llm.tokenizer import _from_transformers, is_token, load_encode, quick_encode


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODEL, tmp_path / "model"))


def test_ids_are_those_of_transformers() -> None:
    ours, theirs = models().template.encode, _from_transformers(MODEL)
    for text in ["Hello  there.", "我love你podcast.", "<|SPEAKER_0|>a<|sigh|> b", "  x \n y "]:
        assert ours(text) == theirs(text)


def test_a_tag_is_one_id_and_an_unknown_one_is_not() -> None:
    encode = models().template.encode
    assert is_token(encode, "<|laughter|>")
    assert not is_token(encode, "<|giggle|>")


def test_tokens_that_only_the_config_adds_need_transformers(checkpoint: Path) -> None:
    assert quick_encode(checkpoint) is not None
    path = checkpoint / "tokenizer_config.json"
    config = json.loads(path.read_text())
    config["added_tokens_decoder"]["999"] = {"content": "<|only_here|>"}
    path.write_text(json.dumps(config))
    assert quick_encode(checkpoint) is None
    (checkpoint / "tokenizer.json").unlink()
    assert quick_encode(checkpoint) is None


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
def test_a_damaged_tokenizer_file_is_named(checkpoint: Path, name: str) -> None:
    (checkpoint / name).write_text("{")
    with pytest.raises(ModelError, match=f"{name} cannot be read"):
        load_encode(checkpoint)
