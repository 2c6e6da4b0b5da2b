"""The drawing; the peaks of a mix are in test_page.py."""

import re

import pytest

from podtts.publish.publish_options import LayoutOptions
from podtts.publish.timeline import Timeline, lay_out
from podtts.publish.waveform import waveform
from podtts.values import Chapter, Turn


@pytest.fixture
def timeline() -> Timeline:
    turns = [Turn(0, "a"), Turn(1, "b")]
    chapters = [Chapter("One", 0), Chapter("Two", 1)]
    layout = LayoutOptions(gap_seconds=0.0)
    return lay_out(turns, [30_000, 10_000], layout, ["anna", "ben"], chapters)


def test_bars_have_the_class_of_their_speaker(timeline: Timeline) -> None:
    drawing = waveform([1.0, 1.0, 1.0, 1.0], timeline)
    anna, ben = re.findall(r'<path class="speaker-\d" d="([^"]*)"/>', drawing)
    assert anna == "M0 0h1v100h-1zM1 0h1v100h-1zM2 0h1v100h-1z"
    assert ben == "M3 0h1v100h-1z"


def test_bars_are_scaled_to_the_largest(timeline: Timeline) -> None:
    drawing = waveform([0.5, 0.25, 0.0, 0.5], timeline)
    assert "M0 0h1v100" in drawing
    assert "M1 25h1v50" in drawing
    assert "M2 49.5h1v1h" in drawing  # silence is still visible


def test_chapters_are_marked_except_at_the_beginning(timeline: Timeline) -> None:
    assert re.findall(r'class="mark" d="([^"]*)"', waveform([1.0] * 4, timeline)) == ["M3.0 0v100"]
