"""Subtitles: SRT, WebVTT, and JSON in the Podcasting 2.0 transcript format."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from typing import Any

import pysubs2

from podtts.publish.cues import Cue, cues
from podtts.publish.publish_options import Subtitles
from podtts.publish.timeline import Timeline
from podtts.rates import OUTPUT_HZ


def subtitles(timeline: Timeline, kind: Subtitles) -> str:
    """Return the content of a subtitle file."""
    if kind == "json":
        return json.dumps(_transcript(timeline), ensure_ascii=False, indent=1) + "\n"
    file = pysubs2.SSAFile()
    file.events = [
        pysubs2.SSAEvent(_milliseconds(cue.start), _milliseconds(cue.stop), text)
        for cue, text in (_vtt_texts(timeline) if kind == "vtt" else _srt_texts(timeline))
    ]
    return file.to_string(kind, keep_ssa_tags=True)  # keeps braces, which are text here


def _srt_texts(timeline: Timeline) -> Iterator[tuple[Cue, str]]:
    """Yield the texts for SRT, with the name whenever the speaker changes."""
    speaker = None
    for cue in cues(timeline):
        text = _literal(cue.text)
        if cue.turn.turn.speaker != speaker:
            text = f"{_literal(timeline.name(cue.turn))}: {text}"
        speaker = cue.turn.turn.speaker
        yield cue, text


def _vtt_texts(timeline: Timeline) -> Iterator[tuple[Cue, str]]:
    """Yield the texts for WebVTT, which has voice tags for the speakers."""
    for cue in cues(timeline):
        name = html.escape(_literal(timeline.name(cue.turn)), quote=False)
        yield cue, f"<v {name}>{html.escape(_literal(cue.text), quote=False)}"


def _literal(text: str) -> str:
    """Add an invisible word joiner after backslashes, so that pysubs2 does not interpret them."""
    return text.replace("\\", "\\\u2060")


def _milliseconds(samples: int) -> int:
    return round(samples * 1000 / OUTPUT_HZ)


def _transcript(timeline: Timeline) -> dict[str, Any]:
    """Return the Podcasting 2.0 transcript; samples, turn and `estimated` are additions."""
    return {
        "version": "1.0.0",
        "sampleRate": OUTPUT_HZ,
        "samples": timeline.samples,
        "segments": [
            {
                "speaker": timeline.name(cue.turn),
                "startTime": cue.start / OUTPUT_HZ,
                "endTime": cue.stop / OUTPUT_HZ,
                "body": cue.text,
                "turn": cue.turn.number,
                "startSample": cue.start,
                "endSample": cue.stop,
                "estimated": cue.estimated,
            }
            for cue in cues(timeline)
        ],
    }
