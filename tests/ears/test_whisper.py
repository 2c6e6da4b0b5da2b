import shutil
import threading
from pathlib import Path

import pytest
import torch
from support.tiny_whisper import tiny_whisper

from podtts.ears.whisper import Whisper
from podtts.errors import ModelError
from podtts.rates import OUTPUT_HZ
from podtts.text.languages import Language

WAVE = 0.1 * torch.randn(OUTPUT_HZ, generator=torch.Generator().manual_seed(1))


def test_words_are_those_of_the_model(tiny: Whisper) -> None:
    languages: tuple[Language | None, ...] = (None, "en", "zh")
    for language in languages:
        assert tiny.transcribe(WAVE, OUTPUT_HZ, language) == "Hello there, my friend."


def test_the_language_is_found_out(tmp_path: Path) -> None:
    whisper = Whisper(tiny_whisper(tmp_path / "whisper", "你好 朋友", "zh"), threads=1)
    assert whisper.transcribe(WAVE, OUTPUT_HZ) == "你好 朋友"


@pytest.mark.parametrize("samples", [1, 100, 16_000, 24_000])
def test_waves_of_any_length_and_rate_are_heard(tiny: Whisper, samples: int) -> None:
    assert tiny.transcribe(WAVE[:samples], 24_000, "en")
    assert tiny.transcribe(WAVE[:samples], 44_100, "en")


def test_several_threads_may_listen(tiny: Whisper) -> None:
    heard: list[str] = []
    threads = [
        threading.Thread(target=lambda: heard.append(tiny.transcribe(WAVE, OUTPUT_HZ, "en")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == ["Hello there, my friend."] * 4


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json", "config.json", "vocabulary.json"])
def test_a_folder_that_lacks_a_file_is_refused(
    hears_hello: Path, tmp_path: Path, name: str
) -> None:
    """Without tokenizer.json the library would download one."""
    folder = Path(shutil.copytree(hears_hello, tmp_path / "whisper"))
    (folder / name).unlink()
    with pytest.raises(ModelError) as caught:
        Whisper(folder)
    assert caught.value.problem.startswith(f"{folder} is not a Whisper model for CTranslate2")
    assert name in caught.value.problem
    assert "podtts model pull whisper-base" in caught.value.hint


def test_what_is_no_folder_is_refused(tmp_path: Path, hears_hello: Path) -> None:
    with pytest.raises(ModelError, match=r"it lacks config\.json, model\.bin, tok"):
        Whisper(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json"])
def test_a_damaged_file_is_named_with_its_folder(
    hears_hello: Path, tmp_path: Path, name: str
) -> None:
    folder = Path(shutil.copytree(hears_hello, tmp_path / "whisper"))
    (folder / name).write_bytes(b"neither a network nor JSON")
    with pytest.raises(ModelError) as caught:
        Whisper(folder)
    assert caught.value.problem.startswith(f"{folder} cannot be used to recognize speech: ")
    assert "\n" not in caught.value.problem
