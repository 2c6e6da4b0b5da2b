"""Parses scripts in plain text, line by line.

    // a comment
    S1 = alice                  header lines, before the first turn: label = voice
    S2 = bob, rate 0.9          with a tempo, 0.5 to 2
    # Opening                   a chapter heading, not spoken
    [S1] Hello there.           a turn; also `S1: Hello there.` and `S1：你好。`
    This line continues the turn,
      S2: and so does this line, because it begins with white space.
    S1: A pause [pause 0.8] splits a turn into two turns of the same speaker.

A label is a letter and then letters, digits, `_` and `-`, at most 32 characters. Labels of other
tools (`openings`) are read, too, where they can be nothing else or are known (`speaker_names`).
"""

import re
from collections.abc import Iterator, Sequence

from podtts.errors import ScriptError
from podtts.script.assembly import EXAMPLE, ScriptAssembly
from podtts.script.cleaning import has_only_pauses
from podtts.script.directions import meaning
from podtts.script.headers import Header, HeaderError, find_header
from podtts.script.layout import (
    foot_note,
    front_matter_length,
    heading_title,
    is_ornament,
    is_underlined,
    plain_title,
    without_bullet,
)
from podtts.script.lines import ScriptLine
from podtts.script.model import Script
from podtts.script.names import as_name
from podtts.script.openings import Opening, find_opening
from podtts.script.own_labels import TURN, as_label, is_direction, label_of
from podtts.script.reading import ReadingOptions
from podtts.script.speaker_names import SpeakerNames, find_names
from podtts.text.characters import clean_text, excerpt

_INLINE = re.compile(r"\[([^\[\]]{1,48})\]:?|【([^【】]{1,48})】[:：]?")
_AHEAD = 4  # lines that are searched for the text of a label alone on its line

_WIDE = (
    r"[\u2e80-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f"
    r"\uff01-\uff60\uffe0-\uffe6\U00020000-\U0003ffff]"
)
# Punctuation that Chinese shares with other languages: full-width only next to a wide character.
_SHARED = r"[“”‘’—…·]"
_CLOSE_PAIR = re.compile(rf"{_WIDE}(?:{_WIDE}|{_SHARED})|{_SHARED}{_WIDE}")


def parse_script(
    text: str, source: str = "<script>", options: ReadingOptions | None = None
) -> Script:
    """Parse a script in plain text; `source` is its name in messages.

    Raises ScriptError, with the line, for anything that podtts cannot synthesize as written.
    """
    text = clean_text(text, source)
    if not text.strip():
        raise ScriptError(source, 1, "the script is empty", EXAMPLE)
    lines = [ScriptLine(number, line) for number, line in enumerate(text.split("\n"), 1)]
    return parse_lines(lines, source, options)


def parse_lines(
    lines: Sequence[ScriptLine], source: str, options: ReadingOptions | None = None
) -> Script:
    """Parse the lines of a script in any form. Raises ScriptError."""
    options = options or ReadingOptions()
    script = ScriptAssembly(source, options, _separator)
    if count := front_matter_length([line.text for line in lines]):
        script.warn(lines[0].number, "the front matter between --- and --- is left out")
        lines = lines[count:]
    parser = _LineParser(script, find_names(lines, options))
    for index, line in enumerate(lines):
        before = lines[index - 1] if index else None
        parser.parse_line(line, before, lines[index + 1 : index + 1 + _AHEAD])
    return script.finish()


def _separator(before: str, after: str) -> str:
    """Return what joins the texts of two lines: a space, or nothing in Chinese."""
    return "" if _CLOSE_PAIR.match(before[-1] + after[0]) else " "


