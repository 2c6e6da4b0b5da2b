"""Text to the teacher's phones, in English and Mandarin and in sentences of both."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

_RUNS = re.compile(r"[A-Za-z][A-Za-z' -]*|[^A-Za-z]+")
_HAN = re.compile(r"[\u4e00-\u9fff]")


def phones_of(text: str) -> str:
    """The phones of a text, a character each, with the marks that shape the intonation."""
    if not _HAN.search(text):
        return _english()(text)
    # Beside Chinese characters, digits and marks are Mandarin, too.
    runs = [run for run in _RUNS.findall(text) if run.strip()]
    return " ".join(
        (_english() if run[0].isascii() and run[0].isalpha() else _mandarin())(run).strip()
        for run in runs
    )


@functools.cache
def _english() -> Callable[[str], str]:
    from hibari.g2p import G2P

    convert: Callable[[str], str] = G2P()
    return convert


@functools.cache
def _mandarin() -> Callable[[str], str]:
    import logging

    import jieba
    from misaki import zh

    jieba.setLogLevel(logging.WARNING)
    convert = zh.ZHG2P()
    return lambda run: str(convert(run)[0])
