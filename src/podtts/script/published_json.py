"""Parses scripts in the published JSON format.

    {"speakers": {"S1": {"prompt_audio": "alice.wav", "prompt_text": "What she says in it.",
                         "dialect_prompt": "<|Yue|>..."}},
     "text": [["S1", "Hello there."]]}

A speaker may have a `"rate": 0.9`, its tempo, 0.5 to 2. Speakers are numbered in the order of
`speakers`; `prompt_audio` is relative to the script's folder. `dialect_prompt` is optional. A label
that stands for a prepared voice has neither `prompt_audio` nor `prompt_text`.

Source: Soul-AILab/SoulX-Podcast example/podcast_script (Apache-2.0).
"""

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from podtts.errors import ScriptError, nearest
from podtts.rates import MAX_SPEAKERS
from podtts.script.cleaning import Cleaner
from podtts.script.json_positions import DECODER, JsonEntry, entries
from podtts.script.json_texts import one_line
from podtts.script.model import (
    MAX_RATE,
    MIN_RATE,
    Script,
    ScriptPrompt,
    nothing_to_say,
    rate_problem,
    too_many_speakers,
    unused_speakers,
)
from podtts.script.reading import ReadingOptions
from podtts.script.turn_builder import TurnBuilder
from podtts.text.characters import clean_text, excerpt
from podtts.text.tags import TagProblem, check_dialect_prompt, check_tags
from podtts.values import Turn

_SCRIPT_KEYS = ("speakers", "text")
_PROMPT_KEYS = ("prompt_audio", "prompt_text", "dialect_prompt")
_SPEAKER_KEYS = (*_PROMPT_KEYS, "rate")
_A_SPEAKER = '"S1": {"prompt_audio": "alice.wav", "prompt_text": "What she says in it."}'
_OTHER_SHAPES = (
    'a script is {"speakers": {"S1": {}}, "text": [["S1", "Hello there."]]} or '
    '[{"speaker": "S1", "text": "Hello there."}]'
)
_AN_ENTRY = '["S1", "Hello there."]'


def parse_published(
    text: str,
    source: str,
    folder: Path,
    first_line: int = 1,
    options: ReadingOptions | None = None,
) -> Script:
    """Parse a script in the published JSON format.

    source:     name of the script in messages.
    folder:     folder that a relative `prompt_audio` starts from.
    first_line: number of the text's first line in its source.
    Raises ScriptError with the line of the syntax error, or of the start of the invalid entry.
    """
    try:
        return _Parser(source, folder, first_line, options or ReadingOptions()).parse(
            clean_text(text, source)
        )
    except RecursionError:
        raise ScriptError(source, first_line, "the JSON is nested too deeply") from None


