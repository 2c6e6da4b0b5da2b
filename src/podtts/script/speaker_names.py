"""Decides which of the possible labels of a script are speakers.

A label that is declared, used in podtts' own form, or the name of a known voice is one. So is what
can be nothing else (Speaker 1). Of all others, a script decides by its own habit: its first line
of speech shows how it names speakers.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from podtts.script.directions import meaning
from podtts.script.headers import find_header
from podtts.script.lines import ScriptLine
from podtts.script.names import as_name, is_name_like, is_role
from podtts.script.openings import Kind, Opening, find_opening
from podtts.script.own_labels import TURN, is_direction, label_of
from podtts.script.reading import ReadingOptions


class SpeakerNames:
    """The speakers of a script, and those names that may be speakers or words.

    own:       labels in podtts' own form: `[S1]` and `S1: `.
    brackets:  whether some of these are in brackets. Then a name with a colon is words by default.
    declared:  labels of header lines.
    openings:  the possible labels of all other lines, in order.
    habit:     how the first line of speech names its speaker; None: in podtts' own form.
    """

    def __init__(
        self,
        own: Collection[str],
        declared: Iterable[str],
        openings: Iterable[Opening],
        habit: Kind | None,
        options: ReadingOptions,
        *,
        brackets: bool,
    ) -> None:
        self._known = {name.casefold() for name in (*own, *declared)}
        self._options = options
        self._counts = Counter((opening.label, opening.kind) for opening in openings)
        self._habit, self._brackets = habit, brackets

    def knows(self, name: str) -> bool:
        """Whether a name is a label of this script, or a known label or voice."""
        return name.casefold() in self._known or self._options.knows(name)

    def starts(self, line: str) -> bool:
        """Whether a line begins with a label that is known, or can be nothing else."""
        if turn := TURN.match(line):
            label = label_of(turn)
            if label and turn["bracketed"]:
                return not is_direction(turn)
            return label is not None and (self.knows(label) or is_role(label))
        opening = find_opening(line)
        return opening is not None and (
            is_role(opening.label) if opening.kind == "bracket" else self.knows(opening.label)
        )

    def is_speaker(self, opening: Opening, *, apart: bool) -> bool:
        """Whether an opening starts a turn.

        apart: whether the line follows an empty line and is followed by text, as a name alone does.
        """
        label, kind = opening.label, opening.kind
        if kind == "bare" and not (apart or opening.time):
            return False
        is_habit, often = kind == self._habit, self._counts[label, kind] > 1
        if self.knows(label) or (is_role(label) and kind not in ("strong", "dash")):
            return kind != "dash" or is_habit
        if kind == "bracket":
            return is_name_like(label) and meaning(label) is None
        if kind == "tight" and not label.isascii():  # no word has a colon inside in Chinese
            return not self._brackets
        if kind in ("bare", "strong", "dash"):
            return is_habit and is_name_like(label) and (often or opening.time != "")
        if kind in ("tight", "alone"):
            return is_habit and is_name_like(label)
        return not self._brackets and (is_name_like(label) or often or is_habit)

    def is_doubtful(self, opening: Opening) -> bool:
        """Whether an opening that starts no turn might have been meant to."""
        if opening.kind == "dash":
            return self.knows(opening.label)
        return opening.kind in ("colon", "tight", "alone") and (
            is_name_like(opening.label) or (not self._brackets and opening.kind == "colon")
        )

    def inside(self) -> re.Pattern[str]:
        """Return the pattern of a known name with a colon behind the end of a sentence."""
        names = sorted(self._known | self._options.names, key=len, reverse=True)
        known = "|".join(map(re.escape, names)) or r"(?!)"
        return re.compile(
            rf"(?<=[.!?。！？…”\"])\s*(?P<name>(?:{known}|(?:Speaker|Host|Guest|Person) ?\d))[:：]"
            r"(?=\s|[^\x00-\x7f])",
            re.IGNORECASE,
        )

    def is_inline(self, written: str) -> bool:
        """Whether a name in brackets inside a line is a speaker."""
        name = as_name(written)
        return name is not None and (self.knows(name) or is_role(name))


def find_names(lines: Sequence[ScriptLine], options: ReadingOptions) -> SpeakerNames:
    """Look through a script for its labels."""
    own: set[str] = set()
    declared = {line.speaker for line in lines if line.speaker}
    openings: list[Opening] = []
    habit: Kind | None = None
    brackets = has_speech = is_behind_name = False
    for line in lines:
        if line.speaker or line.is_words or not line.is_speech:
            continue
        turn = TURN.match(line.text)
        if is_behind_name and turn and turn["named"]:  # the text of a name alone
            is_behind_name = False
            continue
        is_behind_name = False
        if turn and turn["nothing_after"] is None and (label := label_of(turn)):
            if is_direction(turn):
                continue
            own.add(label)
            brackets = brackets or bool(turn["bracketed"])
        elif not has_speech and (header := find_header(line.text)):
            declared.add(header.label)
            continue
        elif opening := find_opening(line.text):
            openings.append(opening)
            is_behind_name = opening.kind == "alone" or (
                opening.kind == "bare" and opening.time != ""
            )
            habit = habit if has_speech else opening.kind
        has_speech = True
    return SpeakerNames(own, declared, openings, habit, options, brackets=brackets)
