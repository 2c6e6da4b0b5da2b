"""Assembles a script from what a reader finds in a file, whatever its form.

A reader says where turns start, adds texts line by line, headings and voices. Texts are cleaned
here, so directions and markup mean the same in every form.
"""

from collections.abc import Callable

from podtts.errors import ScriptError
from podtts.rates import MAX_SPEAKERS
from podtts.script.cleaning import Cleaner
from podtts.script.model import (
    Script,
    ScriptPrompt,
    nothing_to_say,
    too_many_speakers,
    unused_speakers,
)
from podtts.script.reading import ReadingOptions
from podtts.script.turn_builder import TurnBuilder
from podtts.values import Chapter

EXAMPLE = "a turn looks like this: [S1] Hello there. Or, with a space: S1: Hello there."


class ScriptAssembly:
    """A script that grows.

    source:    its name in messages.
    separator: returns what joins two lines of a turn.
    """

    def __init__(
        self, source: str, options: ReadingOptions, separator: Callable[[str, str], str]
    ) -> None:
        self.source = source
        self.label_lines: dict[str, int] = {}  # in order of speaker numbers
        self.voices: dict[str, str] = {}
        self.rates: dict[str, float] = {}
        self.prompts: dict[str, ScriptPrompt] = {}
        self.after_heading = False  # no turn has started since the last heading
        self._turns = TurnBuilder(separator, self.warn)
        self._cleaner = Cleaner(source, options, self.warn)
        self._chapters: list[Chapter] = []
        self._warnings: list[str] = []
        self._separator = separator
        self._lines: list[tuple[int, str]] = []  # of the last turn, cleaned

    @property
    def has_turns(self) -> bool:
        """Whether a turn has started."""
        return bool(self._turns)

    @property
    def turn_line(self) -> int:
        """The line of the last turn."""
        return self._turns.last.line

    @property
    def speaker(self) -> str | None:
        """The label of the last turn."""
        return list(self.label_lines)[self._turns.last.speaker] if self._turns else None

    def start_turn(self, line: int, label: str) -> None:
        """Start a turn. Raises ScriptError when the turn before has no text, or a fifth speaks."""
        self._end_turn()
        self.add_label(line, label)
        self._turns.start_turn(list(self.label_lines).index(label), line)
        self.after_heading = False

    def add_direction(self, line: int, direction: str) -> None:
        """Add a direction that stands between a label and its colon."""
        self.add_cleaned(line, self._cleaner.behind_label(line, direction))

    def add_text(self, line: int, text: str) -> None:
        """Add a line of text to the last turn. Raises ScriptError."""
        self.add_cleaned(line, self.clean(line, text))

    def clean(self, line: int, text: str, *, literal: bool = False) -> str:
        """Return the text of a line as words, tags and pauses, for `add_cleaned`.

        literal: a name in brackets is words. Raises ScriptError.
        """
        return self._cleaner.clean(line, text, literal=literal)

    def add_cleaned(self, line: int, text: str) -> None:
        """Add a text that was cleaned; before the first turn it may hold only pauses."""
        if self._turns:
            self._lines.append((line, text))
        elif text:
            self._add_to_turn(line, text)

    def note_time(self, line: int, written: str) -> None:
        """Warn once that times at labels are left out."""
        self._cleaner.note_time(line, written)

    def add_chapter(self, line: int, title: str) -> None:
        """Add a heading. Raises ScriptError for one without a title."""
        if not title:
            raise self.error(line, "a heading without a title", "add a title")
        self._chapters.append(Chapter(title, len(self._turns), line))
        self.after_heading = True

    def add_label(self, line: int, label: str) -> None:
        """Assign the next speaker number to a new label. Raises ScriptError for a fifth."""
        if label in self.label_lines:
            return
        if len(self.label_lines) == MAX_SPEAKERS:
            raise too_many_speakers(
                self.source,
                line,
                label,
                self.label_lines,
                "indent the line if it continues the turn above",
            )
        self.label_lines[label] = line

    def finish(self) -> Script:
        """Return the script. Raises ScriptError when it has no turns."""
        self._end_turn()
        turns, chapters = self._turns.build(self._chapters)
        if not turns:
            raise self.error(1, "the script has no turns", EXAMPLE)
        if self.after_heading:
            self.warn(self._chapters[-1].line, "no turn follows this heading")
        return Script(
            source=self.source,
            labels=tuple(self.label_lines),
            turns=turns,
            chapters=chapters,
            voices=self.voices,
            prompts=self.prompts,
            warnings=(
                *self._warnings,
                *unused_speakers(self.source, self.label_lines, turns),
            ),
            label_lines=self.label_lines,
            rates=self.rates,
        )

    def warn(self, line: int, problem: str) -> None:
        """Add a warning."""
        self._warnings.append(f"{self.source}:{line}: {problem}")

    def error(self, line: int, problem: str, hint: str = "") -> ScriptError:
        """Return an error of a line."""
        return ScriptError(self.source, line, problem, hint)

    def _end_turn(self) -> None:
        """Build the last turn from its lines: one of which all was left out is silence."""
        if not self._turns:
            return
        last, lines, self._lines = self._turns.last, self._lines, []
        for line, text in self._cleaned_together(last.line, [pair for pair in lines if pair[1]]):
            self._add_to_turn(line, text)
        if last.empty and lines:
            self._warnings.append(nothing_to_say(self.source, last.line))
            self._turns.add_silence(last.line)
        elif last.empty:
            raise self.error(
                last.line,
                f"the turn of {list(self.label_lines)[last.speaker]} has no text",
                "write its text, or delete the line",
            )

    def _cleaned_together(self, first: int, lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
        """Return the lines of a turn; as one line if there is markup over several of them."""
        if len(lines) < 2:
            return lines
        joined = lines[0][1]
        for _, text in lines[1:]:
            joined += self._separator(joined, text) + text
        cleaned = self._cleaner.clean(first, joined, literal=True)
        return lines if cleaned == joined else [(first, cleaned)]

    def _add_to_turn(self, line: int, text: str) -> None:
        # Tags and pauses cannot span lines, because lines are joined with a space.
        if problem := self._turns.add_line(line, text):
            raise self.error(line, problem.problem, problem.hint)
