"""Parses scripts in plain text, line by line.

    // a comment
    S1 = alice                  header lines, before the first turn: label = voice
    S2 = bob, rate 0.9          with a tempo, 0.5 to 2
    # Opening                   a chapter heading, not spoken
    [S1] Hello there.           a turn; also `S1: Hello there.` and `S1：你好。`
    This line continues the turn,
      S2: and so does this line, because it begins with white space.
    S1: A pause [pause 0.8] splits a turn into two turns of the same speaker.

A label is a letter and then letters, digits, `_` and `-`, at most 32 characters.
"""

import re
import unicodedata

from podtts.errors import ScriptError
from podtts.rates import MAX_SPEAKERS
from podtts.script.model import (
    MAX_RATE,
    MIN_RATE,
    Script,
    rate_problem,
    too_many_speakers,
    unused_speakers,
)
from podtts.script.turn_builder import TurnBuilder
from podtts.text.characters import clean_text, excerpt
from podtts.values import Chapter

_LABEL = re.compile(r"[^\W\d_][\w-]{0,31}")
# A letter may be written as a base and combining marks; labels are composed before the check.
_WRITTEN_LABEL = r"[^\W\d_][\w\u0300-\u036f-]{0,63}"
_TURN = re.compile(
    rf"\[(?P<bracketed>{_WRITTEN_LABEL})\]"
    rf"|(?P<named>{_WRITTEN_LABEL})[:：](?:(?=[ \t]|[^\x00-\x7f])|(?P<nothing_after>\Z))"
)
_HEADER = re.compile(rf"(?P<label>{_WRITTEN_LABEL})\s*=(?P<voice>.*)")
_RATE = re.compile(r"(?P<voice>.*?)\s*,\s*rate\b\s*(?P<rate>.*)")
_ONLY_PAUSES = re.compile(r"(?:\s*(?:\[pause\b[^\[\]]*\]|<\|pause\b[^|]*\|>))+\s*", re.IGNORECASE)
_HEADING = re.compile(r"#{1,6}\s(?P<title>.*)")

_WIDE = (
    r"[\u2e80-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f"
    r"\uff01-\uff60\uffe0-\uffe6\U00020000-\U0003ffff]"
)
# Punctuation that Chinese shares with other languages: full-width only next to a wide character.
_SHARED = r"[“”‘’—…·]"
_CLOSE_PAIR = re.compile(rf"{_WIDE}(?:{_WIDE}|{_SHARED})|{_SHARED}{_WIDE}")

_EXAMPLE = "a turn looks like this: [S1] Hello there. Or, with a space: S1: Hello there."


def parse_script(text: str, source: str = "<script>") -> Script:
    """Parse a script in plain text; `source` is its name in messages.

    Raises ScriptError, with the line, for anything that podtts cannot synthesize as written.
    """
    text = clean_text(text, source)
    if not text.strip():
        raise ScriptError(source, 1, "the script is empty", _EXAMPLE)
    parser = _LineParser(source)
    for number, line in enumerate(text.split("\n"), 1):
        parser.parse_line(number, line)
    return parser.finish()


def _separator(before: str, after: str) -> str:
    """Return what joins the texts of two lines: a space, or nothing in Chinese."""
    return "" if _CLOSE_PAIR.match(before[-1] + after[0]) else " "


