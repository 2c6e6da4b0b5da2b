from pathlib import Path

import pytest

from podtts.ears import installation
from podtts.ears.installation import check_recognizer, is_installed, library_versions
from podtts.errors import ModelError, UsageError


def test_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "find_spec", lambda name: None)
    assert not is_installed()
    with pytest.raises(UsageError) as caught:
        check_recognizer(tmp_path)
    assert caught.value.hint == "run: pip install 'podtts[asr]'"


def test_all_missing_files_are_named(tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper", reason="faster-whisper is not installed")
    (tmp_path / "config.json").touch()
    with pytest.raises(ModelError, match=r"lacks model.bin, tokenizer.json, vocabulary.json or "):
        check_recognizer(tmp_path)


def test_versions_are_of_both_libraries() -> None:
    pytest.importorskip("faster_whisper", reason="faster-whisper is not installed")
    first, second = library_versions().split(", ")
    assert first.startswith("faster-whisper ")
    assert second.startswith("ctranslate2 ")
