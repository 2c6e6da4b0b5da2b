"""Chapters: in the JSON format of Podcasting 2.0, for podcast apps, and for audio files."""

from __future__ import annotations

import json

from podtts.audio.metadata import ChapterMark
from podtts.publish.timeline import Timeline
from podtts.rates import OUTPUT_HZ

_VERSION = "1.2.0"


def chapter_marks(timeline: Timeline) -> tuple[ChapterMark, ...]:
    """Return the chapters for the inside of an audio file."""
    return tuple(
        ChapterMark(chapter.title, _milliseconds(chapter.start), _milliseconds(chapter.stop))
        for chapter in timeline.chapters
    )


def _milliseconds(samples: int) -> int:
    return round(samples * 1000 / OUTPUT_HZ)


def chapters(timeline: Timeline, title: str) -> str:
    """Return the content of a chapters file. The title of the episode may be empty."""
    episode = {"title": title} if title else {}
    rows = [
        {
            "startTime": chapter.start / OUTPUT_HZ,
            "endTime": chapter.stop / OUTPUT_HZ,
            "title": chapter.title,
        }
        for chapter in timeline.chapters
    ]
    return (
        json.dumps({"version": _VERSION, **episode, "chapters": rows}, ensure_ascii=False, indent=1)
        + "\n"
    )
