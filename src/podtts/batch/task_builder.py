"""An entry read and its voices gathered: what a worker needs, or what was done before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from podtts.batch.request import Entry, EpisodeRequest, Source
from podtts.batch.task import CastVoice, Outcome, Task, failed
from podtts.episode.fingerprint import run_fingerprint
from podtts.episode.fingerprint_schema import FingerprintSchema
from podtts.episode.journal import turn_key
from podtts.errors import InputError
from podtts.prompts.casting import VoiceCasting
from podtts.publish.episode_files import file_sha256
from podtts.publish.mix import tempos
from podtts.publish.timeline import speaker_names
from podtts.values import SpeakerPrompt


class TaskBuilder:
    """Stages entries; may be called from several threads.

    asked:  JSON values of all that is asked for besides the request: checkpoint, number types.
    before: what an earlier run noted about an id.
    """

    def __init__(
        self,
        source: Source,
        voices: VoiceCasting,
        asked: Mapping[str, Any],
        output: Path,
        before: Callable[[str], Outcome | None],
    ) -> None:
        self._source, self._voices = source, voices
        self._asked, self._output, self._before = asked, output, before

    def stage(self, entry: Entry) -> Task | Outcome:
        """Return what is to be spoken; the outcome, if that is known.

        A voice that is not prepared is computed here. An episode is done if all that was asked for
        is what made its files, and these are still that. Raises ModelError for broken encoders.
        """
        try:
            request = self._source.read(entry)
            cast = self._voices.gather(request.script, request.settings.voices)
        except InputError as error:
            return failed(entry.id, error)
        prompts = tuple(one.prompt for one in cast)
        fingerprint = self._fingerprint(request, prompts)
        before = self._before(entry.id)
        if before and before.fingerprint == fingerprint and self._is_whole(before):
            return replace(before, skipped=True)
        return Task(
            entry.id,
            request.script,
            prompts,
            request.settings.options,
            request.settings.publishing,
            request.settings.keeps_precision,
            fingerprint,
            {one.label: CastVoice(one.prompt.name, one.cached) for one in cast},
        )

    def _fingerprint(self, request: EpisodeRequest, prompts: tuple[SpeakerPrompt, ...]) -> str:
        options, script = request.settings.options, request.script
        asked = {
            **run_fingerprint(self._asked, options, prompts),
            "keeps_precision": request.settings.keeps_precision,
            "publishing": asdict(request.settings.publishing),
            "tempos": tempos(script),
            "names": speaker_names(script.labels, [prompt.name for prompt in prompts]),
            "turns": [
                (turn_key(turn), turn.continues, turn.pause, turn.shown)
                for turn in script.turns[: options.limit_turns]
            ],
            "chapters": [(chapter.title, chapter.turn) for chapter in script.chapters],
        }
        values = FingerprintSchema().digest_values(asked)
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def _is_whole(self, before: Outcome) -> bool:
        try:
            return bool(before.files) and all(
                file_sha256(self._output / name) == sha256 for name, sha256 in before.files.items()
            )
        except OSError:
            return False
