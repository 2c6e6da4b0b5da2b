import pytest

from podtts.text.tags import (
    DIALECT_TAGS,
    PARALINGUISTIC_TAGS,
    Tag,
    check_dialect_prompt,
    check_tags,
)


def test_the_eight_tags_of_the_model() -> None:
    assert [tag.token for tag in PARALINGUISTIC_TAGS] == [
        "<|laughter|>",
        "<|sigh|>",
        "<|breathing|>",
        "<|coughing|>",
        "<|throat_clearing|>",
    ]
    assert [tag.token for tag in DIALECT_TAGS] == ["<|Sichuan|>", "<|Yue|>", "<|Henan|>"]
    assert all(tag.meaning for tag in PARALINGUISTIC_TAGS + DIALECT_TAGS)


@pytest.mark.parametrize("tag", PARALINGUISTIC_TAGS + DIALECT_TAGS, ids=lambda tag: tag.name)
def test_known_tags_pass(tag: Tag) -> None:
    assert check_tags(f"Well {tag.token} yes {tag.token}") is None


@pytest.mark.parametrize(
    "text", ["", "plain", "a < b | c > d", "a <b> || [x] <tag>", "<|sigh|>" * 9]
)
def test_text_without_tag_problems_passes(text: str) -> None:
    assert check_tags(text) is None


@pytest.mark.parametrize(
    ("text", "offset", "wanted"),
    [
        ("ha <|laugh|> ha", 3, "unknown tag <|laugh|>; did you mean laughter?"),
        ("<|Laughter|>", 0, "did you mean laughter?"),
        ("<|sigh|><|cough|>", 8, "did you mean coughing?"),
        ("<| sigh |>", 0, "did you mean sigh?"),
        ("<|sichuanese|>", 0, "did you mean Sichuan?"),
        ("a<||>", 1, "unknown tag <||>"),
        ("hi<|text_end|>", 2, "unknown tag <|text_end|>"),
        ("<|SPEAKER_1|>", 0, "unknown tag <|SPEAKER_1|>"),
        ("<|endoftext|>", 0, "unknown tag <|endoftext|>"),
        ("ab <|sigh", 3, "<| without |> after it"),
        ("<|sigh <|sigh|>", 0, "<| without |> after it"),
        ("<|>", 0, "<| without |> after it"),
        ("sigh|> <|sigh|>", 4, "|> without <| before it"),
        ("<|sigh|>|>", 8, "|> without <| before it"),
    ],
)
def test_the_first_problem_is_returned_with_its_offset(text: str, offset: int, wanted: str) -> None:
    problem = check_tags(text)
    assert problem is not None
    assert problem.offset == offset
    assert wanted in problem.problem
    assert "<|throat_clearing|>" in problem.hint


def test_a_very_long_tag_is_shortened_in_the_message() -> None:
    problem = check_tags("<|" + "x" * 1_000_000 + "|>")
    assert problem is not None
    assert len(problem.problem) < 100


def test_a_million_open_marks_are_one_problem() -> None:
    problem = check_tags("<|" * 500_000)
    assert problem is not None
    assert problem.offset == 0


@pytest.mark.parametrize("name", ["Sichuan", "Yue", "Henan"])
def test_a_dialect_prompt_begins_with_its_tag(name: str) -> None:
    assert check_dialect_prompt(f"<|{name}|>大家好") is None


@pytest.mark.parametrize("text", ["大家好", " <|Yue|>大家好", "<|sigh|>大家好", "大家<|Yue|>好"])
def test_a_dialect_prompt_without_its_tag_is_refused(text: str) -> None:
    problem = check_dialect_prompt(text)
    assert problem is not None
    assert "<|Sichuan|>, <|Yue|>, <|Henan|>" in problem.problem


def test_a_dialect_prompt_with_an_unknown_tag_is_refused() -> None:
    problem = check_dialect_prompt("<|Yue|>大家好<|text_end|>")
    assert problem is not None
    assert problem.offset == 10
