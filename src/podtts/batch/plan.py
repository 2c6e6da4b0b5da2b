"""Everything is looked at before anything is begun: scripts, voices, names of files."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from podtts.batch.request import Entry, EpisodeRequest, Source
from podtts.engine.compatibility import TagCheck
from podtts.errors import InputError, PodttsError, ScriptError, UsageError, nearest
from podtts.prompts.casting import VoiceCasting
from podtts.publish.episode_files import episode_file
from podtts.publish.requirements import check_publishing
from podtts.script.cast import cast_voices


@dataclass(frozen=True)
class Plan:
    """What a batch has to do, a few words an episode: scripts are read again when they are due."""

    entries: list[Entry]  # that can be spoken, in order
    failed: list[tuple[Entry, InputError]]  # scripts that cannot, and why: these fail alone


def make_plan(
    source: Source,
    voices: VoiceCasting,
    tags: TagCheck,
    output: Path,
    flags: Collection[str],
    fail: Callable[[PodttsError], None],
    warn: Callable[[str], None],
) -> Plan:
    """Read and check all of a source.

    tags:   knows which tags the checkpoint's tokenizer lacks.
    output: folder of the episodes, which need not be there.
    flags: labels that --speaker names; each must be one of some script.
    fail:  is given every error there is. warn: every warning of a script.
    Raises InputError or UsageError, when all has been looked at, if source or flags are at fault:
    then nothing is to be begun. Scripts that cannot be spoken are but left out.
    """
    plan, names, mistakes = Plan([], []), _Names(), 0
    known, labels = _KnownVoices(voices), set[str]()
    for found in source.scan():
        if isinstance(found, InputError):
            fail(found)
            mistakes += 1
            continue
        entry, request = found
        if (taken := names.take(entry, source.name)) is not None:
            fail(taken)
            mistakes += 1
            continue
        error: InputError | None
        if isinstance(request, InputError):
            error = request
        else:
            labels.update(request.script.labels)
            for line in request.script.warnings:
                warn(line)
            error = (
                known.missing(request)
                or next(iter(tags.problems(request.script)), None)
                or _unpublishable(entry, request, source.name, output)
            )
        if error is None:
            plan.entries.append(entry)
        else:
            fail(error)
            plan.failed.append((entry, error))
    if mistakes:
        raise InputError(
            f"{source.name}: {mistakes} mistake{'s' * (mistakes > 1)}, see above; "
            "nothing was spoken",
            "correct this and run the same command again",
        )
    if not plan.entries and not plan.failed:
        raise InputError(f"{source.name} is empty", "it needs one line an episode")
    for label in flags:
        if label not in labels and not plan.failed:
            raise UsageError(
                f"--speaker names {label}, which no script of {source.name} has"
                f"{nearest(label, labels)}"
            )
    return plan


def _unpublishable(
    entry: Entry, request: EpisodeRequest, source: str, output: Path
) -> InputError | None:
    """Return what keeps an episode's files from being written, if anything does."""
    publishing = request.settings.publishing
    file = episode_file(output, request.id, publishing.format)
    try:
        check_publishing(publishing, str(file), request.script, stream=False)
    except UsageError as error:
        if entry.line:
            return ScriptError(source, entry.line, error.problem, error.hint)
        return InputError(error.problem, error.hint)
    return None


class _Names:
    """Which ids are taken, as file systems see it that do not tell A from a."""

    def __init__(self) -> None:
        self._taken: dict[str, Entry] = {}

    def take(self, entry: Entry, source: str) -> InputError | None:
        """Take an id, or return why it cannot be had."""
        folded = unicodedata.normalize("NFC", entry.id).casefold()
        other = self._taken.setdefault(folded, entry)
        if other is entry:
            return None
        same = "the same" if other.id == entry.id else f"a file of the same name as {other.id!r}"
        if not entry.line:
            return InputError(
                f"{source}: two scripts are the episode {entry.id!r}, {same}", "rename one of them"
            )
        return ScriptError(
            source, entry.line, f'"id" {entry.id!r} is {same}, of line {other.line}', "change it"
        )


class _KnownVoices:
    """Which voices have been found: each is looked for once, however many scripts it speaks in."""

    def __init__(self, sources: VoiceCasting) -> None:
        self._sources = sources
        self._found: set[str] = set()

    def missing(self, request: EpisodeRequest) -> InputError | None:
        """Return what keeps a script's speakers from being cast, if anything does."""
        try:
            for member in cast_voices(request.script, request.settings.voices):
                if member.prompt is not None:
                    self._sources.find(request.script, member)
                elif member.voice not in self._found:
                    self._sources.find(request.script, member)
                    self._found.add(member.voice)
        except InputError as error:
            return error
        return None
