"""Checks a script before synthesis: warns of what often fails, with its lines."""

from collections.abc import Iterator
from pathlib import Path

from podtts.hub.bundled import bundled_model
from podtts.script.model import Script
from podtts.text.characters import excerpt
from podtts.text.length import expected_seconds
from podtts.text.tags import DIALECT_TAGS, PARALINGUISTIC_TAGS, dialect_of
from podtts.values import Turn

MIN_SECONDS, MAX_SECONDS = 0.5, 30.0  # shorter and longer turns fail more often
_CANTONESE = frozenset("嘅喺咗冇佢哋唔咁嗰啲嘢睇畀諗搵乜嚟係")
_MIN_CANTONESE = 3  # different characters; Mandarin texts have single ones, too


def script_warnings(script: Script, model: Path) -> tuple[str, ...]:
    """Return all warnings for a script in its spoken form and a checkpoint's folder.

    Every command that reads scripts prints these.
    """
    is_unfit = model == bundled_model() and any(dialect_of(turn.text) for turn in script.turns)
    unfit = (
        f"{script.source}: mini, the bundled model, speaks no dialect: English and Mandarin only"
    )
    return (*script.warnings, *preflight(script), *([unfit] if is_unfit else []))


def preflight(script: Script) -> tuple[str, ...]:
    """Return the warnings for a script in its spoken form (`spoken_script`)."""
    problems = [*_dialect_changes(script)]
    for turn in script.turns:
        problems += [(turn.line, problem) for problem in _problems(turn)]
    return tuple(f"{script.source}:{line}: {problem}" for line, problem in sorted(problems))


def _problems(turn: Turn) -> Iterator[str]:
    seconds = expected_seconds(turn.text)
    has_sound = any(tag.token in turn.text for tag in PARALINGUISTIC_TAGS)
    if seconds < MIN_SECONDS and not has_sound:
        yield f"very short turns often fail: {excerpt(turn.shown)}"
    elif seconds > MAX_SECONDS:
        yield f"a very long turn of about {seconds:.0f} s: two turns sound livelier"
    dialect = dialect_of(turn.text)
    rest = turn.text.removeprefix(dialect.token) if dialect else turn.text
    if late := next((tag for tag in DIALECT_TAGS if tag.token in rest), None):
        yield f"{late.token} works only at the beginning of a turn"
    if dialect is None and len(_CANTONESE.intersection(turn.text)) >= _MIN_CANTONESE:
        yield "this looks like Cantonese, but does not begin with <|Yue|>"


def _dialect_changes(script: Script) -> Iterator[tuple[int, str]]:
    """Yield each speaker's first turn in another dialect, as the model then mixes them."""
    first: dict[int, Turn] = {}
    warned: set[int] = set()
    for turn in script.turns:
        before = first.setdefault(turn.speaker, turn)
        if turn.speaker not in warned and dialect_of(turn.text) != dialect_of(before.text):
            warned.add(turn.speaker)
            yield (
                turn.line,
                f"{excerpt(script.labels[turn.speaker])} speaks {_dialect_name(turn)} here, but "
                f"{_dialect_name(before)} on line {before.line}: the model may mix the dialects",
            )


def _dialect_name(turn: Turn) -> str:
    dialect = dialect_of(turn.text)
    return dialect.token if dialect else "no dialect"
