from pathlib import Path

import pytest
import torch
from recipes.mini.speaker_encoder import SpeakerEncoder
from recipes.mini.speech_tokenizer import SpeechTokenizer
from recipes.mini.spoken_text import round_weights, tokenize

from podtts.prompts.encoders import PromptEncoders

pytest.importorskip("onnx", reason="onnx is a requirement of the recipe, not of podtts")
pytest.importorskip("onnxscript", reason="onnxscript is a requirement of the recipe")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_onnx_files_compute_what_the_modules_compute(tmp_path: Path) -> None:
    from recipes.mini.onnx_files import write_speaker_encoder, write_speech_tokenizer

    torch.manual_seed(0)
    tokenizer, encoder = SpeechTokenizer().eval(), SpeakerEncoder().eval()
    round_weights(tokenizer)
    round_weights(encoder)
    write_speech_tokenizer(tokenizer, tmp_path / "tokenizer.onnx")
    write_speaker_encoder(encoder, tmp_path / "speaker.onnx")
    encoders = PromptEncoders(tmp_path / "tokenizer.onnx", tmp_path / "speaker.onnx")
    for frames in (100, 333, 1500):
        log_mel, fbank = torch.randn(128, frames), torch.randn(frames, 80)
        same = encoders.speech_tokens(log_mel) == tokenize(tokenizer, log_mel)
        assert same.float().mean() > 0.99  # untrained digits may be half-way between two values
        with torch.inference_mode():
            wanted = encoder(fbank[None])[0]
        assert torch.allclose(encoders.speaker_embedding(fbank), wanted, atol=1e-4)
    assert (tmp_path / "speaker.onnx").stat().st_size < 700_000
