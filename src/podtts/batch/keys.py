"""The options that a line of a manifest may set, and what each must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from podtts.batch.request import Settings
from podtts.errors import UsageError
from podtts.text.characters import excerpt

_WHOLE, _NUMBER, _NAME, _SWITCH = "a whole number", "a number", "a string", "true or false"

# Key, and the part of Settings and the field there that it sets: "" stands for SynthesisOptions.
_FIELDS = {
    "seed": ("", "seed", _WHOLE),
    "limit_turns": ("", "limit_turns", _WHOLE),
    "retries": ("", "retries", _WHOLE),
    "temperature": ("sampling", "temperature", _NUMBER),
    "top_k": ("sampling", "top_k", _WHOLE),
    "top_p": ("sampling", "top_p", _NUMBER),
    "repetition_penalty": ("sampling", "repetition_penalty", _NUMBER),
    "max_turn_tokens": ("sampling", "max_tokens", _WHOLE),
    "flow_steps": ("flow", "steps", _WHOLE),
    "flow_solver": ("flow", "solver", _NAME),
    "flow_precision": ("flow", "precision", _NAME),
    "gap": ("layout", "gap_seconds", _NUMBER),
    "gap_same_speaker": ("layout", "same_speaker_gap_seconds", _NUMBER),
    "trim_silence": ("layout", "trim_silence", _SWITCH),
    "normalize": ("speech", "normalize", _SWITCH),
}
OPTION_KEYS = tuple(_FIELDS)

# Options of `synth` that all episodes of a batch share: there is one model, loaded once.
COMMON_KEYS = (
    "model",
    "cache_dir",
    "device",
    "dtype",
    "threads",
    "preset",
    "quantize",
    "lexicon",
    "keep",
    "prefix_cache",
)


def with_options(settings: Settings, given: Mapping[str, object]) -> Settings:
    """Return settings with the options of a manifest's line in place of its own.

    given: keys of OPTION_KEYS and their JSON values. Raises UsageError for a value that cannot be.
    """
    parts: dict[str, dict[str, Any]] = {part: {} for part, _, _ in _FIELDS.values()}
    for key, value in given.items():
        part, field, kind = _FIELDS[key]
        if not _is(kind, value):
            raise UsageError(f'"{key}" is {excerpt(repr(value))}, but must be {kind}')
        parts[part][field] = value
    if "max_turn_tokens" in given:
        parts[""]["check_length"] = False  # the length of turns is prescribed
    options = settings.options
    options = replace(
        options,
        **parts[""],
        sampling=replace(options.sampling, **parts["sampling"]),
        flow=replace(options.flow, **parts["flow"]),
    )
    keeps_precision = settings.keeps_precision or "flow_precision" in given
    return replace(
        settings,
        options=options,
        keeps_precision=keeps_precision,
        speech=replace(settings.speech, **parts["speech"]),
        layout=replace(settings.layout, **parts["layout"]),
    )


def _is(kind: str, value: object) -> bool:
    if kind == _SWITCH or isinstance(value, bool):
        return kind == _SWITCH and isinstance(value, bool)
    if kind == _NAME:
        return isinstance(value, str)
    return isinstance(value, int if kind == _WHOLE else int | float)
