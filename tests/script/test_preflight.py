import pytest

from podtts.script.parse import parse_script
from podtts.script.preflight import preflight
from podtts.script.spoken import spoken_script


def warnings(text: str) -> list[str]:
    return [line.removeprefix("<script>:") for line in preflight(spoken_script(parse_script(text)))]


def test_an_ordinary_script_has_no_warnings() -> None:
    script = "[S1] Good evening, everybody.\n[S2] <|laughter|>\n[S1] Wait for me. [pause 1] Please."
    assert warnings(script) == []


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        ("Ok", "very short turns often fail: Ok"),
        ("好。", "very short turns often fail"),
        ("word, " * 110, "a very long turn of about 37 s"),
        ("你好<|Yue|>世界", "<|Yue|> works only at the beginning of a turn"),
        ("<|Yue|>你好<|Henan|>世界", "<|Henan|> works only at the beginning of a turn"),
        ("佢哋唔知喺邊度。", "this looks like Cantonese, but does not begin with <|Yue|>"),
    ],
)
def test_turns_that_often_fail_are_reported(turn: str, words: str) -> None:
    [warning] = warnings(f"[S1] Good evening, everybody.\n[S2] {turn}")
    assert warning.startswith(f"2: {words}")


def test_a_speaker_of_two_dialects_is_reported_once() -> None:
    assert warnings(
        "[S1] <|Sichuan|>今天天气好得很。\n[S2] 今天天气很好。\n[S1] 今天天气很好。\n"
        "[S1] <|Henan|>今天天气好得很。\n[S1] 今天天气很好。"
    ) == ["3: S1 speaks no dialect here, but <|Sichuan|> on line 1: the model may mix the dialects"]


def test_warnings_are_in_the_order_of_lines() -> None:
    lines = warnings("[S1] Ok\n[S2] <|Yue|>你好世界。\n[S2] 你好世界。\n[S1] No")
    assert [line.split(":")[0] for line in lines] == ["1", "3", "4"]
