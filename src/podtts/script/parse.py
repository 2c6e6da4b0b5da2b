"""Plain text -> Script, line by line.

    // a comment
    S1 = alice                  header lines, before the first turn: label = voice
    # Opening                   a chapter mark, not spoken
    [S1] Hello there.           a turn; also `S1: Hello there.` and `S1：你好。`
    This continues the turn,
      S2: and so does this: white space in front forces it.

A label is a letter and then letters, digits, `_` and `-`, at most 32 characters.
"""

import re
import unicodedata
from dataclasses import dataclass, field

from podtts.errors import ScriptError
from podtts.rates import MAX_SPEAKERS
from podtts.script.model import Script, fifth_speaker, silent_speakers
from podtts.text.characters import clean_text, excerpt
from podtts.text.tags import check_tags
from podtts.values import Chapter, Turn

_LABEL = re.compile(r"[^\W\d_][\w-]{0,31}")
# A letter may come as base and combining marks; the label it is part of is checked composed.
_WRITTEN_LABEL = r"[^\W\d_][\w\u0300-\u036f-]{0,63}"
_TURN = re.compile(
    rf"\[(?P<bracketed>{_WRITTEN_LABEL})\]"
    rf"|(?P<named>{_WRITTEN_LABEL})[:：](?:(?=[ \t]|[^\x00-\x7f])|(?P<nothing_behind>\Z))"
)
_HEADER = re.compile(rf"(?P<label>{_WRITTEN_LABEL})\s*=(?P<voice>.*)")
_HEADING = re.compile(r"#{1,6}\s(?P<title>.*)")

_WIDE = (
    r"[\u2e80-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f"
    r"\uff01-\uff60\uffe0-\uffe6\U00020000-\U0003ffff]"
)
# Punctuation that Chinese shares with other languages: full-width only beside a wide character.
_SHARED = r"[“”‘’—…·]"
_CLOSE_PAIR = re.compile(rf"{_WIDE}(?:{_WIDE}|{_SHARED})|{_SHARED}{_WIDE}")

_A_TURN = "a turn looks like this: [S1] Hello there. Or, with a space: S1: Hello there."


def parse_script(text: str, source: str = "<script>") -> Script:
    """Parse a dialogue in plain text; `source` names it in messages.

    Raises ScriptError, with the line, for anything that cannot be spoken as written.
    """
    text = clean_text(text, source)
    if not text.strip():
        raise ScriptError(source, 1, "the script is empty", _A_TURN)
    reader = _LineReader(source)
    for number, line in enumerate(text.split("\n"), 1):
        reader.take(number, line)
    return reader.finish()


@dataclass
class _Draft:
    """A turn while its lines are read."""

    label: str
    speaker: int
    line: int
    pieces: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        if self.pieces and not _CLOSE_PAIR.match(self.pieces[-1][-1] + text[0]):
            self.pieces.append(" ")
        self.pieces.append(text)


