"""What is worth a look before a script is spoken: warnings with lines, none of them an error."""

from collections.abc import Iterator

from podtts.script.model import Script
from podtts.text.characters import excerpt
from podtts.text.length import expected_seconds
from podtts.text.tags import DIALECT_TAGS, PARALINGUISTIC_TAGS, dialect_of
from podtts.values import Turn

SHORT_SECONDS, LONG_SECONDS = 0.5, 30.0  # beyond them turns come out wrong more often
_CANTONESE = frozenset("嘅喺咗冇佢哋唔咁嗰啲嘢睇畀諗搵乜嚟係")
_CANTONESE_ENOUGH = 3  # different ones; single ones stand in Mandarin texts, too


def preflight(script: Script) -> tuple[str, ...]:
    """Return the warnings for a script as it will be spoken (`spoken_script`)."""
    found = [*_dialect_changes(script)]
    for turn in script.turns:
        found += [(turn.line, problem) for problem in _problems(turn)]
    return tuple(f"{script.source}:{line}: {problem}" for line, problem in sorted(found))


def _problems(turn: Turn) -> Iterator[str]:
    seconds = expected_seconds(turn.text)
    sounds = any(tag.token in turn.text for tag in PARALINGUISTIC_TAGS)
    if not seconds and not sounds:
        yield f"nothing to say in this turn: {excerpt(turn.shown)}"
    elif seconds < SHORT_SECONDS and not sounds:
        yield f"a very short turn, often spoken wrong: {excerpt(turn.shown)}"
    elif seconds > LONG_SECONDS:
        yield f"a very long turn of about {seconds:.0f} s: two turns sound livelier"
    dialect = dialect_of(turn.text)
    behind = turn.text.removeprefix(dialect.token) if dialect else turn.text
    if late := next((tag for tag in DIALECT_TAGS if tag.token in behind), None):
        yield f"{late.token} works at the beginning of a turn alone"
    if dialect is None and len(_CANTONESE.intersection(turn.text)) >= _CANTONESE_ENOUGH:
        yield "this reads like Cantonese, but does not open with <|Yue|>"


def _dialect_changes(script: Script) -> Iterator[tuple[int, str]]:
    """Each speaker's first turn in another dialect than before: the model drifts between them."""
    first: dict[int, Turn] = {}
    told: set[int] = set()
    for turn in script.turns:
        before = first.setdefault(turn.speaker, turn)
        if turn.speaker not in told and dialect_of(turn.text) != dialect_of(before.text):
            told.add(turn.speaker)
            yield (
                turn.line,
                f"{excerpt(script.labels[turn.speaker])} speaks {_dialect_name(turn)} here, but "
                f"{_dialect_name(before)} on line {before.line}: mixed dialects drift",
            )


def _dialect_name(turn: Turn) -> str:
    dialect = dialect_of(turn.text)
    return dialect.token if dialect else "no dialect"
