"""Reads scripts in JSON: decides which of the known shapes a text has."""

import json
import re
from pathlib import Path

from podtts.errors import ScriptError
from podtts.script.dialogue_json import find_turns, turn_lines
from podtts.script.json_positions import DECODER, entries
from podtts.script.model import Script
from podtts.script.parse import parse_lines
from podtts.script.published_json import parse_published
from podtts.script.reading import ReadingOptions
from podtts.script.web_ui_json import parse_web_ui

_FENCED = re.compile(r"\s*```(?:json)?[ \t]*(?=\n\s*[\[{])")
_FENCE_END = re.compile(r"```\s*\Z")


def is_json(text: str, source: str) -> bool:
    """Whether a text is meant as JSON: by its name, by its brace, or because it can be decoded."""
    start = _without_fence(text).lstrip()
    if start.startswith("{"):
        return True
    if source.casefold().endswith(".json"):
        return bool(start)
    if not re.match(r"\[\s*[\[{]", start):  # [S1] Hello.
        return False
    try:
        DECODER.decode(start.rstrip())
    except (json.JSONDecodeError, RecursionError):
        return False
    return True


def parse_json(text: str, source: str, folder: Path, options: ReadingOptions) -> Script:
    """Parse a script in JSON.

    folder: that a relative `prompt_audio` starts from. Raises ScriptError.
    """
    text = _without_fence(text)
    try:
        return _parse(_as_array(text), source, folder, options)
    except json.JSONDecodeError:
        return parse_published(text, source, folder, options=options)  # names line and column
    except RecursionError:
        raise ScriptError(source, 1, "the JSON is nested too deeply") from None


def _parse(text: str, source: str, folder: Path, options: ReadingOptions) -> Script:
    """Parse a text. Raises JSONDecodeError, RecursionError, ScriptError."""
    value = DECODER.decode(text)
    at = len(text) - len(text.lstrip())
    line = text.count("\n", 0, at) + 1
    if isinstance(value, dict):
        if isinstance(value.get("speakers"), dict) and isinstance(value.get("text"), list):
            return parse_published(text, source, folder, options=options)
        if "text_inputs" in value:
            members = {entry.key: entry for entry in entries(text, at, line)}
            return parse_web_ui(text, members, source, folder, options)
    if isinstance(value, dict | list):
        turns = find_turns(text, at, line)
        if turns is not None:
            return parse_lines(turn_lines(text, turns, source), source, options)
    return parse_published(text, source, folder, options=options)


def _without_fence(text: str) -> str:
    """Return a text without a fence of code around it, in the same lines."""
    fence = _FENCED.match(text)
    return _FENCE_END.sub("", text[fence.end() :].rjust(len(text))) if fence else text


def _as_array(text: str) -> str:
    """Return JSON Lines as one array, in the same lines; any other text as it is."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < 2 or not all(
        line.strip().startswith("{") and line.strip().endswith("}") for line in lines
    ):
        return text
    return "[" + re.sub(r"\}(?=\s*\n\s*\{)", "},", text) + "]"
