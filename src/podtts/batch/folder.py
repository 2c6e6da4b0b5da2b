"""A folder of scripts: every .txt and .json in it is an episode of the file's name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from podtts.batch.manifest import known_voices
from podtts.batch.request import Entry, EpisodeRequest, EpisodeSettings, SourceItem
from podtts.errors import InputError
from podtts.publish.episode_files import is_json_of_an_episode
from podtts.script.read import read_script
from podtts.script.spoken import spoken_script
from podtts.storage.file_names import file_name_problem

SUFFIXES = (".txt", ".json")


class ScriptFolder:
    """The scripts of a folder, in order of their names; folders in it are ignored.

    Raises InputError when there is none.
    """

    def __init__(self, folder: Path, defaults: EpisodeSettings) -> None:
        self.name = str(folder)
        self._folder = folder
        self._defaults = defaults
        try:
            files = [path for path in folder.iterdir() if path.suffix.casefold() in SUFFIXES]
        except OSError as error:
            raise InputError(f"{folder}: cannot be read: {error.strerror}") from error
        self._names = sorted(
            path.name
            for path in files
            if path.is_file()
            and not path.name.startswith(".")
            and not is_json_of_an_episode(path.name)
        )
        if not self._names:
            manifests = sorted(path.name for path in folder.glob("*.jsonl"))
            hint = f"for the manifest, name it: {folder / manifests[0]}" if manifests else ""
            raise InputError(f"{folder}: no script (.txt, .json) is in this folder", hint)

    def scan(self) -> Iterator[SourceItem]:
        """Read every script."""
        for position, name in enumerate(self._names):
            path = self._folder / name
            if problem := file_name_problem(path.stem):
                yield InputError(f"{path}: {path.stem!r} cannot name an episode: {problem}")
                continue
            entry = Entry(path.stem, position, 0)
            try:
                yield entry, self.read(entry)
            except InputError as error:
                yield entry, error

    def read(self, entry: Entry) -> EpisodeRequest:
        """Read one script again. Raises InputError."""
        written = read_script(self._folder / self._names[entry.position], self._defaults.reading)
        script = spoken_script(written, self._defaults.speech)
        voices = known_voices(self._defaults.voices, script)
        return EpisodeRequest(entry.id, script, replace(self._defaults, voices=voices))
