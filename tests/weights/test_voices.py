import hashlib
import shutil
from pathlib import Path

import pytest
from support.golden_data import MODEL, tensors

from podtts.errors import ModelError, ScriptError
from podtts.hub.bundled import bundled_model
from podtts.prompts.lookup import StoredPrompt
from podtts.script.cast import cast_voices
from podtts.script.parse import parse_script
from podtts.weights.voices import checkpoint_encoders, checkpoint_voices

SCRIPT = parse_script("[anna] Hello.\n")
[ANNA] = cast_voices(SCRIPT, {})


def test_bundled_voices_belong_to_the_bundled_model(tmp_path: Path) -> None:
    bundled = checkpoint_voices(bundled_model(), tmp_path, None, pytest.fail)
    source = bundled.find(SCRIPT, ANNA)
    assert isinstance(source, StoredPrompt)
    assert source.voice.name == "anna"
    other = checkpoint_voices(MODEL, tmp_path, None, pytest.fail)
    with pytest.raises(ScriptError, match="no voice 'anna' is prepared"):
        other.find(SCRIPT, ANNA)


def test_an_incomplete_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="lacks"):
        checkpoint_voices(tmp_path, tmp_path / "cache", None, pytest.fail)


def test_the_encoders_are_those_of_the_folder() -> None:
    encoders = checkpoint_encoders(MODEL)
    files = (MODEL / "speech_tokenizer_v2.onnx", MODEL / "campplus.onnx")
    both = b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files)
    assert encoders.digest == hashlib.sha256(both).hexdigest()
    golden = tensors("prompt_a_24k_mono")
    assert encoders.speech_tokens(golden["log_mel_16k"]).equal(golden["speech_tokens"])


@pytest.mark.parametrize("name", ["speech_tokenizer_v2.onnx", "campplus.onnx"])
def test_a_missing_encoder_is_named(tmp_path: Path, name: str) -> None:
    checkpoint = Path(shutil.copytree(MODEL, tmp_path / "model"))
    (checkpoint / name).unlink()
    with pytest.raises(ModelError, match="is missing") as refused:
        checkpoint_encoders(checkpoint)
    assert str(checkpoint / name) in refused.value.problem


def test_encoders_are_loaded_at_their_first_use(tmp_path: Path) -> None:
    for name in ("speech_tokenizer_v2.onnx", "campplus.onnx"):
        (tmp_path / name).write_bytes(b"not a network")
    encoders = checkpoint_encoders(tmp_path)
    with pytest.raises(ModelError, match="cannot be loaded"):
        encoders.speech_tokens(tensors("prompt_a_24k_mono")["log_mel_16k"])
