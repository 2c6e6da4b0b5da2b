"""Reads what the published web UI exports: recordings, and scripts in plain text.

    {"speakers": [{"prompt_audio": "a.wav", "prompt_text": "..", "dialect_prompt_text": ""}],
     "text_inputs": ["[S1] Hello.\\n[S2] Hi."]}

The first of the speakers is S1. Source: Soul-AILab/SoulX-Podcast webui.py (Apache-2.0).
"""

from dataclasses import replace
from pathlib import Path

from podtts.errors import ScriptError
from podtts.script.json_positions import JsonEntry, entries
from podtts.script.json_texts import one_line
from podtts.script.lines import ScriptLine
from podtts.script.model import Script, ScriptPrompt
from podtts.script.parse import parse_lines
from podtts.script.reading import ReadingOptions
from podtts.text.tags import check_dialect_prompt, check_tags

_IGNORED = {"version", "num_speakers", "speakers", "text_inputs"}


def parse_web_ui(
    text: str, members: dict[str, JsonEntry], source: str, folder: Path, options: ReadingOptions
) -> Script:
    """Parse an export of the web UI.

    members: of the JSON object. folder: that a relative `prompt_audio` starts from.
    Raises ScriptError.
    """
    scripts = members["text_inputs"]
    if not isinstance(scripts.value, list):
        raise ScriptError(source, scripts.line, '"text_inputs" must be an array of strings')
    lines: list[ScriptLine] = []
    for entry in entries(text, scripts.value_at, scripts.value_line):
        if not isinstance(entry.value, str):
            raise ScriptError(source, entry.line, '"text_inputs" must be an array of strings')
        for part in entry.value.splitlines():
            lines.append(ScriptLine(entry.line, one_line(part, source, entry.line)))
    script = parse_lines(lines, source, options)
    prompts = _prompts(text, members.get("speakers"), source, folder)
    unused = tuple(
        f'{source}:{entry.line}: "{key}" of the web UI is not used'
        for key, entry in members.items()
        if key not in _IGNORED
    )
    used = {label: prompts[label] for label in script.labels if label in prompts}
    return replace(script, prompts=used, warnings=(*unused, *script.warnings))


def _prompts(
    text: str, speakers: JsonEntry | None, source: str, folder: Path
) -> dict[str, ScriptPrompt]:
    """Return the recordings by label. A speaker without a recording has a prepared voice."""
    prompts: dict[str, ScriptPrompt] = {}
    if speakers is None or not isinstance(speakers.value, list):
        return prompts
    for number, entry in enumerate(entries(text, speakers.value_at, speakers.value_line), 1):
        match entry.value:
            case {"prompt_audio": str(audio), "prompt_text": str(transcript), **more} if audio:
                dialect = one_line(str(more.get("dialect_prompt_text") or ""), source, entry.line)
                transcript = one_line(transcript, source, entry.line)
                problem = check_tags(transcript)
                if problem is None and dialect:
                    problem = check_dialect_prompt(dialect)
                if problem is not None:
                    raise ScriptError(
                        source, entry.line, f"speaker {number}: {problem.problem}", problem.hint
                    )
                prompts[f"S{number}"] = ScriptPrompt(folder / audio, transcript, dialect)
    return prompts
