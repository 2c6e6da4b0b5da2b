"""Publishing options by name, as flags of the command line and keys of a manifest use them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
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
    "balance": "balance",
    "split": "splits",
    "subtitles": "subtitles",
    "chapters": "chapters",
    "transcript": "transcript",
    "page": "page",
    "page_audio": "page_audio",
    "title": "title",
    "artist": "artist",
    "date": "date",
    "bitrate": "bitrate_kbps",
    "cover": "cover",
    "c2pa": "credentials",
    "intro": "intro",
    "outro": "outro",
    "music": "music",
    "music_below": "music_below_lu",
}
MUSIC = ("intro", "outro", "music")  # their values are files of `podtts.publish.music_files`
NEEDS = {"music_below": "music", "page_audio": "page"}  # option -> what it does nothing without
_NAMES: dict[str, tuple[str, ...]] = {"split": SPLITS, "subtitles": SUBTITLES}


def override_options(options: PublishOptions, values: Mapping[str, Any]) -> PublishOptions:
    """Return the options with these values instead of their own.

    values: by the name of the option, such as `sample_rate` for --sample-rate. An option of several
            names takes a list, a text with commas, or None.
    Raises UsageError for an invalid value.
    """
    parsed: dict[str, Any] = {
        name: parse_names(value, _NAMES[name], name) if name in _NAMES else value
        for name, value in values.items()
    }
    layout = {_LAYOUT[name]: value for name, value in parsed.items() if name in _LAYOUT}
    files = {_FILES[name]: value for name, value in parsed.items() if name not in _LAYOUT}
    return replace(options, layout=replace(options.layout, **layout), **files)


def without_effect(names: Collection[str], options: PublishOptions) -> Iterator[tuple[str, str]]:
    """Yield which of these options do nothing, each with the option that it needs.

    options: the result of all that was set.
    """
    for name, needed in NEEDS.items():
        if name in names and getattr(options, _FILES[needed]) is None:
            yield name, needed
