"""A manifest: JSON Lines, one episode a line.

    {"id": "monday", "script": "talks/monday.txt", "speakers": {"S1": "anna"}, "seed": 7}
    {"id": "tuesday", "turns": [["S1", "Hello there."], ["S2", "Hi."]], "speakers": {"S2": "ben"}}

`script` is relative to the manifest's folder. `turns` replaces a script; its speakers are
numbered in the order of `speakers`, then of appearance. `speakers` maps labels to voices, and wins
over the script. Every other key is an option of `podtts synth`, for this episode alone.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from podtts.batch.manifest_keys import COMMON_KEYS, OPTION_KEYS, with_options
from podtts.batch.request import Entry, EpisodeRequest, EpisodeSettings, SourceItem
from podtts.errors import AudioError, InputError, ScriptError, UsageError, nearest
from podtts.script.model import Script
from podtts.script.published_json import parse_published
from podtts.script.read import read_script
from podtts.script.reading import ReadingOptions
from podtts.script.spoken import spoken_script
from podtts.storage.file_names import file_name_problem
from podtts.text.characters import decode_utf8, excerpt

_KEYS = ("id", "script", "turns", "speakers", *OPTION_KEYS)
_A_LINE = '{"id": "monday", "script": "monday.txt"}'


class Manifest:
    """A manifest in a file that can be read anywhere, twice.

    name: for messages. folder: a relative path of `script` starts there.
    defaults: of every episode; voices of labels that a script does not have are left out.
    """

    def __init__(self, file: BinaryIO, name: str, folder: Path, defaults: EpisodeSettings) -> None:
        self.name = name
        self._file = file
        self._folder = folder
        self._defaults = defaults
        self._reading = threading.Lock()

    def scan(self) -> Iterator[SourceItem]:
        """Read every line; blank lines are skipped."""
        position = number = 0
        while True:
            if not (raw := self._line(position)):
                return
            number += 1
            if raw.strip():
                yield self._item(raw, position, number)
            position += len(raw)

    def read(self, entry: Entry) -> EpisodeRequest:
        """Read one line again; may be called from several threads. Raises InputError."""
        item = self._item(self._line(entry.position), entry.position, entry.line)
        if isinstance(item, InputError):
            raise item
        entry_again, request = item
        if isinstance(request, InputError):
            raise request
        if entry_again != entry:
            raise self._error(entry.line, "the line was changed while the batch ran")
        return request

    def _line(self, position: int) -> bytes:
        with self._reading:
            self._file.seek(position)
            return self._file.readline()

    def _item(self, raw: bytes, position: int, number: int) -> SourceItem:
        try:
            members = self._members(raw, number)
            entry = Entry(self._id(members, number), position, number)
            settings = self._settings(members, number)
            try:
                written = self._script(members, number, settings.reading)
                script = self._in_spoken_form(written, settings)
            except _ScriptFileError as error:
                return entry, error.error
            voices = self._voices(members, script, number)
            return entry, EpisodeRequest(entry.id, script, replace(settings, voices=voices))
        except ScriptError as error:
            return error

    def _members(self, raw: bytes, number: int) -> dict[str, Any]:
        try:
            text = decode_utf8(raw, self.name).removeprefix("\ufeff")
            members = json.loads(text, object_pairs_hook=_without_duplicates)
        except ScriptError as error:  # names the first line: it knows no other
            problem = error.problem.removeprefix(f"{self.name}:1: ")
            raise self._error(number, problem, error.hint) from None
        except json.JSONDecodeError as error:
            problem = f"not valid JSON: {error.msg} (column {error.colno})"
            raise self._error(number, problem, f"a line looks like {_A_LINE}") from None
        except _DuplicateKeyError as error:
            raise self._error(number, f'"{excerpt(str(error))}" is there twice') from None
        except (RecursionError, ValueError):  # nested too deeply; a number of too many digits
            raise self._error(number, "not JSON that can be read") from None
        if not isinstance(members, dict):
            raise self._error(number, "a line must be an object", f"like {_A_LINE}")
        for key in members:
            if key in COMMON_KEYS:
                flag = key.replace("_", "-")
                raise self._error(
                    number, f'"{key}" holds for the whole batch', f"give --{flag} to podtts batch"
                )
            if key not in _KEYS:
                raise self._error(
                    number,
                    f'unknown key "{excerpt(key)}"{nearest(key, _KEYS)}',
                    f"the keys are {', '.join(_KEYS)}",
                )
        return members

    def _id(self, members: Mapping[str, Any], number: int) -> str:
        if "id" not in members:
            raise self._error(number, 'it has no "id"', f"a line looks like {_A_LINE}")
        name = members["id"]
        problem = file_name_problem(name) if isinstance(name, str) else "it must be a string"
        if problem:
            shown = excerpt(name if isinstance(name, str) else repr(name))
            raise self._error(
                number, f'"id" {shown!r} cannot name a file: {problem}', "such as monday or ep-07"
            )
        return str(name)

    def _settings(self, members: Mapping[str, Any], number: int) -> EpisodeSettings:
        options = {key: members[key] for key in OPTION_KEYS if key in members}
        try:
            return with_options(self._defaults, options, self._folder)
        except (UsageError, AudioError) as error:
            raise self._error(number, error.problem, error.hint) from None

    def _script(self, members: Mapping[str, Any], number: int, reading: ReadingOptions) -> Script:
        if ("script" in members) == ("turns" in members):
            both = 'both "script" and' if "script" in members else 'neither "script" nor'
            raise self._error(number, f'it has {both} "turns"', "give one of them")
        if "turns" in members:
            return self._inline(members, number, reading)
        written = members["script"]
        if not isinstance(written, str) or not written or "\0" in written:
            raise self._error(number, '"script" must be the path of a script')
        path = self._folder / written
        if not path.is_file():
            raise self._error(
                number, f"there is no script {path}", "paths are relative to the manifest's folder"
            )
        try:
            return read_script(path, reading.with_names(self._named(members, number)))
        except InputError as error:
            raise _ScriptFileError(error) from error

    def _in_spoken_form(self, script: Script, settings: EpisodeSettings) -> Script:
        try:
            return spoken_script(script, settings.speech)
        except InputError as error:
            raise _ScriptFileError(error) from error

    def _inline(self, members: Mapping[str, Any], number: int, reading: ReadingOptions) -> Script:
        turns = members["turns"]
        labels = dict.fromkeys(self._named(members, number))
        if isinstance(turns, list):
            firsts = (turn[0] for turn in turns if isinstance(turn, list) and turn)
            labels |= dict.fromkeys(label for label in firsts if isinstance(label, str))
        script = {"speakers": {label: {} for label in labels} or None, "text": turns}
        if not labels:
            raise self._error(
                number, '"turns" must be an array of turns', 'one is ["S1", "Hello there."]'
            )
        return parse_published(json.dumps(script), self.name, self._folder, number, reading)

    def _named(self, members: Mapping[str, Any], number: int) -> dict[str, str]:
        """The member "speakers", checked."""
        named = members.get("speakers", {})
        if not isinstance(named, dict) or not all(
            isinstance(voice, str) and voice.strip() for voice in named.values()
        ):
            raise self._error(
                number, '"speakers" must map labels to voices', 'like {"S1": "anna", "S2": "ben"}'
            )
        return named

    def _voices(self, members: Mapping[str, Any], script: Script, number: int) -> dict[str, str]:
        named = self._named(members, number)
        for label in named:
            if label not in script.labels:
                raise self._error(
                    number,
                    f'"speakers" names {excerpt(label)}, which is no speaker of {script.source}'
                    f"{nearest(label, script.labels)}",
                    "its speakers are " + ", ".join(excerpt(known) for known in script.labels),
                )
        return known_voices(self._defaults.voices, script) | named

    def _error(self, number: int, problem: str, hint: str = "") -> ScriptError:
        return ScriptError(self.name, number, problem, hint)


def known_voices(voices: Mapping[str, str], script: Script) -> dict[str, str]:
    """The voices of labels that a script has."""
    return {label: voice for label, voice in voices.items() if label in script.labels}


class _ScriptFileError(Exception):
    """An error of a script file, not of the line that names it."""

    def __init__(self, error: InputError) -> None:
        super().__init__(str(error))
        self.error = error


class _DuplicateKeyError(Exception):
    """A key that an object has twice."""


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKeyError(key)
            seen.add(key)
    return members