class _LineReader:
    """The state between two lines of a script."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._label_lines: dict[str, int] = {}  # in order of speaker numbers
        self._voices: dict[str, str] = {}
        self._drafts: list[_Draft] = []
        self._chapters: list[Chapter] = []
        self._warnings: list[str] = []
        self._below_heading = False  # no turn has started since the last heading

    def take(self, number: int, line: str) -> None:
        if not line.strip() or line.startswith("//"):
            return
        if line[0].isspace():
            self._continue(number, line)
        elif heading := _HEADING.match(line):
            self._mark_chapter(number, heading["title"].strip())
        elif (turn := _TURN.match(line)) and (label := self._turn_label(turn)):
            self._start_turn(number, label, line[turn.end() :])
        elif (header := _HEADER.match(line)) and (label := _as_label(header["label"])):
            self._take_header(number, label, header["voice"].strip(), line)
        else:
            self._continue(number, line)

    def finish(self) -> Script:
        if not self._drafts:
            raise ScriptError(self._source, 1, "the script has no turns", _A_TURN)
        self._refuse_empty_turn()
        if self._below_heading:
            self._warn(self._chapters[-1].line, "no turn stands below this heading")
        turns = tuple(
            Turn(draft.speaker, "".join(draft.pieces), draft.line) for draft in self._drafts
        )
        return Script(
            source=self._source,
            labels=tuple(self._label_lines),
            turns=turns,
            chapters=tuple(self._chapters),
            voices=self._voices,
            warnings=(
                *self._warnings,
                *silent_speakers(self._source, self._label_lines, turns),
            ),
            label_lines=self._label_lines,
        )

    def _turn_label(self, turn: re.Match[str]) -> str | None:
        """Return the label a matched line starts a turn with, or None if it starts none."""
        label = _as_label(turn["bracketed"] or turn["named"])
        # "Ingredients:" alone on a line is a label only if somebody is called so.
        if turn["nothing_behind"] is not None and label not in self._label_lines:
            return None
        return label

    def _start_turn(self, number: int, label: str, text: str) -> None:
        self._refuse_empty_turn()
        self._know(number, label)
        speaker = list(self._label_lines).index(label)
        self._drafts.append(_Draft(label, speaker, number))
        self._below_heading = False
        if text.strip():
            self._speak(number, text)

    def _continue(self, number: int, line: str) -> None:
        if not self._drafts:
            raise ScriptError(
                self._source,
                number,
                f"this line belongs to no turn: {excerpt(line.strip())}",
                f"{_A_TURN} Only headings, comments and header lines (S1 = alice) "
                "without white space in front may stand before the first",
            )
        if self._below_heading:
            self._below_heading = False
            self._warn(
                number,
                f"this line below a heading continues the turn of line {self._drafts[-1].line}",
            )
        self._speak(number, line)

    def _speak(self, number: int, text: str) -> None:
        if found := check_tags(text):  # no tag can span lines: they are joined with a space there
            raise ScriptError(self._source, number, found.problem, found.hint)
        self._drafts[-1].add(text.strip())

    def _mark_chapter(self, number: int, title: str) -> None:
        if not title:
            raise ScriptError(self._source, number, "a heading without a title", "give it one")
        self._chapters.append(Chapter(title, len(self._drafts), number))
        self._below_heading = True

    def _take_header(self, number: int, label: str, voice: str, line: str) -> None:
        if self._drafts:
            self._warn(
                number,
                "this looks like a header line, but stands below the first turn and is spoken; "
                "move it up, or indent it if it is meant so",
            )
            self._continue(number, line)
        elif label in self._voices:
            raise ScriptError(
                self._source,
                number,
                f"{label} has a voice already, on line {self._label_lines[label]}",
                "keep one of the two lines",
            )
        elif not voice:
            raise ScriptError(
                self._source, number, f"no voice behind {label} =", f"write {label} = alice"
            )
        else:
            self._know(number, label)
            self._voices[label] = voice

    def _know(self, number: int, label: str) -> None:
        """Give a new label the next speaker number."""
        if label in self._label_lines:
            return
        if len(self._label_lines) == MAX_SPEAKERS:
            raise fifth_speaker(
                self._source,
                number,
                label,
                self._label_lines,
                "indent the line if it continues the turn above",
            )
        self._label_lines[label] = number

    def _refuse_empty_turn(self) -> None:
        if self._drafts and not self._drafts[-1].pieces:
            empty = self._drafts[-1]
            raise ScriptError(
                self._source,
                empty.line,
                f"the turn of {empty.label} has no text",
                "write what is said, or delete the line",
            )

    def _warn(self, number: int, problem: str) -> None:
        self._warnings.append(f"{self._source}:{number}: {problem}")


def _as_label(written: str) -> str | None:
    """Return a label in Unicode NFC, or None if the text is none."""
    label = unicodedata.normalize("NFC", written)
    return label if _LABEL.fullmatch(label) and label[0].isalpha() else None
