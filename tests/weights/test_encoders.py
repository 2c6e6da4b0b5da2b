import hashlib
import shutil
from pathlib import Path

import pytest
from support.golden_data import MODEL, tensors

from podtts.errors import ModelError
from podtts.weights.encoders import checkpoint_encoders


def test_the_encoders_are_those_of_the_folder() -> None:
    encoders = checkpoint_encoders(MODEL)
    files = (MODEL / "speech_tokenizer_v2.onnx", MODEL / "campplus.onnx")
    both = b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files)
    assert encoders.digest == hashlib.sha256(both).hexdigest()
    golden = tensors("prompt_a_24k_mono")
    assert encoders.speech_tokens(golden["log_mel_16k"]).equal(golden["speech_tokens"])


@pytest.mark.parametrize("name", ["speech_tokenizer_v2.onnx", "campplus.onnx"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    shutil.copytree(MODEL, tmp_path / "model")
    (tmp_path / "model" / name).unlink()
    with pytest.raises(ModelError, match="is missing") as refused:
        checkpoint_encoders(tmp_path / "model")
    assert str(tmp_path / "model" / name) in refused.value.problem


def test_nothing_is_loaded_before_it_is_used(tmp_path: Path) -> None:
    for name in ("speech_tokenizer_v2.onnx", "campplus.onnx"):
        (tmp_path / name).write_bytes(b"not a network")
    encoders = checkpoint_encoders(tmp_path)
    with pytest.raises(ModelError, match="cannot be loaded"):
        encoders.speech_tokens(tensors("prompt_a_24k_mono")["log_mel_16k"])
