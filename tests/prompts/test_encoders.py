import hashlib
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from podtts.errors import ModelError
from podtts.prompts.encoders import PromptEncoders


@pytest.mark.parametrize("name", ["a_24k_mono", "b_44k_stereo", "c_16k_quiet"])
def test_outputs_agree_with_the_published_code(
    name: str, golden: Path, encoders: PromptEncoders
) -> None:
    published = load_file(golden / f"prompt_{name}.safetensors")
    tokens = encoders.speech_tokens(published["log_mel_16k"])
    assert tokens.dtype == torch.int32
    assert torch.equal(tokens, published["speech_tokens"])
    embedding = encoders.speaker_embedding(published["fbank_16k"])
    assert embedding.dtype == torch.float32
    error = (embedding - published["speaker_embedding"]).norm()
    assert error < 1e-5 * published["speaker_embedding"].norm()


def test_the_digest_is_over_both_files_in_order(golden: Path, encoders: PromptEncoders) -> None:
    tokenizer, speaker = (
        golden / "model" / name for name in ("speech_tokenizer_v2.onnx", "campplus.onnx")
    )
    both = b"".join(hashlib.sha256(path.read_bytes()).digest() for path in (tokenizer, speaker))
    assert encoders.digest == hashlib.sha256(both).hexdigest()
    assert PromptEncoders(speaker, tokenizer).digest != encoders.digest


def test_one_changed_byte_changes_the_digest(
    golden: Path, tmp_path: Path, encoders: PromptEncoders
) -> None:
    model = Path(shutil.copytree(golden / "model", tmp_path / "model"))
    changed = bytearray((model / "campplus.onnx").read_bytes())
    changed[-1] ^= 1
    (model / "campplus.onnx").write_bytes(changed)
    other = PromptEncoders(model / "speech_tokenizer_v2.onnx", model / "campplus.onnx")
    assert other.digest != encoders.digest


def test_a_missing_file_is_reported_when_it_is_needed(golden: Path, tmp_path: Path) -> None:
    missing = tmp_path / "campplus.onnx"
    encoders = PromptEncoders(golden / "model" / "speech_tokenizer_v2.onnx", missing)
    assert len(encoders.speech_tokens(torch.zeros(128, 100))) > 0
    with pytest.raises(ModelError, match=f"{missing}: there is no such file"):
        encoders.speaker_embedding(torch.zeros(98, 80))
    with pytest.raises(ModelError, match=f"{missing}: cannot be read"):
        encoders.digest  # noqa: B018 (reading it is the test)


@pytest.mark.parametrize("end", [0, 100, -1])
def test_a_damaged_file_is_reported(
    golden: Path, tmp_path: Path, encoders: PromptEncoders, end: int
) -> None:
    complete = (golden / "model" / "speech_tokenizer_v2.onnx").read_bytes()
    broken = tmp_path / "speech_tokenizer_v2.onnx"
    broken.write_bytes(complete[:end])
    with pytest.raises(ModelError) as caught:
        PromptEncoders(broken, broken).speech_tokens(torch.zeros(128, 100))
    assert caught.value.problem.startswith(f"{broken}: cannot be loaded")
    assert "podtts model pull" in caught.value.hint


def test_exchanged_files_are_detected(golden: Path) -> None:
    model = golden / "model"
    exchanged = PromptEncoders(model / "campplus.onnx", model / "speech_tokenizer_v2.onnx")
    with pytest.raises(ModelError, match=r"campplus.onnx: has 1 inputs, not 2"):
        exchanged.speech_tokens(torch.zeros(128, 100))
    with pytest.raises(ModelError, match=r"speech_tokenizer_v2.onnx: has 2 inputs, not 1"):
        exchanged.speaker_embedding(torch.zeros(98, 80))


def test_features_of_a_wrong_shape_raise_model_error(
    golden: Path, encoders: PromptEncoders
) -> None:
    with pytest.raises(ModelError, match=r"campplus.onnx: cannot be run"):
        encoders.speaker_embedding(torch.zeros(98, 81))
