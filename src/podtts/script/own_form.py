"""Writes a script in podtts' own form, so that reading it again gives the same script."""

import re
from collections.abc import Iterator
from itertools import zip_longest

from podtts.errors import ScriptError
from podtts.script.model import Script
from podtts.script.own_labels import as_label
from podtts.script.parse import parse_script
from podtts.text.tags import dialect_of
from podtts.values import Turn

_UNFIT = re.compile(r"[\[\]=:：\n#/]")
_BRACKETS = re.compile(r"[\[【](?!pause )")


def own_form(script: Script) -> str:
    """Return a script, as `read_script` returns it, as a text in podtts' own form.

    Comments and recordings of the script's own are not in it. Raises ScriptError for a label or a
    text that the form cannot have.
    """
    for label in script.labels:
        if _UNFIT.search(label):
            raise ScriptError(
                script.source,
                script.label_lines.get(label, 1),
                f"the label {label} has a character that podtts' own form uses for itself",
                "rename the speaker",
            )
    lines = [*_headers(script)]
    chapters = list(script.chapters)
    for index, turn in enumerate(script.turns):
        while chapters and chapters[0].turn <= index:
            lines += ["", f"# {chapters.pop(0).title}", ""]
        if turn.continues:
            lines[-1] += f" {_words(turn, script.turns[index - 1])}"
        else:
            lines.append(f"[{script.labels[turn.speaker]}] {_words(turn, None)}")
    lines += [f"# {chapter.title}" for chapter in chapters]
    text = "\n".join(map(_with_words_in_brackets, lines)).strip("\n") + "\n"
    _check(script, text)
    return text


def _check(script: Script, text: str) -> None:
    """Raise ScriptError if the text is another script, which unmatched brackets can cause."""
    try:
        turns = parse_script(text).turns
    except ScriptError:
        turns = ()
    for turn, again in zip_longest(script.turns, turns):
        if turn is None or again is None or _content(turn) != _content(again):
            raise ScriptError(
                script.source,
                turn.line if turn else 1,
                "podtts' own form cannot have the text of this turn",
                "delete its brackets",
            )


def _content(turn: Turn) -> tuple[object, ...]:
    return turn.speaker, turn.text, turn.continues, f"{turn.pause:g}"


def _with_words_in_brackets(line: str) -> str:
    """Indent the text of a turn that has brackets: there they hold words and not a label."""
    label, end, text = line.partition("] ")
    return f"{label}]\n  {text}" if end and _BRACKETS.search(text) else line


def _headers(script: Script) -> Iterator[str]:
    """Yield the header lines that the labels need: for voices, rates, names and numbers."""
    first_uses = list(dict.fromkeys(script.labels[turn.speaker] for turn in script.turns))
    in_order = tuple(first_uses) == script.labels
    plain = all(as_label(label) == label for label in script.labels)
    if in_order and plain and not (script.voices or script.rates):
        return
    for label in script.labels:
        rate = f", rate {script.rates[label]:g}" if label in script.rates else ""
        yield f"{label} = {script.voices.get(label, label)}{rate}"


def _words(turn: Turn, before: Turn | None) -> str:
    """Return the words of a turn with the pause before it.

    before: the part before it of the same written turn, whose dialect it has.
    """
    text = turn.text
    dialect = dialect_of(before.text) if before else None
    if dialect:
        text = text.removeprefix(dialect.token)
    return f"[pause {turn.pause:g}] {text}" if turn.pause else text
