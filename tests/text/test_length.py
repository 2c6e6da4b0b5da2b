import pytest

from podtts.text.length import expected_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0.0),
        ("... !", 0.0),
        ("twelve chars", 11 / 12),  # white space does not count
        ("route 66", 7 / 12),
        ("你好世界。", 1.0),
        ("你好 abc", 2 / 4 + 3 / 12),
        ("<|laughter|>你好", 0.5),  # tags do not count
    ],
)
def test_letters_and_chinese_characters_take_time(text: str, seconds: float) -> None:
    assert expected_seconds(text) == pytest.approx(seconds)
