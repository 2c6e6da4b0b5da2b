"""Options of publishing by their names: as the command line, or a line of a manifest, has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from podtts.publish.publish_options import SPLITS, SUBTITLES, PublishOptions, parse_names

_LAYOUT = {  # option -> field
    "gap": "gap_seconds",
    "gap_same_speaker": "same_speaker_gap_seconds",
    "trim_silence": "trim_silence",
}
_FILES = {
    "format": "format",
    "sample_rate": "rate_hz",
    "loudness": "loudness_lufs",
    "split": "splits",
    "subtitles": "subtitles",
    "chapters": "chapters",
    "transcript": "transcript",
    "page": "page",
    "page_audio": "page_audio",
    "title": "title",
    "artist": "artist",
    "date": "date",
}
_NAMES: dict[str, tuple[str, ...]] = {"split": SPLITS, "subtitles": SUBTITLES}


def with_given(options: PublishOptions, given: Mapping[str, Any]) -> PublishOptions:
    """Return options with those that are given in place of their own.

    given: values by the option's name, `sample_rate` for --sample-rate; names of several things are
           a list, or a text with commas, or None. Raises UsageError for a value that cannot be.
    """
    values: dict[str, Any] = {
        name: parse_names(value, _NAMES[name], name) if name in _NAMES else value
        for name, value in given.items()
    }
    layout = {_LAYOUT[name]: value for name, value in values.items() if name in _LAYOUT}
    files = {_FILES[name]: value for name, value in values.items() if name not in _LAYOUT}
    return replace(options, layout=replace(options.layout, **layout), **files)
