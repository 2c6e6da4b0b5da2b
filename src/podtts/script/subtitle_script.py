"""Reads subtitles as scripts: .srt and .vtt whose cues name their speakers.

    1                                         WEBVTT
    00:00:01,000 --> 00:00:02,000
    anna: Hello.                              00:01.000 --> 00:02.000
                                              <v anna>Hello.
A cue without a name continues the turn. So does a cue of the same voice after words that end no
sentence, because long turns are cut into several cues.
"""

import re
from collections.abc import Iterator

from podtts.script.lines import ScriptLine
from podtts.script.names import as_name

_CLOCK = r"(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}"
_TIMING = re.compile(rf"\s*{_CLOCK}\s*-->\s*{_CLOCK}.*")
_COUNTER = re.compile(r"\s*\d{1,6}\s*")
_VOICE = re.compile(r"<v(?:\.[\w.-]{1,60})?[ \t]+(?P<name>[^<>]{1,80})>")
_STYLE = re.compile(
    r"</v>|</?c(?:\.[\w.-]{0,60})?>|</?lang[^<>]{0,40}>|<\d[\d:.]{3,12}>|\{\\[^{}]{0,60}\}"
)
_BLOCKS = ("NOTE", "STYLE", "REGION")
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’」』)）]*\s*\Z")
_DASH = re.compile(r"\A[-–—]\s*(?=\S)")


def is_subtitles(text: str) -> bool:
    """Whether a text begins like a subtitle file."""
    lines = [line for line in text[:2000].split("\n") if line.strip()][:3]
    if lines and lines[0].startswith("WEBVTT"):
        return True
    return any(_TIMING.fullmatch(line) for line in lines[:2]) and (
        _TIMING.fullmatch(lines[0]) is not None or _COUNTER.fullmatch(lines[0]) is not None
    )


def subtitle_lines(text: str) -> list[ScriptLine]:
    """Return the words of the cues as lines of a script, without counters, times and styles."""
    lines: list[ScriptLine] = []
    speaker, said = "", ""  # of the cue before, where it has a voice tag
    for number, words in _cue_lines(text.split("\n")):
        for name, part in _by_voice(words):
            voice = as_name(name) or "" if name else ""
            part = _STYLE.sub("", part).strip()
            if not part:
                continue
            goes_on = voice == speaker and said and not _SENTENCE_END.search(said)
            if voice and not goes_on:
                lines.append(ScriptLine(number, part, speaker=voice))
            else:
                is_words = bool(voice) or (bool(speaker) and not name)
                lines.append(ScriptLine(number, _DASH.sub("", part, 1), is_words=is_words))
            speaker, said = voice or speaker, part
    return lines


def _cue_lines(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines of text in cues, with their numbers."""
    in_cue = in_block = False
    for number, line in enumerate(lines, 1):
        following = lines[number] if number < len(lines) else ""
        if not line.strip():
            in_cue = in_block = False
        elif _TIMING.fullmatch(line):
            in_cue, in_block = True, False
        elif in_cue and not (_COUNTER.fullmatch(line) and _TIMING.fullmatch(following)):
            yield number, line.strip()
        elif not in_block and line.startswith(_BLOCKS):
            in_block = True


def _by_voice(words: str) -> Iterator[tuple[str, str]]:
    """Split a line at its voice tags; the first part has none."""
    name, at = "", 0
    for tag in _VOICE.finditer(words):
        yield name, words[at : tag.start()]
        name, at = tag["name"], tag.end()
    yield name, words[at:]