class _Parser:
    """The state of parsing: source, folder, rates and warnings of the script."""

    def __init__(self, source: str, folder: Path, first_line: int, options: ReadingOptions) -> None:
        self._source = source
        self._cleaner = Cleaner(source, options, self._warn)
        self._folder = folder
        self._first_line = first_line
        self._warnings: list[str] = []
        self._rates: dict[str, float] = {}

    def parse(self, text: str) -> Script:
        self._check_syntax(text)
        start = len(text) - len(text.lstrip())
        start_line = text.count("\n", 0, start) + self._first_line
        if text[start] != "{":
            raise self._error(
                start_line, 'a JSON script must be an object with "speakers" and "text"'
            )
        parts = self._members(text, start, start_line, "the script", _SCRIPT_KEYS)
        for key in _SCRIPT_KEYS:
            if key not in parts:
                raise self._error(start_line, f'the script has no "{key}"', _OTHER_SHAPES)

        label_lines, prompts = self._read_speakers(text, parts["speakers"])
        turns = self._read_turns(text, parts["text"], tuple(label_lines))
        return Script(
            source=self._source,
            labels=tuple(label_lines),
            turns=turns,
            prompts=prompts,
            rates=self._rates,
            warnings=(
                *self._warnings,
                *unused_speakers(self._source, label_lines, turns),
            ),
            label_lines=label_lines,
        )

    def _check_syntax(self, text: str) -> None:
        try:
            DECODER.decode(text)
        except json.JSONDecodeError as error:
            raise self._error(
                error.lineno + self._first_line - 1,
                f"not valid JSON: {error.msg} (column {error.colno})",
            ) from None

    def _members(
        self, text: str, at: int, line: int, owner: str, known: Sequence[str] = ()
    ) -> dict[str, JsonEntry]:
        """Return the members of the object at `at`; those not in `known` become warnings."""
        members: dict[str, JsonEntry] = {}
        for entry in entries(text, at, line):
            if entry.key in members:
                raise self._error(
                    entry.line, f'{owner} has "{excerpt(entry.key)}" twice', "keep one of the two"
                )
            if known and entry.key not in known:
                self._warnings.append(
                    f'{self._source}:{entry.line}: "{excerpt(entry.key)}" of {owner} is not used'
                    f"{nearest(entry.key, known)}"
                )
            members[entry.key] = entry
        return members

    def _read_speakers(
        self, text: str, speakers: JsonEntry
    ) -> tuple[dict[str, int], dict[str, ScriptPrompt]]:
        if not isinstance(speakers.value, dict) or not speakers.value:
            raise self._error(
                speakers.line, '"speakers" must be an object of speakers', f"like {_A_SPEAKER}"
            )
        label_lines: dict[str, int] = {}
        prompts: dict[str, ScriptPrompt] = {}
        for entry in self._members(
            text, speakers.value_at, speakers.value_line, '"speakers"'
        ).values():
            label = self._label(entry.key, entry.line)
            if label in label_lines:
                raise self._error(entry.line, f'"speakers" has "{excerpt(label)}" twice')
            if len(label_lines) == MAX_SPEAKERS:
                raise too_many_speakers(self._source, entry.line, label, label_lines)
            label_lines[label] = entry.line
            owner = f"speaker {excerpt(label)}"
            members = self._speaker_members(text, entry, owner)
            if prompt := self._read_prompt(members, entry.line, owner):
                prompts[label] = prompt
            if (rate := self._read_rate(members, entry.line, owner)) is not None:
                self._rates[label] = rate
        return label_lines, prompts

    def _speaker_members(self, text: str, speaker: JsonEntry, owner: str) -> dict[str, JsonEntry]:
        if not isinstance(speaker.value, dict):
            raise self._error(speaker.line, f"{owner} must be an object", f"like {_A_SPEAKER}")
        return self._members(text, speaker.value_at, speaker.value_line, owner, _SPEAKER_KEYS)

    def _read_rate(self, members: dict[str, JsonEntry], line: int, owner: str) -> float | None:
        rate = members["rate"].value if "rate" in members else None
        if rate is None:
            return None
        if not isinstance(rate, float) or not MIN_RATE <= rate <= MAX_RATE:
            raise self._error(line, f"the rate of {owner} is {rate_problem(excerpt(str(rate)))}")
        return rate

    def _read_prompt(
        self, members: dict[str, JsonEntry], line: int, owner: str
    ) -> ScriptPrompt | None:
        audio, transcript, dialect_prompt = (
            self._prompt_field(members, key, line, owner) for key in _PROMPT_KEYS
        )
        if not (audio or transcript or dialect_prompt):
            return None
        for key, value in (("prompt_audio", audio), ("prompt_text", transcript)):
            if not value:
                raise self._error(
                    line,
                    f"{owner} has no {key}",
                    "a recording needs its transcript; to use a prepared voice, give neither",
                )
        self._refuse(line, check_tags(transcript), f"prompt_text of {owner}")
        if dialect_prompt:
            problem = check_dialect_prompt(dialect_prompt)
            self._refuse(line, problem, f"dialect_prompt of {owner}")
        return ScriptPrompt(self._folder / audio, transcript, dialect_prompt)

    def _prompt_field(self, members: dict[str, JsonEntry], key: str, line: int, owner: str) -> str:
        """Return a text of a speaker; empty when it is missing, null or blank."""
        value = members[key].value if key in members else None
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._error(line, f"{key} of {owner} must be a string")
        return self._one_line(value, line)

    def _read_turns(self, text: str, turns: JsonEntry, labels: tuple[str, ...]) -> tuple[Turn, ...]:
        if not isinstance(turns.value, list):
            raise self._error(turns.line, '"text" must be an array of turns', f"like {_AN_ENTRY}")
        if not turns.value:
            raise self._error(turns.line, "the script has no turns", f"one is {_AN_ENTRY}")
        builder = TurnBuilder(lambda *_: " ", self._warn)
        for entry in entries(text, turns.value_at, turns.value_line):
            self._read_turn(entry, labels, builder)
        built, _ = builder.build(())
        if not built:
            raise self._error(turns.line, "the script has no turns", f"one is {_AN_ENTRY}")
        return built

    def _read_turn(self, entry: JsonEntry, labels: tuple[str, ...], builder: TurnBuilder) -> None:
        match entry.value:
            case [str(label), str(words)]:
                label, words = self._label(label, entry.line), self._one_line(words, entry.line)
            case _:
                raise self._error(
                    entry.line, "a turn must be a label and a text", f"like {_AN_ENTRY}"
                )
        if label not in labels:
            raise self._error(
                entry.line,
                f'"speakers" has no "{excerpt(label)}"{nearest(label, labels)}',
                "it has " + ", ".join(excerpt(known) for known in labels),
            )
        if not words:
            raise self._error(entry.line, f"the turn of {excerpt(label)} has no text")
        builder.start_turn(labels.index(label), entry.line)
        words = self._cleaner.clean(entry.line, words)
        if words:
            self._refuse(entry.line, builder.add_line(entry.line, words))
        else:
            self._warnings.append(nothing_to_say(self._source, entry.line))
            builder.add_silence(entry.line)

    def _label(self, written: str, line: int) -> str:
        label = unicodedata.normalize("NFC", self._one_line(written, line))
        if not label:
            raise self._error(line, "a label must not be empty")
        return label

    def _one_line(self, text: str, line: int) -> str:
        return one_line(text, self._source, line)

    def _warn(self, line: int, problem: str) -> None:
        self._warnings.append(f"{self._source}:{line}: {problem}")

    def _refuse(self, line: int, problem: TagProblem | None, where: str = "") -> None:
        if problem:
            message = f"{where}: {problem.problem}" if where else problem.problem
            raise self._error(line, message, problem.hint)

    def _error(self, line: int, problem: str, hint: str = "") -> ScriptError:
        return ScriptError(self._source, line, problem, hint)
