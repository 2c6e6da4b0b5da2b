"""Keys and names of entries; damaged entries are in test_cache.py."""

import hashlib
import subprocess
import sys
from collections.abc import Callable

import pytest

from podtts.prompts.entry import (
    PromptKey,
    features_of,
    from_bytes,
    is_any_entry_name,
    is_entry_name,
    tensors_of,
    to_bytes,
)
from podtts.values import PromptFeatures

KEY = PromptKey(hashlib.sha256(b"audio").hexdigest(), hashlib.sha256(b"onnx").hexdigest(), 12)


def test_an_entry_is_read_back(make_features: Callable[[int], PromptFeatures]) -> None:
    features = make_features(50)
    key, tensors = from_bytes(to_bytes(KEY, tensors_of(features)))
    assert key == KEY
    restored = features_of(tensors)
    assert restored.mel.equal(features.mel)
    assert restored.speech_tokens.equal(features.speech_tokens)
    assert restored.speaker_embedding.equal(features.speaker_embedding)


@pytest.mark.parametrize(
    ("name", "is_ours", "is_any"),
    [
        (KEY.filename(), True, True),
        (f"{'0' * 16}-{'1' * 8}-r1.safetensors", True, True),
        (f"{'0' * 16}-{'1' * 8}-r1.v2.safetensors", False, True),
        (f"{'0' * 16}-{'1' * 8}.safetensors", False, False),
        (f".{KEY.filename()}", False, False),
        ("model.safetensors", False, False),
        ("anna.json", False, False),
    ],
)
def test_names_of_entries_are_recognized(name: str, is_ours: bool, is_any: bool) -> None:
    assert (is_entry_name(name), is_any_entry_name(name)) == (is_ours, is_any)


def test_entries_are_listed_without_torch() -> None:
    code = "import sys, podtts.prompts.entry; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
