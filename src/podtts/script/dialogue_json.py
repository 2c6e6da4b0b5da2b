"""Reads dialogues in JSON of other tools: an array of objects, each with a speaker and a text.

    {"transcript": [{"speaker": "Anna", "dialogue": "Hello."}]}          open-notebook
    {"inputs": [{"voice_id": "x1", "text": "Hello."}]}                   ElevenLabs
    {"input": {"multiSpeakerMarkup": {"turns": [{"speaker": "R", "text": "Hello."}]}}}   Google
    [{"speaker": "Anna", "text": "Hello."}]                              and many others

Sources of the forms: the documentation of these tools.
"""

from podtts.errors import ScriptError
from podtts.script.json_positions import JsonEntry, entries
from podtts.script.json_texts import one_line
from podtts.script.lines import ScriptLine

# In order of preference, where an object has several.
_SPEAKER_KEYS = (
    *("speaker", "speaker_name", "speakerName", "voice_id", "voiceId", "voice", "name"),
    *("speaker_id", "speakerId", "character", "host", "role"),
)
_TEXT_KEYS = ("dialogue", "text", "content", "body", "line", "utterance", "message", "transcript")
_ARRAY_KEYS = (
    *("transcript", "dialogue", "inputs", "turns", "segments", "script", "conversation"),
    *("utterances", "lines", "messages", "podcast", "items", "text"),
)
_OBJECT_KEYS = ("input", "multiSpeakerMarkup", "multi_speaker_markup", "result", "data", "podcast")
_DEPTH = 4
HINT = 'every turn looks like {"speaker": "S1", "text": "Hello there."}'


def find_turns(text: str, at: int, line: int, depth: int = _DEPTH) -> JsonEntry | None:
    """Return the array of turns in a JSON value at an offset, or None if it has none.

    The text must be valid JSON. line: of the offset, 1-based.
    """
    if text[at] == "[":
        first = next(entries(text, at, line), None)
        is_turns = first is not None and _speaker_and_text(first.value) is not None
        return JsonEntry("", None, line, at, line) if is_turns else None
    if text[at] != "{" or not depth:
        return None
    members = {entry.key: entry for entry in entries(text, at, line)}
    for key in (*_ARRAY_KEYS, *_OBJECT_KEYS):
        entry = members.get(key)
        if entry is not None and isinstance(entry.value, list | dict):
            found = find_turns(text, entry.value_at, entry.value_line, depth - 1)
            if found is not None:
                return found
    return None


def turn_lines(text: str, turns: JsonEntry, source: str) -> list[ScriptLine]:
    """Return the turns of an array as lines of a script. Raises ScriptError."""
    lines = []
    for entry in entries(text, turns.value_at, turns.value_line):
        found = _speaker_and_text(entry.value)
        if found is None:
            raise ScriptError(
                source,
                entry.line,
                "this turn has no speaker or no text, as the first turn of the array has",
                HINT,
            )
        label, words = found
        label = one_line(_as_label(label), source, entry.line)
        words = one_line(words, source, entry.line)
        if not label or not words:
            missing = "speaker" if not label else "text"
            raise ScriptError(source, entry.line, f"the {missing} of this turn is empty", HINT)
        lines.append(ScriptLine(entry.line, words, speaker=label))
    return lines


def _speaker_and_text(value: object) -> tuple[object, str] | None:
    """Return the speaker and the text of a turn: of an object, or of a pair."""
    if isinstance(value, dict):
        label = next((value[key] for key in _SPEAKER_KEYS if _is_label(value.get(key))), None)
        words = next((value[key] for key in _TEXT_KEYS if isinstance(value.get(key), str)), None)
        return None if label is None or words is None else (label, words)
    match value:
        case [str(label), str(words)]:
            return label, words
    return None


def _is_label(value: object) -> bool:
    return isinstance(value, str | float) and not isinstance(value, bool)


def _as_label(label: object) -> str:
    """Return a label as text; a number alone becomes a name: 0 is Speaker 0."""
    if isinstance(label, float):
        label = f"{label:g}"
    return f"Speaker {label}" if str(label).strip().isdecimal() else str(label)
