"""The transcript of an episode in Markdown, with speakers and times."""

from __future__ import annotations

import re

from podtts.audio.metadata import AudioMetadata
from podtts.publish.cues import shown_text
from podtts.publish.timeline import Timeline
from podtts.rates import OUTPUT_HZ

_MARKUP = re.compile(r"([\\`*_\[\]<>#|~])")


def transcript(timeline: Timeline, tags: AudioMetadata) -> str:
    """Return the content of a transcript: chapters as headings, one paragraph per written turn."""
    blocks = [f"# {_plain(tags.title)}"] if tags.title else []
    blocks.append(f"*{_plain(tags.comment)}*")
    starts = {chapter.start: chapter.title for chapter in timeline.chapters}
    for turn in timeline.turns:
        opening = [start for start in starts if start <= turn.start]
        blocks += [f"## {_plain(starts.pop(start))} ({_clock(start)})" for start in opening]
        text = _plain(shown_text(turn.turn.shown))
        if turn.turn.continues and not opening and turn.number > 1:
            blocks[-1] += f" {text}"
        else:
            blocks.append(f"**{_plain(timeline.name(turn))}** ({_clock(turn.start)}): {text}")
    return "\n\n".join(blocks) + "\n"


def _plain(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)


def _clock(samples: int) -> str:
    minutes, seconds = divmod(samples // OUTPUT_HZ, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
