"""Addresses of web and mail, topics and handles in Mandarin."""

import re

from podtts.text.addresses import DOMAIN, HANDLE, MAIL, PIECE, URL, is_address
from podtts.text.grammar import Match, Rule, word_set
from podtts.text.languages import HAN
from podtts.text.mandarin import numbers

_SIGNS = {
    ".": "点", "/": "斜杠", "-": "杠", "_": "下划线", "@": " at ", ":": "冒号", "&": "和",
    "=": "等于", "?": "问号", "#": "井号", "%": "百分号", "+": "加", "~": "波浪号", "$": "美元",
    "!": "感叹号", "*": "星号", ",": "逗号", ";": "分号", "'": "撇号",
}  # fmt: skip
_LETTER_BY_LETTER = word_set(
    "http https ftp www html htm php pdf css js cn uk us de fr jp hk tw kr tv"
)
_MENTION = re.compile(rf"@(?=[{HAN}])")
_TOPIC = re.compile(rf"#(?P<name>[A-Za-z{HAN}]+)#")  # written between two of them
_PERCENT = re.compile(r"([0-9]+)%")


def _address(text: str) -> str:
    """www.a1.com/b -> WWW点a一点com斜杠b"""
    words = ""
    for part in re.split(r"([0-9]+%)", text):
        if percent := _PERCENT.fullmatch(part):
            words += f"百分之{numbers.cardinal(percent[1])}"
            continue
        for piece in PIECE.findall(part):
            if piece.isdecimal():
                words += numbers.spelled(piece)
            elif piece.lower() in _LETTER_BY_LETTER:
                words += piece.upper()
            else:
                words += _SIGNS.get(piece, piece)
    return words


def _read(match: Match) -> str:
    return _address(match[0])


def _read_domain(match: Match) -> str | None:
    return _address(match[0]) if is_address(match) else None


def _read_handle(match: Match) -> str:
    return f"艾特{_address(match['name'])}"


RULES = (
    Rule("address", URL, _read),
    Rule("address", MAIL, _read),
    Rule("address", DOMAIN, _read_domain),
    Rule("handle", HANDLE, _read_handle),
    Rule("handle", _MENTION, lambda _: "艾特"),
    Rule("topic", _TOPIC, lambda match: match["name"]),
)
