"""A Whisper model in CTranslate2's format that hears the same words in everything.

Each token leads to the next by construction: embeddings are unit vectors, all layers add nothing,
and the projection has a large weight from each token to the one that follows. The files, the
tokenizer, the search and the libraries are the real ones; a model takes a second to make.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# The layout of the multilingual models.
_VOCABULARY, _LANGUAGES = 51865, 99
_END, _START, _FIRST_LANGUAGE = 50257, 50258, 50259
_SPECIAL = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")
_WIDTH, _MELS = 64, 80
_UNKNOWN = "<unknown>"


def tiny_whisper(folder: Path, words: str, language: str = "en") -> Path:
    """Make a model that hears these words, each of them once, in this language; return its folder.

    Skips the test where faster-whisper is not installed.
    """
    pytest.importorskip("faster_whisper", reason="faster-whisper is not installed")
    from ctranslate2.specs import WhisperSpec

    folder.mkdir(parents=True)
    tokens = _tokens(words.split(), language)
    ids = {token: number for number, token in enumerate(tokens)}
    spec = WhisperSpec(1, 1, 1, 1)
    _set_layers(spec)
    start, first = f"<|{language}|>", words.split()
    chain = ["<|startoftranscript|>", start], ["<|notimestamps|>", *first, "<|endoftext|>"]
    embeddings = np.zeros((_VOCABULARY, _WIDTH), np.float32)
    projection = np.zeros((_VOCABULARY, _WIDTH), np.float32)
    steps = [step for run in chain for step in pairwise(run)]
    for slot, (token, following) in enumerate(steps):
        embeddings[ids[token], slot] = 1
        projection[ids[following], slot] = 10
    spec.decoder.embeddings.weight = embeddings
    spec.decoder.projection.weight = projection
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids = spec.config.suppress_ids_begin = []
    spec.config.alignment_heads = [(0, 0)]
    spec.config.lang_ids = list(range(_FIRST_LANGUAGE, _FIRST_LANGUAGE + _LANGUAGES))
    spec.validate()
    spec.optimize("float16")
    spec.save(str(folder))
    _save_tokenizer(folder / "tokenizer.json", ids)
    return folder


def _tokens(words: list[str], language: str) -> list[str]:
    """All tokens by their number; those that no test needs have a name of their own."""
    tokens = [_UNKNOWN, *words]
    tokens += [f"<word {number}>" for number in range(len(tokens), _END)]
    tokens += ["<|endoftext|>", "<|startoftranscript|>"]
    known = dict.fromkeys((language, "en", "zh"))
    names = [*known, *(f"x{number}" for number in range(_LANGUAGES - len(known)))]
    tokens += [f"<|{name}|>" for name in (*names, *_SPECIAL)]
    tokens += [f"<|{number * 0.02:.2f}|>" for number in range(_VOCABULARY - len(tokens))]
    assert tokens[_START] == "<|startoftranscript|>"
    assert len({*tokens}) == _VOCABULARY
    return tokens


def _save_tokenizer(file: Path, ids: dict[str, int]) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    tokenizer = Tokenizer(WordLevel(ids, unk_token=_UNKNOWN))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.save(str(file))


def _set_layers(spec: Any) -> None:
    """Set the weights of every layer so that it adds nothing to what goes through it."""
    encoder, decoder, width = spec.encoder, spec.decoder, _WIDTH
    encoder.conv1.weight = np.zeros((width, _MELS, 3), np.float32)
    encoder.conv2.weight = np.zeros((width, width, 3), np.float32)
    encoder.conv1.bias = encoder.conv2.bias = np.zeros(width, np.float32)
    encoder.position_encodings.encodings = np.zeros((1500, width), np.float32)
    decoder.position_encodings.encodings = np.zeros((448, width), np.float32)
    attention = [encoder.layer[0].self_attention, decoder.layer[0].self_attention]
    for each in attention:
        _set_linear(each.linear, (3, 1))
    _set_linear(decoder.layer[0].attention.linear, (1, 2, 1))
    feed_forward = [encoder.layer[0].ffn, decoder.layer[0].ffn]
    for each in feed_forward:
        each.linear_0.weight = np.zeros((4 * width, width), np.float32)
        each.linear_1.weight = np.zeros((width, 4 * width), np.float32)
    normed = [encoder, decoder, *attention, decoder.layer[0].attention, *feed_forward]
    for each in normed:
        each.layer_norm.gamma = np.ones(width, np.float32)
        each.layer_norm.beta = np.zeros(width, np.float32)


def _set_linear(layers: Any, multiples: tuple[int, ...]) -> None:
    for layer, multiple in zip(layers, multiples, strict=True):
        layer.weight = np.zeros((multiple * _WIDTH, _WIDTH), np.float32)
