"""The checkpoint's text tokenizer as one function, text to ids.

The `tokenizers` library loads tokenizer.json in milliseconds. transformers takes seconds to import,
so it is used only for checkpoints that need other tokenizer files, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from podtts.errors import ModelError
from podtts.llm.template import SPEECH_START, TASK, TEXT_END, TEXT_START

Encode = Callable[[str], list[int]]
_REQUIRED = (TASK, "<|SPEAKER_0|>", TEXT_START, TEXT_END, SPEECH_START)


def load_encode(directory: Path) -> Encode:
    """Return the function text -> ids of a checkpoint; it recognises special tokens and adds none.

    Raises ModelError when files are missing or damaged, or lack a token of `Template`.
    """
    encode = quick_encode(directory) or _from_transformers(directory)
    for token in _REQUIRED:
        if not is_token(encode, token):
            raise ModelError(
                f"{directory}: the tokenizer does not know {token}",
                "these are not the tokenizer files of a SoulX-Podcast checkpoint",
            )
    return encode


def is_token(encode: Encode, text: str) -> bool:
    """Whether `text` is a single id. A tag that is not would be synthesized as text."""
    return len(encode(text)) == 1


def quick_encode(directory: Path) -> Encode | None:
    """As `load_encode`, without transformers; None if tokenizer.json is not complete.

    It is complete if it holds all tokens that tokenizer_config.json adds. Raises ModelError for
    damaged files.
    """
    path = directory / "tokenizer.json"
    if not path.is_file():
        return None
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:
        raise ModelError(f"{path} cannot be read: {error}", "pull or copy it again") from error
    for token, number in _added_tokens(directory / "tokenizer_config.json").items():
        if tokenizer.token_to_id(token) != number:
            return None
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def encode(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    return encode


def _added_tokens(path: Path) -> dict[str, int]:
    if not path.is_file():
        return {}
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        added = config.get("added_tokens_decoder", {})
        return {entry["content"]: int(number) for number, entry in added.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} cannot be read: {error}", "pull or copy it again") from error


def _from_transformers(directory: Path) -> Encode:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{directory}: the tokenizer cannot be read: {error}") from error

    def encode(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
        return ids

    return encode
