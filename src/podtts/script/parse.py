"""Plain text -> Script, line by line.

    // a comment
    S1 = alice                  header lines, before the first turn: label = voice
    S2 = bob, rate 0.9          with a tempo, 0.5 to 2
    # Opening                   a chapter mark, not spoken
    [S1] Hello there.           a turn; also `S1: Hello there.` and `S1：你好。`
    This continues the turn,
      S2: and so does this: white space in front forces it.
    S1: A pause [pause 0.8] cuts a turn in two of the same speaker.

A label is a letter and then letters, digits, `_` and `-`, at most 32 characters.
"""

import re
import unicodedata

from podtts.errors import ScriptError
from podtts.rates import MAX_SPEAKERS
from podtts.script.drafts import Drafts
from podtts.script.model import (
    FASTEST,
    SLOWEST,
    Script,
    fifth_speaker,
    rate_rule,
    silent_speakers,
)
from podtts.text.characters import clean_text, excerpt
from podtts.values import Chapter

_LABEL = re.compile(r"[^\W\d_][\w-]{0,31}")
# A letter may come as base and combining marks; the label it is part of is checked composed.
_WRITTEN_LABEL = r"[^\W\d_][\w\u0300-\u036f-]{0,63}"
_TURN = re.compile(
    rf"\[(?P<bracketed>{_WRITTEN_LABEL})\]"
    rf"|(?P<named>{_WRITTEN_LABEL})[:：](?:(?=[ \t]|[^\x00-\x7f])|(?P<nothing_behind>\Z))"
)
_HEADER = re.compile(rf"(?P<label>{_WRITTEN_LABEL})\s*=(?P<voice>.*)")
_RATE = re.compile(r"(?P<voice>.*?)\s*,\s*rate\b\s*(?P<rate>.*)")
_PAUSES_ALONE = re.compile(r"(?:\s*(?:\[pause\b[^\[\]]*\]|<\|pause\b[^|]*\|>))+\s*", re.IGNORECASE)
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


def _gap(before: str, behind: str) -> str:
    """What stands between the texts of two lines: a space, but for Chinese."""
    return "" if _CLOSE_PAIR.match(before[-1] + behind[0]) else " "


class _LineReader:
    """The state between two lines of a script."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._label_lines: dict[str, int] = {}  # in order of speaker numbers
        self._voices: dict[str, str] = {}
        self._rates: dict[str, float] = {}
        self._drafts = Drafts(_gap, self._warn)
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
        if self._drafts:
            self._refuse_empty_turn()
        turns, chapters = self._drafts.turns(self._chapters)
        if not turns:
            raise ScriptError(self._source, 1, "the script has no turns", _A_TURN)
        if self._below_heading:
            self._warn(self._chapters[-1].line, "no turn stands below this heading")
        return Script(
            source=self._source,
            labels=tuple(self._label_lines),
            turns=turns,
            chapters=chapters,
            voices=self._voices,
            warnings=(
                *self._warnings,
                *silent_speakers(self._source, self._label_lines, turns),
            ),
            label_lines=self._label_lines,
            rates=self._rates,
        )

    def _turn_label(self, turn: re.Match[str]) -> str | None:
        """Return the label a matched line starts a turn with, or None if it starts none."""
        label = _as_label(turn["bracketed"] or turn["named"])
        if (turn["bracketed"] or "").lower() == "pause" and label not in self._label_lines:
            return None  # a pause without its length, which is then said of it
        # "Ingredients:" alone on a line is a label only if somebody is called so.
        if turn["nothing_behind"] is not None and label not in self._label_lines:
            return None
        return label

    def _start_turn(self, number: int, label: str, text: str) -> None:
        if self._drafts:
            self._refuse_empty_turn()
        self._know(number, label)
        self._drafts.begin(list(self._label_lines).index(label), number)
        self._below_heading = False
        if text.strip():
            self._speak(number, text)

    def _continue(self, number: int, line: str) -> None:
        if _PAUSES_ALONE.fullmatch(line):
            self._speak(number, line)
            return
        if not self._drafts:
            raise ScriptError(
                self._source,
                number,
                f"this line belongs to no turn: {excerpt(line.strip())}",
                f"{_A_TURN} Only headings, comments, pauses and header lines (S1 = alice) "
                "without white space in front may stand before the first",
            )
        if self._below_heading:
            self._below_heading = False
            self._warn(
                number,
                f"this line below a heading continues the turn of line {self._drafts.last.line}",
            )
        self._speak(number, line)

    def _speak(self, number: int, text: str) -> None:
        # No tag or pause can span lines: they are joined with a space there.
        if found := self._drafts.add(number, text):
            raise ScriptError(self._source, number, found.problem, found.hint)

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
            raise self._no_voice(number, label)
        else:
            self._know(number, label)
            self._voices[label] = self._take_rate(number, label, voice)

    def _take_rate(self, number: int, label: str, voice: str) -> str:
        """Return the voice of a header line without the rate behind it."""
        if (found := _RATE.fullmatch(voice)) is None:
            return voice
        voice, written = found["voice"], found["rate"]
        if not voice:
            raise self._no_voice(number, label)
        try:
            rate = float(written)
        except ValueError:
            rate = 0.0
        if not SLOWEST <= rate <= FASTEST:
            raise ScriptError(
                self._source,
                number,
                f"the rate of {label} is {rate_rule(excerpt(written) or 'missing')}",
                f"write {label} = {excerpt(voice)}, rate 0.9",
            )
        self._rates[label] = rate
        return voice

    def _no_voice(self, number: int, label: str) -> ScriptError:
        return ScriptError(
            self._source, number, f"no voice behind {label} =", f"write {label} = alice"
        )

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
        last = self._drafts.last
        if last.empty:
            raise ScriptError(
                self._source,
                last.line,
                f"the turn of {list(self._label_lines)[last.speaker]} has no text",
                "write what is said, or delete the line",
            )

    def _warn(self, number: int, problem: str) -> None:
        self._warnings.append(f"{self._source}:{number}: {problem}")


def _as_label(written: str) -> str | None:
    """Return a label in Unicode NFC, or None if the text is none."""
    label = unicodedata.normalize("NFC", written)
    return label if _LABEL.fullmatch(label) and label[0].isalpha() else None
