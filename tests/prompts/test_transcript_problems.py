import pytest

from podtts.prompts.transcript_problems import find_transcript_problems

SENTENCE = "Every Thursday I feed the starter, open a window, and listen to the street."


def problems(transcript: str, seconds: float = 5.0) -> list[str]:
    """What is doubtful, without the first words that all messages have."""
    found = find_transcript_problems(transcript, seconds)
    assert all(problem.startswith("its transcript ") for problem in found)
    return [problem.removeprefix("its transcript ") for problem in found]


@pytest.mark.parametrize(
    ("transcript", "seconds"),
    [
        (SENTENCE, 5.0),
        (SENTENCE, 3.2),
        (SENTENCE, 12.0),
        ("“Really?” she asked… He said: “No!”", 2.5),
        ("Well-known, isn't it?", 1.5),
        ("每个星期四，我都会打开窗户，听街上的声音。", 5.0),
    ],
)
def test_an_ordinary_transcript_is_not_doubted(transcript: str, seconds: float) -> None:
    assert problems(transcript, seconds) == []


@pytest.mark.parametrize(
    ("transcript", "words"),
    [
        (f"**Every** Thursday {SENTENCE}", "has markup"),
        (f"<b>Every</b> Thursday {SENTENCE}", "has markup"),
        (f"Every &quot;Thursday&quot; {SENTENCE}", "has markup"),
        (f"S1: {SENTENCE}", "begins with what looks like a label, S1:"),
        (f"[S1] : {SENTENCE}", "begins with what looks like a label, [S1] :"),
        (f"安娜：{SENTENCE}", "begins with what looks like a label, 安娜："),
        (f"(laughs) {SENTENCE}", "has brackets, (laughs)"),
        (f"{SENTENCE} [music]", "has brackets, [music]"),
        (f"😀 {SENTENCE}", "has emoji"),
        (f"<|laughter|> {SENTENCE}", "has <|laughter|>"),
        (f"12 dogs & 3 cats. {SENTENCE}", "has 12, &, 3: write the words"),
        (SENTENCE.removesuffix("."), "does not end with a mark"),
        ("每个星期四，我都会打开窗户，听街上的声音", "does not end with a mark"),
    ],
)
def test_one_thing_is_named_once_with_what_to_do(transcript: str, words: str) -> None:
    (problem,) = problems(transcript)
    assert problem.startswith(words)
    assert ": " in problem.replace("label, S1: ", "")


def test_words_that_nobody_says_so_fast_are_doubted() -> None:
    (problem,) = problems(SENTENCE, 2.0)
    assert problem == (
        "has 14 words for 2.0 s, more than anybody says: leave out what is not in the recording"
    )


def test_few_words_for_a_long_recording_are_doubted() -> None:
    (problem,) = problems("每个星期四。", 8.0)
    assert problem == "has 6 characters for 8.0 s, which is little: write down all that is said"


def test_every_doubt_has_a_message_of_its_own() -> None:
    assert len(problems("[S1]: *Hi* (laughs) 😀 3", 9.0)) == 7
