"""Text to the teacher's phones, in English and Mandarin and in sentences of both."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

# A run in Mandarin begins with a Chinese character and goes on to the next Latin letter.
_RUNS = re.compile(r"[^\u4e00-\u9fff]+|[\u4e00-\u9fff][^A-Za-z]*")
_HAN = re.compile(r"[\u4e00-\u9fff]")


def phones_of(text: str) -> str:
    """The phones of a text, a character each, with the marks that shape the intonation."""
    return " ".join(
        (_mandarin() if _HAN.match(run) else _english())(run).strip() for run in _RUNS.findall(text)
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