class _LineParser:
    """The state of parsing between two lines of a script."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._label_lines: dict[str, int] = {}  # in order of speaker numbers
        self._voices: dict[str, str] = {}
        self._rates: dict[str, float] = {}
        self._turns = TurnBuilder(_separator, self._warn)
        self._chapters: list[Chapter] = []
        self._warnings: list[str] = []
        self._after_heading = False  # no turn has started since the last heading

    def parse_line(self, number: int, line: str) -> None:
        if not line.strip() or line.startswith("//"):
            return
        if line[0].isspace():
            self._continue(number, line)
        elif heading := _HEADING.match(line):
            self._add_chapter(number, heading["title"].strip())
        elif (turn := _TURN.match(line)) and (label := self._turn_label(turn)):
            self._start_turn(number, label, line[turn.end() :])
        elif (header := _HEADER.match(line)) and (label := _as_label(header["label"])):
            self._add_header(number, label, header["voice"].strip(), line)
        else:
            self._continue(number, line)

    def finish(self) -> Script:
        if self._turns:
            self._refuse_empty_turn()
        turns, chapters = self._turns.build(self._chapters)
        if not turns:
            raise ScriptError(self._source, 1, "the script has no turns", _EXAMPLE)
        if self._after_heading:
            self._warn(self._chapters[-1].line, "no turn follows this heading")
        return Script(
            source=self._source,
            labels=tuple(self._label_lines),
            turns=turns,
            chapters=chapters,
            voices=self._voices,
            warnings=(
                *self._warnings,
                *unused_speakers(self._source, self._label_lines, turns),
            ),
            label_lines=self._label_lines,
            rates=self._rates,
        )

    def _turn_label(self, turn: re.Match[str]) -> str | None:
        """Return the label of a line that matched _TURN, or None if it does not start a turn."""
        label = _as_label(turn["bracketed"] or turn["named"])
        if (turn["bracketed"] or "").lower() == "pause" and label not in self._label_lines:
            return None  # a pause without its length, which is an error of its own
        # "Ingredients:" alone on a line is a label only if there is a speaker of that name.
        if turn["nothing_after"] is not None and label not in self._label_lines:
            return None
        return label

    def _start_turn(self, number: int, label: str, text: str) -> None:
        if self._turns:
            self._refuse_empty_turn()
        self._add_label(number, label)
        self._turns.start_turn(list(self._label_lines).index(label), number)
        self._after_heading = False
        if text.strip():
            self._add_text(number, text)

    def _continue(self, number: int, line: str) -> None:
        if _ONLY_PAUSES.fullmatch(line):
            self._add_text(number, line)
            return
        if not self._turns:
            raise ScriptError(
                self._source,
                number,
                f"this line belongs to no turn: {excerpt(line.strip())}",
                f"{_EXAMPLE} Before the first turn, a script can have only headings, comments, "
                "pauses and header lines (S1 = alice), without white space before them",
            )
        if self._after_heading:
            self._after_heading = False
            self._warn(
                number,
                f"this line after a heading continues the turn of line {self._turns.last.line}",
            )
        self._add_text(number, line)

    def _add_text(self, number: int, text: str) -> None:
        # Tags and pauses cannot span lines, because lines are joined with a space.
        if problem := self._turns.add_line(number, text):
            raise ScriptError(self._source, number, problem.problem, problem.hint)

    def _add_chapter(self, number: int, title: str) -> None:
        if not title:
            raise ScriptError(self._source, number, "a heading without a title", "add a title")
        self._chapters.append(Chapter(title, len(self._turns), number))
        self._after_heading = True

    def _add_header(self, number: int, label: str, voice: str, line: str) -> None:
        if self._turns:
            self._warn(
                number,
                "this looks like a header line, but it is after the first turn, so it is read "
                "aloud; move it up, or indent it to avoid this warning",
            )
            self._continue(number, line)
        elif label in self._voices:
            raise ScriptError(
                self._source,
                number,
                f"{label} already has a voice, on line {self._label_lines[label]}",
                "keep one of the two lines",
            )
        elif not voice:
            raise self._no_voice(number, label)
        else:
            self._add_label(number, label)
            self._voices[label] = self._parse_rate(number, label, voice)

    def _parse_rate(self, number: int, label: str, voice: str) -> str:
        """Store the rate in a header line, if it has one; return the voice without it."""
        if (match := _RATE.fullmatch(voice)) is None:
            return voice
        voice, written = match["voice"], match["rate"]
        if not voice:
            raise self._no_voice(number, label)
        try:
            rate = float(written)
        except ValueError:
            rate = 0.0
        if not MIN_RATE <= rate <= MAX_RATE:
            raise ScriptError(
                self._source,
                number,
                f"the rate of {label} is {rate_problem(excerpt(written) or 'missing')}",
                f"write {label} = {excerpt(voice)}, rate 0.9",
            )
        self._rates[label] = rate
        return voice

    def _no_voice(self, number: int, label: str) -> ScriptError:
        return ScriptError(
            self._source, number, f"no voice after {label} =", f"write {label} = alice"
        )

    def _add_label(self, number: int, label: str) -> None:
        """Assign the next speaker number to a new label."""
        if label in self._label_lines:
            return
        if len(self._label_lines) == MAX_SPEAKERS:
            raise too_many_speakers(
                self._source,
                number,
                label,
                self._label_lines,
                "indent the line if it continues the turn above",
            )
        self._label_lines[label] = number

    def _refuse_empty_turn(self) -> None:
        last = self._turns.last
        if last.empty:
            raise ScriptError(
                self._source,
                last.line,
                f"the turn of {list(self._label_lines)[last.speaker]} has no text",
                "write its text, or delete the line",
            )

    def _warn(self, number: int, problem: str) -> None:
        self._warnings.append(f"{self._source}:{number}: {problem}")


def _as_label(written: str) -> str | None:
    """Return the label in Unicode NFC, or None if it is not a valid label."""
    label = unicodedata.normalize("NFC", written)
    return label if _LABEL.fullmatch(label) and label[0].isalpha() else None
