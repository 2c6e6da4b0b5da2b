"""Finds what is doubtful in a transcript without hearing its recording.

The model reads a transcript as the exact words of the recording. Words that are not said leak into
what the voice says later, and words that are missing make it drop others.
"""

import re

from podtts.script.markup import (
    unescape,
    without_comments,
    without_emoji,
    without_emphasis,
    without_links,
    without_tags,
)
from podtts.text.characters import excerpt
from podtts.text.languages import HAN, has_han
from podtts.text.length import expected_seconds
from podtts.text.readable import unreadable
from podtts.text.tags import TAG

# Times the expected pace. Fast talkers reach 1.6; readers with long pauses fall to 0.5.
_FASTEST, _SLOWEST = 2.0, 1 / 3
_LABEL = re.compile(r"(?:\[[^\[\]]{1,30}\]|[^\W_]\w{0,20})\s*[:：]")
_BRACKETS = re.compile(r"[\[(（【{][^\])）】}]*[\])）】}]?")
_END = re.compile(r"[.!?…。！？][\"'”’」』）)\]》]*\s*\Z")
_WORD = re.compile(rf"[{HAN}]|[^\s{HAN}]+")


def find_transcript_problems(transcript: str, seconds: float) -> tuple[str, ...]:
    """Return a message for each doubt about a transcript. seconds: of its recording."""
    problems = []
    if tags := TAG.findall(transcript):
        problems.append(f"its transcript has {tags[0]}: keep a tag only if the recording has it")
    text = TAG.sub(" ", transcript).strip()
    words = _without_markup(text)
    if words != text:
        problems.append("its transcript has markup: write its words alone")
    if label := _LABEL.match(words):
        problems.append(
            f"its transcript begins with what looks like a label, {excerpt(label[0])}: "
            "leave it out unless it is said"
        )
        words = words[label.end() :]
    if brackets := _BRACKETS.search(words):
        problems.append(
            f"its transcript has brackets, {excerpt(brackets[0])}: leave out what is not said"
        )
    without_pictures = without_emoji(words, _ignore)
    if without_pictures != words:
        problems.append("its transcript has emoji, which are not said: leave them out")
    words = _BRACKETS.sub(" ", without_pictures)
    if signs := [word for word in words.split() if unreadable(word)]:
        shown = excerpt(", ".join(signs))
        problems.append(f"its transcript has {shown}: write the words that are said")
    return (*problems, *_doubtful_pace(words, seconds), *_missing_end(words))


def _doubtful_pace(words: str, seconds: float) -> list[str]:
    pace = expected_seconds(words) / seconds
    if _SLOWEST <= pace <= _FASTEST:
        return []
    count = len(_WORD.findall(words))
    kind = ("character" if has_han(words) else "word") + "s" * (count != 1)
    amount = f"its transcript has {count} {kind} for {seconds:.1f} s"
    if pace > _FASTEST:
        return [f"{amount}, more than anybody says: leave out what is not in the recording"]
    return [f"{amount}, which is little: write down all that is said"]


def _missing_end(words: str) -> list[str]:
    if not words or _END.search(words):
        return []
    return ["its transcript does not end with a mark such as . or ?: add the one that fits"]


def _without_markup(text: str) -> str:
    text = without_links(without_comments(unescape(text)), _ignore)
    return without_tags(without_emphasis(text), _ignore, lambda name, rest: "").strip()


def _ignore(problem: str) -> None:
    """What is left out is reported in other words."""
