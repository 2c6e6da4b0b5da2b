"""Language tags (BCP 47) for the texts of a page: screen readers need them for pronunciation."""

from __future__ import annotations

from collections import Counter

from podtts.publish.timeline import Timeline
from podtts.text.languages import main_language
from podtts.text.tags import Tag, dialect_of
from podtts.values import Turn

INTERFACE = "en"  # language of the page's own words


def language_tag(text: str, dialect: Tag | None = None) -> str:
    """Return the tag of a text. Cantonese has its own; Sichuanese and Henanese are Mandarin."""
    language = main_language(text)
    return "yue" if language == "zh" and dialect and dialect.name == "Yue" else language


def turn_language_tag(turn: Turn) -> str:
    """Return the tag of a turn."""
    return language_tag(turn.shown, dialect_of(turn.text))


def episode_language_tag(timeline: Timeline) -> str:
    """Return the tag of the language that most of an episode is in."""
    samples: Counter[str] = Counter()
    for turn in timeline.turns:
        samples[turn_language_tag(turn.turn)] += turn.stop - turn.start
    return samples.most_common(1)[0][0] if samples else INTERFACE


def lang(tag: str, surrounding: str = INTERFACE) -> str:
    """Return the `lang` attribute of an element; empty if the surrounding element has the same."""
    return "" if tag == surrounding else f' lang="{tag}"'
