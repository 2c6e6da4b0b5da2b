"""Draws a sweep (SVG): a bar for every preset and batch size, stacked by stage."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from podtts.bench.sweep import SweepPoint

# Okabe and Ito's colours: safe for colour-blind readers, readable on light and dark pages.
_COLOURS = {"llm": "#0072B2", "flow": "#E69F00", "vocoder": "#009E73", "rest": "#999999"}
_NAMES = {"llm": "LLM", "flow": "flow", "vocoder": "vocoder", "rest": "between"}
_BAR, _GAP, _BETWEEN = 44, 14, 46  # widths: a bar, between bars, between presets
_LEFT, _TOP, _HEIGHT, _BOTTOM = 56, 64, 260, 58
_TITLE, _LETTER = 14, 0.6  # the title's font size, and the width of a wide letter over it
_NAME = 90  # width of a stage's name in the legend


def sweep_svg(title: str, points: Sequence[SweepPoint]) -> str:
    """Return the SVG document. The RTF of every bar is above it."""
    bars = len(points) * (_BAR + _GAP) + _BETWEEN * len({point.preset for point in points})
    width = _LEFT + max(bars, _NAME * len(_NAMES), math.ceil(len(title) * _TITLE * _LETTER))
    height = _TOP + _HEIGHT + _BOTTOM
    highest = max(point.rtf for point in points)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="{escape(title)}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#808080">',
        f'<text x="{_LEFT}" y="20" font-size="{_TITLE}">{escape(title)}</text>',
        *_legend(),
        *_bars(points, highest),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _legend() -> Iterator[str]:
    for number, (stage, colour) in enumerate(_COLOURS.items()):
        x = _LEFT + _NAME * number
        yield f'<rect x="{x}" y="32" width="12" height="12" fill="{colour}"/>'
        yield f'<text x="{x + 18}" y="42">{_NAMES[stage]}</text>'


def _bars(points: Sequence[SweepPoint], highest: float) -> Iterator[str]:
    ground, x, last = _TOP + _HEIGHT, _LEFT, ""
    for point in points:
        if point.preset != last:
            x += _BETWEEN if last else 0
            last = point.preset
            yield f'<text x="{x}" y="{ground + 42}" font-weight="bold">{escape(last)}</text>'
        y = float(ground)
        for stage, rtf in point.rtf_by_stage().items():
            size = rtf / highest * (_HEIGHT - 20)
            y -= size
            yield (
                f'<rect x="{x}" y="{y:.1f}" width="{_BAR}" height="{size:.1f}" '
                f'fill="{_COLOURS[stage]}"><title>{_NAMES[stage]} {rtf:.3g}</title></rect>'
            )
        middle = x + _BAR / 2
        yield f'<text x="{middle}" y="{y - 5:.1f}" text-anchor="middle">{point.rtf:.3g}</text>'
        yield f'<text x="{middle}" y="{ground + 20}" text-anchor="middle">{point.batch}</text>'
        x += _BAR + _GAP
