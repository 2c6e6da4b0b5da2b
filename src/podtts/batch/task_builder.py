"""Builds a worker's task from an entry, or finds that an earlier run did it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from podtts.batch.request import Entry, EpisodeRequest, Source
from podtts.batch.task import CastVoice, Outcome, Task, failed
from podtts.episode.fingerprint import run_fingerprint
from podtts.episode.fingerprint_schema import FingerprintSchema
from podtts.episode.journal_lines import turn_key
from podtts.errors import InputError, UsageError
from podtts.prompts.casting import VoiceCasting
from podtts.publish.episode_files import check_writable, episode_file, file_sha256
from podtts.publish.mix import tempos
from podtts.publish.timeline import speaker_names
from podtts.values import SpeakerPrompt


class TaskBuilder:
    """Builds tasks; may be called from several threads.

    common: the part of every fingerprint that all requests share: numerics, checkpoint, dtype.
    before: the outcome of an id that an earlier run recorded.
    """

    def __init__(
        self,
        source: Source,
        voices: VoiceCasting,
        common: Mapping[str, Any],
        output: Path,
        before: Callable[[str], Outcome | None],
    ) -> None:
        self._source, self._voices = source, voices
        self._common, self._output, self._before = common, output, before

    def build(self, entry: Entry) -> Task | Outcome:
        """Return the task of an entry, or its outcome if that is known.

        Computes a voice that is not prepared. An episode is done if its files were made from the
        same request and are unchanged. Raises ModelError for damaged encoders.
        """
        try:
            request = self._source.read(entry)
            cast = self._voices.gather(request.script, request.settings.voices)
        except InputError as error:
            return failed(entry.id, error)
        prompts = tuple(member.prompt for member in cast)
        fingerprint = self._fingerprint(request, prompts)
        before = self._before(entry.id)
        if before and before.fingerprint == fingerprint and self._is_unchanged(before):
            return replace(before, skipped=True)
        publishing = request.settings.publishing
        try:
            check_writable(episode_file(self._output, entry.id, publishing.format), publishing)
        except UsageError as error:
            return failed(entry.id, error)
        return Task(
            entry.id,
            request.script,
            prompts,
            request.settings.options,
            publishing,
            request.settings.keeps_precision,
            fingerprint,
            {member.label: CastVoice(member.prompt.name, member.cached) for member in cast},
        )

    def _fingerprint(self, request: EpisodeRequest, prompts: tuple[SpeakerPrompt, ...]) -> str:
        options, script = request.settings.options, request.script
        values = {
            **run_fingerprint(self._common, options, prompts),
            "keeps_precision": request.settings.keeps_precision,
            "publishing": request.settings.publishing.recorded(),
            "tempos": tempos(script),
            "names": speaker_names(script.labels, [prompt.name for prompt in prompts]),
            "turns": [
                (turn_key(turn), turn.continues, turn.pause, turn.shown)
                for turn in script.turns[: options.limit_turns]
            ],
            "chapters": [(chapter.title, chapter.turn) for chapter in script.chapters],
        }
        recorded = json.dumps(FingerprintSchema().digest_values(values), sort_keys=True)
        return hashlib.sha256(recorded.encode()).hexdigest()

    def _is_unchanged(self, before: Outcome) -> bool:
        try:
            return bool(before.files) and all(
                file_sha256(self._output / name) == sha256 for name, sha256 in before.files.items()
            )
        except OSError:
            return False
