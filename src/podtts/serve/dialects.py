"""The names of dialects, in Chinese and English, and the tags of the model that they stand for."""

from __future__ import annotations

from podtts.serve.api_error import refused
from podtts.text.characters import excerpt

_SICHUAN, _HENAN, _YUE = "<|Sichuan|>", "<|Henan|>", "<|Yue|>"
_TAGS = {
    "普通话": "",
    "国语": "",
    "mandarin": "",
    "四川话": _SICHUAN,
    "川话": _SICHUAN,
    "sichuan": _SICHUAN,
    "sichuanese": _SICHUAN,
    "河南话": _HENAN,
    "henan": _HENAN,
    "henanese": _HENAN,
    "粤语": _YUE,
    "广东话": _YUE,
    "yue": _YUE,
    "cantonese": _YUE,
}


def dialect_tag(name: str) -> str:
    """The tag that opens a text in a dialect; empty for Mandarin. Raises ApiError."""
    tag = _TAGS.get(name.strip().casefold())
    if tag is None:
        raise refused(
            f"unknown dialect {excerpt(name)!r}; the dialects are {', '.join(_TAGS)}", "dialect"
        )
    return tag
