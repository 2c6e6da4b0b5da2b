"""What a page shows, as HTML. Every text of a script goes through `_text`: none of it is markup."""

from __future__ import annotations

import html
from collections.abc import Iterator

from podtts.publish.cues import shown_text
from podtts.publish.timeline import TimedTurn, Timeline
from podtts.rates import OUTPUT_HZ
from podtts.values import RunWork

_STAGES = {"llm": "Language model", "flow": "Flow", "vocoder": "Vocoder", "total": "All stages"}


def speakers(timeline: Timeline) -> str:
    """A list of who speaks, in their colours, and for how long."""
    spoken = dict.fromkeys(sorted({turn.turn.speaker for turn in timeline.turns}), 0)
    for turn in timeline.turns:
        spoken[turn.turn.speaker] += turn.stop - turn.start
    return "\n".join(
        f'<li class="speaker-{speaker + 1}"><b class="name" dir="auto">'
        f"{_text(timeline.speakers[speaker])}</b> <span>{clock(samples)}</span></li>"
        for speaker, samples in spoken.items()
    )


def chapters(timeline: Timeline) -> str:
    """A list of the chapters that goes there; nothing where there are none."""
    if not timeline.chapters:
        return ""
    rows = "\n".join(
        f'<li><button type="button" data-start="{_seconds(chapter.start)}">'
        f'<time>{clock(chapter.start)}</time> <span dir="auto">{_text(chapter.title)}</span>'
        "</button></li>"
        for chapter in timeline.chapters
    )
    return f'<nav class="chapters" aria-label="Chapters"><ol>\n{rows}\n</ol></nav>'


def transcript(timeline: Timeline) -> str:
    """All turns below the headings of their chapters."""
    return "\n".join(_transcript(timeline))


def made(timeline: Timeline, work: RunWork | None) -> str:
    """How long the episode is, and how fast the run was that made it."""
    turns = f"{len(timeline.turns)} turns, {clock(timeline.samples)} of audio."
    if work is None or not work.audio_seconds:
        return f"<p>{turns} This run spoke nothing: all of it is of earlier runs.</p>"
    caption = (
        f"Seconds of work for {work.audio_seconds:.1f} s of speech on {_text(work.device)}. "
        "RTF: seconds of work per second of speech, lower is better."
    )
    rows = "\n".join(
        f'<tr><th scope="row">{name}</th><td>{getattr(work.stages, stage):.1f} s</td>'
        f"<td>{getattr(work.stages, stage) / work.audio_seconds:.2f}</td></tr>"
        for stage, name in _STAGES.items()
    )
    return (
        f"<p>{turns} This run spoke {work.turns} of them.</p>\n"
        f"<table>\n<caption>{caption}</caption>\n"
        '<tr><th scope="col">Stage</th><th scope="col">Work</th><th scope="col">RTF</th></tr>\n'
        f"{rows}\n</table>"
    )


def clock(samples: int) -> str:
    """A place as people read it: 2:03, or 1:02:03 behind the first hour."""
    minutes, seconds = divmod(samples // OUTPUT_HZ, 60)
    if minutes < 60:
        return f"{minutes}:{seconds:02}"
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _transcript(timeline: Timeline) -> Iterator[str]:
    headings = {chapter.start: chapter.title for chapter in timeline.chapters}
    yield '<ol class="turns">'
    for turn in timeline.turns:
        opening = [start for start in headings if start <= turn.start]
        if opening:
            yield "</ol>"
            yield from (f'<h2 dir="auto">{_text(headings.pop(start))}</h2>' for start in opening)
            yield '<ol class="turns">'
        yield _turn(timeline, turn)
    yield "</ol>"


def _turn(timeline: Timeline, turn: TimedTurn) -> str:
    speaker = _text(timeline.name(turn))
    return (
        f'<li class="turn speaker-{turn.turn.speaker + 1}" id="turn-{turn.number}" '
        f'data-start="{_seconds(turn.start)}">'
        f'<button type="button" class="jump" aria-label="Play turn {turn.number}">'
        f"<time>{clock(turn.start)}</time></button>"
        f'<p class="name"><bdi>{speaker}</bdi><span class="number">{turn.number}</span></p>'
        f'<p dir="auto">{_text(shown_text(turn.turn.shown))}</p></li>'
    )


def _seconds(samples: int) -> str:
    return f"{samples / OUTPUT_HZ:.6f}"


def _text(text: str) -> str:
    return html.escape(text, quote=True)
