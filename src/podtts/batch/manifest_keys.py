"""The options that a line of a manifest may set, and what each must be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from podtts.batch.request import EpisodeSettings
from podtts.errors import UsageError
from podtts.options import WindowOptions
from podtts.publish.music_files import checked_music
from podtts.publish.option_names import MUSIC, override_options, without_effect
from podtts.publish.publish_options import BESIDE
from podtts.text.characters import excerpt

_WHOLE, _NUMBER, _NAME, _SWITCH = "a whole number", "a number", "a string", "true or false"
_NAMES = "a list of strings"

# Key, and the part and field of EpisodeSettings that it sets: "" stands for SynthesisOptions.
_FIELDS = {
    "seed": ("", "seed", _WHOLE),
    "limit_turns": ("", "limit_turns", _WHOLE),
    "retries": ("", "retries", _WHOLE),
    "temperature": ("sampling", "temperature", _NUMBER),
    "top_k": ("sampling", "top_k", _WHOLE),
    "top_p": ("sampling", "top_p", _NUMBER),
    "repetition_penalty": ("sampling", "repetition_penalty", _NUMBER),
    "max_turn_tokens": ("sampling", "max_tokens", _WHOLE),
    "context_turns": ("", "window", _WHOLE),
    "flow_steps": ("flow", "steps", _WHOLE),
    "flow_solver": ("flow", "solver", _NAME),
    "flow_precision": ("flow", "precision", _NAME),
    "flow_mode": ("flow", "mode", _NAME),
    "normalize": ("speech", "normalize", _SWITCH),
    "directions": ("reading", "directions", _NAME),
}
_PUBLISHING = {  # by the names of podtts.publish.option_names
    "format": _NAME,
    "sample_rate": _WHOLE,
    "loudness": _NUMBER,
    "balance": _SWITCH,
    "gap": _NUMBER,
    "gap_same_speaker": _NUMBER,
    "trim_silence": _SWITCH,
    "intro": _NAME,
    "outro": _NAME,
    "music": _NAME,
    "music_below": _NUMBER,
    "split": _NAMES,
    "subtitles": _NAMES,
    "chapters": _SWITCH,
    "transcript": _SWITCH,
    "page": _SWITCH,
    "page_audio": _NAME,
    "title": _NAME,
    "artist": _NAME,
    "date": _NAME,
    "bitrate": _WHOLE,
}
_KINDS = {key: kind for key, (_, _, kind) in _FIELDS.items()} | _PUBLISHING
_NULLABLE = (
    "limit_turns",
    "loudness",
    "gap_same_speaker",
    "bitrate",
    *MUSIC,
)  # null: as if no flag were given
OPTION_KEYS = tuple(_KINDS)

# Options of `synth` that all episodes of a batch share, because the model is loaded once.
COMMON_KEYS = (
    "model",
    "cache_dir",
    "device",
    "dtype",
    "threads",
    "preset",
    "quantize",
    "flow_cache",
    "lexicon",
    "keep",
    "prefix_cache",
    "verify",
    "verify_limit",
    "recognizer",
    "cover",
    "c2pa",
)


def with_options(
    settings: EpisodeSettings, values: Mapping[str, object], folder: Path
) -> EpisodeSettings:
    """Return settings with the options of a manifest's line in place of its own.

    values: JSON values by keys of OPTION_KEYS. folder: where relative paths start.
    Raises UsageError for a value that is not valid and for a key that does nothing, AudioError for
    music that cannot be used.
    """
    parts: dict[str, dict[str, Any]] = {part: {} for part, _, _ in _FIELDS.values()}
    publishing: dict[str, object] = {}
    for key, value in values.items():
        _check(key, value)
        if key in _PUBLISHING:
            publishing[key] = value
        else:
            part, field, _ = _FIELDS[key]
            parts[part][field] = value
    if "page" in publishing:
        publishing["page"] = BESIDE if publishing["page"] else None
    for key in MUSIC:
        if isinstance(name := publishing.get(key), str):
            publishing[key] = checked_music(folder / name)
    if "max_turn_tokens" in values:
        parts[""]["check_length"] = False  # the length of turns is prescribed
    if "context_turns" in values:
        parts[""]["window"] = WindowOptions.of_turns(parts[""]["window"])
    options = settings.options
    options = replace(
        options,
        **parts[""],
        sampling=replace(options.sampling, **parts["sampling"]),
        flow=replace(options.flow, **parts["flow"]),
    )
    result = override_options(settings.publishing, publishing)
    for key, needed in without_effect(publishing, result):
        raise UsageError(
            f'"{key}" does nothing without "{needed}"', f'add "{needed}", or leave "{key}" out'
        )
    keeps_precision = settings.keeps_precision or "flow_precision" in values
    return replace(
        settings,
        options=options,
        keeps_precision=keeps_precision,
        speech=replace(settings.speech, **parts["speech"]),
        reading=replace(settings.reading, **parts["reading"]),
        publishing=result,
    )


def _check(key: str, value: object) -> None:
    kind, nullable = _KINDS[key], key in _NULLABLE
    if not (_is(kind, value) or (nullable and value is None)):
        shown = json.dumps(value, ensure_ascii=False)
        rule = f"{kind} or null" if nullable else kind
        raise UsageError(f'"{key}" is {excerpt(shown)}, but must be {rule}')


def _is(kind: str, value: object) -> bool:
    if kind == _SWITCH or isinstance(value, bool):
        return kind == _SWITCH and isinstance(value, bool)
    if kind == _NAMES:  # or, as on the command line, a text with commas
        strings = isinstance(value, list) and all(isinstance(name, str) for name in value)
        return strings or isinstance(value, str)
    if kind == _NAME:
        return isinstance(value, str)
    return isinstance(value, int if kind == _WHOLE else int | float)
