"""Which language a text is marked with, for screen readers to say it well: tags of BCP 47."""

from __future__ import annotations

from collections import Counter

from podtts.publish.timeline import Timeline
from podtts.text.languages import main_language
from podtts.text.tags import Tag, dialect_of
from podtts.values import Turn

INTERFACE = "en"  # what the page's own words are in


def tongue(text: str, dialect: Tag | None = None) -> str:
    """The tag of a text; Cantonese has one of its own, Sichuanese and Henanese are Mandarin."""
    language = main_language(text)
    return "yue" if language == "zh" and dialect and dialect.name == "Yue" else language


def turn_tongue(turn: Turn) -> str:
    """The tag of a turn."""
    return tongue(turn.shown, dialect_of(turn.text))


def episode_tongue(timeline: Timeline) -> str:
    """The tag of what most of an episode is spoken in."""
    samples: Counter[str] = Counter()
    for turn in timeline.turns:
        samples[turn_tongue(turn.turn)] += turn.stop - turn.start
    return samples.most_common(1)[0][0] if samples else INTERFACE


def marked(tongue: str, around: str = INTERFACE) -> str:
    """The attribute that marks an element, where it differs from what is around it."""
    return "" if tongue == around else f' lang="{tongue}"'
