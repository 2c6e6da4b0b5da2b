"""Checks everything before anything is begun: scripts, voices, tags and names of files."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from podtts.batch.request import Entry, EpisodeRequest, Source
from podtts.engine.compatibility import TextCheck
from podtts.errors import InputError, PodttsError, ScriptError, UsageError, nearest
from podtts.prompts.casting import VoiceCasting
from podtts.publish.episode_files import episode_file
from podtts.publish.requirements import check_publishing
from podtts.script.cast import cast_voices
from podtts.text.counting import counted


@dataclass(frozen=True)
class Plan:
    """What a batch has to do, a few words an episode: scripts are read again when needed."""

    entries: list[Entry]  # that can be synthesized, in order
    failed: list[tuple[Entry, InputError]]  # that cannot, and why: each fails alone


def make_plan(
    source: Source,
    voices: VoiceCasting,
    tags: TextCheck,
    output: Path,
    flags: Collection[str],
    fail: Callable[[PodttsError], None],
    warn: Callable[[str], None],
    warnings: Callable[[EpisodeRequest], Iterable[str]],
) -> Plan:
    """Read and check all of a source.

    tags:   knows which tags the checkpoint's tokenizer lacks, and which texts are too long for it.
    output: folder of the episodes, which need not be there.
    flags:  labels that --speaker names; each must be a label of some script.
    fail:   is called with every error. warn: is called with every warning of a script.
    warnings: returns the warnings of a script; is called once for each that can be read.
    Raises InputError or UsageError after all checks if the source or the flags are wrong: then
    nothing must begin. A script that cannot be synthesized is left out.
    """
    plan, names, is_wrong, complaints = Plan([], []), _Names(), False, 0
    known, labels = _KnownVoices(voices), set[str]()
    for item in source.scan():
        if isinstance(item, InputError):
            fail(item)
            is_wrong, complaints = True, complaints + 1
            continue
        entry, request = item
        if (conflict := names.add(entry, source.name)) is not None:
            fail(conflict)
            is_wrong, complaints = True, complaints + 1
            continue
        error: InputError | None
        if isinstance(request, InputError):
            error = request
        else:
            labels.update(request.script.labels)
            for line in warnings(request):
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
            complaints += 1
            plan.failed.append((entry, error))
    if is_wrong:
        raise InputError(
            f"{source.name}: {counted(complaints, 'mistake')}, see above; nothing was synthesized",
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
    """Return why an episode's files cannot be written, if they cannot."""
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
    """The ids so far, as a file system compares names that does not tell A from a."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def add(self, entry: Entry, source: str) -> InputError | None:
        """Add an id, or return why it cannot be used."""
        folded = unicodedata.normalize("NFC", entry.id).casefold()
        other = self._entries.setdefault(folded, entry)
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
    """The voices that are there: each is looked up once, however many scripts use it."""

    def __init__(self, sources: VoiceCasting) -> None:
        self._sources = sources
        self._found: set[str] = set()

    def missing(self, request: EpisodeRequest) -> InputError | None:
        """Return why a speaker of a script has no voice, if one has none."""
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
