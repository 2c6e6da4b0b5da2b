"""Text normalization, compared with the output of the published code."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podtts.text.normalize import normalize_text

GOLDEN = Path(__file__).parents[1] / "golden" / "text.json"
CASES: list[dict[str, str]] = json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"])
def test_output_agrees_with_the_published_code(case: dict[str, str]) -> None:
    assert normalize_text(case["text"]) == case["normalized"]


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("我 是 你 的", "我是 你的。"),  # matches do not overlap
        ("我 a 你", "我a你。"),
        ("a 我 b 你", "a我b你。"),
        ("a b", "a b."),
        ("我 \t\u3000 你", "我你。"),
        ("好。", "好。"),
        ("好，", "好，"),
        ("Yes!", "Yes!"),
        ("in 1999", "in 1999"),
        ("哈 <|laughter|> 哈", "哈 <|laughter|> 哈。"),
        ("哈 <|laughter|>", "哈 <|laughter|>"),
        ("café", "café"),  # é is neither A-Z nor a-z
        ("㐀 中", "㐀 中。"),  # outside U+4E00-9FFF
        ("", ""),
        ("中\n", "中\n"),
    ],
)
def test_spaces_and_full_stops_are_normalized(text: str, normalized: str) -> None:
    assert normalize_text(text) == normalized


def test_long_white_space_takes_linear_time() -> None:
    assert normalize_text("中" + " " * 1_000_000 + "!") == "中" + " " * 1_000_000 + "!"


@settings(deadline=None)
@given(st.text(alphabet="我你aZ .。!<|>\t", max_size=60))
def test_only_white_space_is_removed_and_one_full_stop_is_added(text: str) -> None:
    def dense(value: str) -> str:
        return "".join(value.split())

    normalized = normalize_text(text)
    assert dense(normalized) in (dense(text), dense(text) + "。", dense(text) + ".")
    assert normalized == "" or not ("一" <= normalized[-1] <= "鿿" or normalized[-1] in "aZ")
