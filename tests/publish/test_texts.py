"""Subtitles, chapters and transcript of a small episode."""

import json

import pysubs2
import pytest

from podtts.audio.metadata import AudioMetadata
from podtts.publish.chapters import chapters
from podtts.publish.publish_options import LayoutOptions
from podtts.publish.subtitles import subtitles
from podtts.publish.timeline import Timeline, lay_out
from podtts.publish.transcript import transcript
from podtts.values import Chapter, Turn


@pytest.fixture
def timeline() -> Timeline:
    turns = [
        Turn(0, "Tom & <b>Jerry</b> in {braces}, C:\\New --> there. <|sigh|>"),
        Turn(0, "It goes on.", continues=True),
        Turn(1, "*Stars*"),
        Turn(1, "好。"),
    ]
    names = ["anna", "ben <3"]
    headings = [Chapter("One # two", 0), Chapter("Rest", 2)]
    return lay_out(turns, [24_000, 12_345, 7_000, 9_000], LayoutOptions(), names, headings)


def test_srt_names_each_new_speaker(timeline: Timeline) -> None:
    written = subtitles(timeline, "srt")
    assert "1\n00:00:00,000 --> 00:00:01,000\nanna: Tom & <b>Jerry</b> in {braces}, C:\\" in written
    assert "(sigh)" in written
    assert "<|" not in written
    assert "\nIt goes on.\n" in written
    assert "\nben <3: *Stars*\n" in written
    events = list(pysubs2.SSAFile.from_string(written))
    assert len(events) == 4
    assert events[-1].end == round(timeline.samples / 24)


def test_vtt_marks_every_voice_and_escapes(timeline: Timeline) -> None:
    written = subtitles(timeline, "vtt")
    assert written.startswith("WEBVTT\n\n")
    assert "<v anna>Tom &amp; &lt;b&gt;Jerry&lt;/b&gt; in {braces}" in written
    assert "--&gt; there." in written
    assert written.count("<v ben &lt;3>") == 2
    assert written.count(" --> ") == 4


def test_json_has_samples_and_estimated_flags(timeline: Timeline) -> None:
    written = json.loads(subtitles(timeline, "json"))
    segments = written["segments"]
    assert written["samples"] == timeline.samples == segments[-1]["endSample"]
    assert segments[-1]["endTime"] == timeline.samples / 24_000
    assert [segment["turn"] for segment in segments] == [1, 2, 3, 4]
    assert segments[1]["startSample"] == segments[0]["endSample"] == 24_000
    assert segments[3]["body"] == "好。"
    assert not any(segment["estimated"] for segment in segments)


def test_chapters_follow_podcasting_2(timeline: Timeline) -> None:
    written = json.loads(chapters(timeline, "Bridges"))
    assert written["version"] == "1.2.0"
    assert written["title"] == "Bridges"
    first, second = written["chapters"]
    assert first == {"startTime": 0.0, "endTime": second["startTime"], "title": "One # two"}
    assert second["startTime"] == timeline.turns[2].start / 24_000
    assert second["endTime"] == timeline.samples / 24_000
    assert "title" not in json.loads(chapters(timeline, ""))


def test_a_transcript_escapes_and_joins_turns(timeline: Timeline) -> None:
    tags = AudioMetadata(title="Bridges", comment="AI-generated speech")
    blocks = transcript(timeline, tags).split("\n\n")
    assert blocks[:3] == ["# Bridges", "*AI-generated speech*", "## One \\# two (0:00:00)"]
    assert blocks[3] == (
        "**anna** (0:00:00): Tom & \\<b\\>Jerry\\</b\\> in {braces}, C:\\\\New --\\> there. (sigh) "
        "It goes on."
    )
    assert blocks[4] == "## Rest (0:00:01)"
    assert blocks[5] == "**ben \\<3** (0:00:01): \\*Stars\\*"
    assert transcript(timeline, AudioMetadata(comment="x")).startswith("*x*\n")
