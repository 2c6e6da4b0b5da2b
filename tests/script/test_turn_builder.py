"""How the lines of a turn become turns; pauses in complete scripts are in test_pauses.py."""

from podtts.script.turn_builder import TurnBuilder
from podtts.text.tags import TagProblem
from podtts.values import Chapter


def build(*lines: str) -> tuple[list[str], list[str]]:
    """Return the texts of the turns, and the warnings, for the lines of one written turn."""
    warnings: list[str] = []
    builder = TurnBuilder(
        lambda *_: "+", lambda line, problem: warnings.append(f"{line}: {problem}")
    )
    builder.start_turn(0, 1)
    for number, line in enumerate(lines, 1):
        assert builder.add_line(number, line) is None
    turns, _ = builder.build(())
    return [turn.text for turn in turns], warnings


def test_lines_are_joined_with_the_separator() -> None:
    assert build("one", " two ") == (["one+two"], [])


def test_a_pause_splits_the_turn() -> None:
    assert build("one [pause 1] two", "three") == (["one", "two+three"], [])


def test_a_dropped_pause_is_reported_with_its_line() -> None:
    assert build("one", "[pause 1]") == (
        ["one"],
        ["2: no words follow this pause, so it is dropped"],
    )


def test_a_turn_is_empty_until_it_has_words_or_a_pause() -> None:
    builder = TurnBuilder(lambda *_: " ", lambda *_: None)
    builder.start_turn(0, 1)
    assert builder.last.empty
    builder.add_line(2, "[pause 1]")
    assert not builder.last.empty
    assert len(builder) == 1


def test_the_problem_of_a_line_is_returned() -> None:
    builder = TurnBuilder(lambda *_: " ", lambda *_: None)
    builder.start_turn(0, 1)
    assert isinstance(builder.add_line(1, "a <|what|>"), TagProblem)
    assert isinstance(builder.add_line(1, "a [pause]"), TagProblem)


def test_chapters_are_renumbered() -> None:
    builder = TurnBuilder(lambda *_: " ", lambda *_: None)
    builder.start_turn(0, 1)
    builder.add_line(1, "one [pause 1] two")
    builder.start_turn(1, 2)
    builder.add_line(2, "three")
    _, chapters = builder.build([Chapter("First", 0), Chapter("Second", 1), Chapter("End", 2)])
    assert [chapter.turn for chapter in chapters] == [0, 2, 3]