class _LineParser:
    """The state of parsing between two lines of a script."""

    def __init__(self, assembly: ScriptAssembly, names: SpeakerNames) -> None:
        self._script, self._names = assembly, names
        self._inside = names.inside()
        self._awaits_text = False  # the line before was a name alone

    def parse_line(
        self, line: ScriptLine, before: ScriptLine | None, ahead: Sequence[ScriptLine]
    ) -> None:
        """Parse a line; the lines around it say whether it is a heading, or a name alone."""
        number, text = line.number, line.text
        awaits_text = self._awaits_text
        self._awaits_text = awaits_text and not text.strip()
        if line.speaker:
            self._script.start_turn(number, line.speaker)
            if text.strip():
                self._script.add_text(number, text)
        elif not text.strip():
            return
        elif line.is_words:
            self._script.add_text(number, text)
        elif text.startswith("//") or is_ornament(text):
            return
        elif (note := foot_note(text)) is not None:
            self._script.warn(number, f"a foot note is left out: {excerpt(note)}")
        elif text[0].isspace():
            self._continue(number, text, literal=True)
        elif (title := heading_title(text)) is not None:
            self._script.add_chapter(number, title)
        elif ahead and is_underlined(text, ahead[0].text):
            self._script.add_chapter(number, plain_title(text))
        elif awaits_text and not self._names.starts(text):
            self._add_text(number, text)
        elif (turn := TURN.match(text)) and (label := self._turn_label(turn)):
            self._start_turn(number, label, text[turn.end() :])
            self._awaits_text = turn["nothing_after"] is not None
        elif (header := find_header(text)) and self._is_header(header):
            self._add_header(number, header, text)
        elif (opening := find_opening(text)) and self._is_speaker(opening, before, ahead):
            self._open(number, opening)
        else:
            self._doubt(number, opening)
            self._continue(number, without_bullet(text))

    def _turn_label(self, turn: re.Match[str]) -> str | None:
        """Return the label of a line that matched TURN, or None if it does not start a turn."""
        label = label_of(turn)
        if label in self._script.label_lines:
            return label
        # "Ingredients:" alone on a line is a label only if there is a speaker of that name.
        return None if is_direction(turn) or turn["nothing_after"] is not None else label

    def _is_header(self, header: Header) -> bool:
        """Whether this is a header line; behind the first turn, only of a label of podtts' own."""
        return not self._script.has_turns or as_label(header.label) is not None

    def _is_speaker(
        self, opening: Opening, before: ScriptLine | None, ahead: Sequence[ScriptLine]
    ) -> bool:
        if opening.kind in ("alone", "bare") and not self._text_follows(ahead):
            return False
        apart = before is None or not before.is_speech
        return self._names.is_speaker(opening, apart=apart)

    def _text_follows(self, ahead: Sequence[ScriptLine]) -> bool:
        """Whether the next line that is not empty is text without a known label."""
        following = next((line for line in ahead if line.text.strip() or line.speaker), None)
        return following is not None and not (
            following.speaker
            or heading_title(following.text) is not None
            or self._names.starts(following.text)
        )

    def _open(self, number: int, opening: Opening) -> None:
        """Start the turn of a label in a spelling of another tool."""
        if opening.time:
            self._script.note_time(number, opening.time)
        self._script.start_turn(number, opening.label)
        for aside in opening.asides:
            self._script.add_direction(number, aside)
        if opening.text:
            self._add_text(number, opening.text)
        else:
            self._awaits_text = True

    def _doubt(self, number: int, opening: Opening | None) -> None:
        """Warn of words that may have been meant as a label."""
        if opening and self._script.has_turns and self._names.is_doubtful(opening):
            written = excerpt(opening.written)
            is_dash = opening.kind == "dash"
            advice = (
                f"write {opening.label}: Hello."
                if is_dash
                else f"add the header line: {opening.label} = VOICE"
            )
            self._script.warn(
                number,
                f"{written} is read aloud, as words of the turn of line {self._script.turn_line}; "
                f"if it names a speaker, {advice}",
            )

    def _start_turn(self, number: int, label: str, text: str) -> None:
        self._script.start_turn(number, label)
        if text.strip():
            self._add_text(number, text)

    def _add_text(self, number: int, text: str) -> None:
        """Add text behind a label; it may have labels in brackets inside."""
        for label, part in self._by_inline_label(text):
            if label:
                self._script.start_turn(number, label)
            if part.strip():
                self._script.add_text(number, part)
        self._doubt_inside(number, text)

    def _doubt_inside(self, number: int, text: str) -> None:
        """Warn of a known label with a colon in the middle of a line."""
        if (":" in text or "：" in text) and (name := self._inside.search(text)):
            self._script.warn(
                number,
                f"{name[0].strip()} inside a line is read aloud; if {name['name']} speaks there, "
                "begin a new line with it",
            )

    def _by_inline_label(self, text: str) -> Iterator[tuple[str, str]]:
        """Split a text at the labels in brackets inside it; the first part has none."""
        label, at = "", 0
        for match in _INLINE.finditer(text):
            written = match[1] or match[2]
            if self._names.is_inline(written) and not meaning(written):
                yield label, text[at : match.start()]
                label, at = as_name(written) or "", match.end()
        yield label, text[at:]

    def _continue(self, number: int, text: str, *, literal: bool = False) -> None:
        """Continue the turn; only pauses and directions may stand before the first one.

        literal: the line is indented, so that nothing in it is a label.
        """
        parts = [("", text)] if literal else [*self._by_inline_label(text)]
        first = self._script.clean(number, parts[0][1], literal=literal)
        is_silent = has_only_pauses(first)
        if not self._script.has_turns and not is_silent:
            raise self._script.error(
                number,
                f"this line belongs to no turn: {excerpt(text.strip())}",
                f"{EXAMPLE} Before the first turn, a script can have only headings, comments, "
                "pauses and header lines (S1 = alice), without white space before them",
            )
        if self._script.has_turns and self._script.after_heading and not is_silent:
            self._script.after_heading = False
            self._script.warn(
                number,
                f"this line after a heading continues the turn of line {self._script.turn_line}",
            )
        self._script.add_cleaned(number, first)
        for label, part in parts[1:]:
            self._script.start_turn(number, label)
            if part.strip():
                self._script.add_text(number, part)
        if not literal:
            self._doubt_inside(number, text)

    def _add_header(self, number: int, header: Header, line: str) -> None:
        label = header.label
        if self._script.has_turns:
            self._script.warn(
                number,
                "this looks like a header line, but it is after the first turn, so it is read "
                "aloud; move it up, or indent it to avoid this warning",
            )
            self._continue(number, line)
            return
        if label in self._script.voices:
            raise self._script.error(
                number,
                f"{label} already has a voice, on line {self._script.label_lines[label]}",
                "keep one of the two lines",
            )
        try:
            voice, rate = header.voice_and_rate()
        except HeaderError as error:
            raise self._script.error(number, error.problem, error.hint) from None
        self._script.add_label(number, label)
        self._script.voices[label] = voice
        if rate is not None:
            self._script.rates[label] = rate
