"""The content of a page as HTML. `_text` escapes every text of the script."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from itertools import groupby

from podtts.publish.cues import Cue, cues, shown_text
from podtts.publish.language_tags import lang, language_tag, turn_language_tag
from podtts.publish.timeline import TimedTurn, Timeline
from podtts.rates import OUTPUT_HZ
from podtts.text.counting import counted
from podtts.text.tags import dialect_of
from podtts.values import RunWork

_STAGES = {
    "llm": "Language model",
    "flow": "Flow",
    "vocoder": "Vocoder",
    "hearing": "Listening",
    "total": "All stages",
}


def speakers(timeline: Timeline) -> str:
    """Return the list of speakers, in their colours, with the duration of their turns."""
    durations = dict.fromkeys(sorted({turn.turn.speaker for turn in timeline.turns}), 0)
    for turn in timeline.turns:
        durations[turn.turn.speaker] += turn.stop - turn.start
    return "\n".join(
        f'<li class="speaker-{speaker + 1}"><b class="name" dir="auto"'
        f"{lang(language_tag(timeline.speakers[speaker]))}>{_text(timeline.speakers[speaker])}</b> "
        f"<span>{clock(samples)}</span></li>"
        for speaker, samples in durations.items()
    )


def chapters(timeline: Timeline) -> str:
    """Return the list of chapters with their links; empty without chapters."""
    if not timeline.chapters:
        return ""
    rows = "\n".join(
        f'<li><button type="button" data-start="{_seconds(chapter.start)}">'
        f'<time>{clock(chapter.start)}</time> <span dir="auto"{lang(language_tag(chapter.title))}>'
        f"{_text(chapter.title)}</span>"
        "</button></li>"
        for chapter in timeline.chapters
    )
    return f'<nav class="chapters" aria-label="Chapters"><ol>\n{rows}\n</ol></nav>'


def transcript(timeline: Timeline) -> str:
    """Return all turns under the headings of their chapters."""
    return "\n".join(_transcript(timeline))


def figures(timeline: Timeline, work: RunWork | None) -> str:
    """Return the duration of the episode, and the speed of the run."""
    turns = f"{counted(len(timeline.turns), 'turn')}, {clock(timeline.samples)} of audio."
    if work is None or not work.audio_seconds:
        return f"<p>{turns} This run spoke nothing: all of it is of earlier runs.</p>"
    caption = (
        f"Seconds of work for {work.audio_seconds:.1f} s of speech on {_text(work.device)}. "
        "RTF: seconds of work per second of speech, lower is better."
    )
    stages = work.stages.by_stage() | {"total": work.stages.total}
    rows = "\n".join(
        f'<tr><th scope="row">{_STAGES[stage]}</th><td>{seconds:.1f} s</td>'
        f"<td>{seconds / work.audio_seconds:.2f}</td></tr>"
        for stage, seconds in stages.items()
    )
    return (
        f"<p>{turns} This run spoke {work.turns} of them.</p>\n"
        f"<table>\n<caption>{caption}</caption>\n"
        '<tr><th scope="col">Stage</th><th scope="col">Work</th><th scope="col">RTF</th></tr>\n'
        f"{rows}\n</table>"
    )


def clock(samples: int) -> str:
    """Return a position for readers: 2:03, or 1:02:03 after the first hour."""
    minutes, seconds = divmod(samples // OUTPUT_HZ, 60)
    if minutes < 60:
        return f"{minutes}:{seconds:02}"
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _transcript(timeline: Timeline) -> Iterator[str]:
    headings = {chapter.start: chapter.title for chapter in timeline.chapters}
    parts = {
        number: [*group] for number, group in groupby(cues(timeline), lambda cue: cue.turn.number)
    }
    yield '<ol class="turns">'
    for turn in timeline.turns:
        opening = [start for start in headings if start <= turn.start]
        if opening:
            yield "</ol>"
            for title in (headings.pop(start) for start in opening):
                yield f'<h2 dir="auto"{lang(language_tag(title))}>{_text(title)}</h2>'
            yield '<ol class="turns">'
        yield _turn(timeline.name(turn), turn, parts.get(turn.number, []))
    yield "</ol>"


def _turn(speaker: str, turn: TimedTurn, parts: Sequence[Cue]) -> str:
    return (
        f'<li class="turn speaker-{turn.turn.speaker + 1}" id="turn-{turn.number}" '
        f'data-start="{_seconds(turn.start)}">'
        f'<button type="button" class="jump" aria-label="Play turn {turn.number}">'
        f"<time>{clock(turn.start)}</time></button>"
        f'<p class="name"><bdi{lang(language_tag(speaker))}>{_text(speaker)}</bdi>'
        f'<span class="number">{turn.number}</span></p>'
        f'<p dir="auto"{lang(turn_language_tag(turn.turn))}>{_turn_text(turn, parts)}</p></li>'
    )


def _turn_text(turn: TimedTurn, parts: Sequence[Cue]) -> str:
    """Return the text of a turn; every part of a long one has its start time."""
    text = shown_text(turn.turn.shown)
    if len(parts) < 2:
        return _text(text)
    turn_tag, dialect = turn_language_tag(turn.turn), dialect_of(turn.turn.text)
    spans, at = [], 0
    for part in parts:
        start = text.index(part.text, at)  # between parts there is white space, or nothing
        spans.append(
            f'{_text(text[at:start])}<span class="part" data-start="{_seconds(part.start)}"'
            f"{lang(language_tag(part.text, dialect), turn_tag)}>{_text(part.text)}</span>"
        )
        at = start + len(part.text)
    return "".join(spans)


def _seconds(samples: int) -> str:
    return f"{samples / OUTPUT_HZ:.6f}"


def _text(text: str) -> str:
    return html.escape(text, quote=True)
