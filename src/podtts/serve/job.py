"""A job on disk: what was asked for, in which voices, and what has come of it.

JOBS/ID/
    job.json          all but the voices; replaced in one step whenever the state changes
    voices.safetensors  the prompts, until the job is done: whoever deletes a voice ends no job
    events.jsonl      see `podtts.serve.job_events`
    episode.*         the journal, and in the end the files
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from podtts.errors import InputError
from podtts.storage.atomic import write_atomically
from podtts.storage.disk_errors import disk_error
from podtts.values import PromptFeatures, SpeakerPrompt

State = Literal["queued", "running", "done", "failed"]
EPISODE = "episode"  # the name of a job's files, with other endings
_JOB, _VOICES = "job.json", "voices.safetensors"
_TENSORS = ("speech_tokens", "mel", "speaker_embedding")


@dataclass(frozen=True)
class Job:
    """A job as job.json has it.

    request: the body that asked for it. day: YYYY-MM-DD, for the tags of its files.
    key:     Idempotency-Key of the request; empty: none. body_sha256: of the request, with a key.
    files:   SHA-256 by name, once it is done.
    """

    id: str
    created: float  # seconds since 1970
    day: str
    request: Mapping[str, Any]
    turns: int
    key: str = ""
    body_sha256: str = ""
    state: State = "queued"
    finished: float = 0.0
    error: Mapping[str, Any] | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[str] = ()

    @property
    def has_ended(self) -> bool:
        return self.state in ("done", "failed")


class JobFolder:
    """The folder of one job. Methods may wait for the disk; they raise DiskError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, job: Job) -> None:
        """Replace job.json; the job is on the disk when this returns."""
        self._write(_JOB, json.dumps(asdict(job), ensure_ascii=False).encode())

    def read(self) -> Job:
        """The job. Raises InputError if the file is not one that `write` wrote."""
        try:
            return Job(**json.loads((self.path / _JOB).read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                f"{self.path / _JOB} is damaged or gone", "delete the folder"
            ) from error

    def write_prompts(self, prompts: Sequence[SpeakerPrompt]) -> None:
        """Keep the voices that the job is spoken with."""
        tensors: dict[str, Tensor] = {}
        texts = []
        for number, prompt in enumerate(prompts):
            for name in _TENSORS:
                tensor: Tensor = getattr(prompt.features, name)
                tensors[f"{number}.{name}"] = tensor.contiguous()
            texts.append([prompt.name, prompt.transcript, prompt.dialect_prompt])
        self._write(_VOICES, save(tensors, {"texts": json.dumps(texts)}))

    def read_prompts(self) -> tuple[SpeakerPrompt, ...]:
        """The voices. Raises InputError if they are damaged."""
        prompts = []
        try:
            with safe_open(self.path / _VOICES, framework="pt") as file:
                for number, (name, transcript, dialect) in enumerate(
                    json.loads(file.metadata()["texts"])
                ):
                    parts = [file.get_tensor(f"{number}.{part}") for part in _TENSORS]
                    features = PromptFeatures(*parts)
                    prompts.append(SpeakerPrompt(name, features, transcript, dialect))
        except (OSError, SafetensorError, ValueError, KeyError) as error:
            raise InputError("the voices of the job are damaged", "send it again") from error
        return tuple(prompts)

    def end(self, job: Job) -> None:
        """Write a job that has ended, and forget its voices and its journal."""
        self.write(job)
        (self.path / _VOICES).unlink(missing_ok=True)
        for journal in self.path.glob(f"{EPISODE}.*.podtts*"):
            shutil.rmtree(journal, ignore_errors=True)

    def remove(self) -> None:
        """Delete everything. The first step makes it no job any more."""
        with suppress(OSError):
            (self.path / _JOB).unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)

    def _write(self, name: str, content: bytes) -> None:
        try:
            write_atomically(self.path / name, content)
        except OSError as error:
            raise disk_error(self.path, error, "make room, or choose another --jobs") from error


def ended(job: Job, at: float, error: Mapping[str, Any] | None = None) -> Job:
    """The job as it is when it has failed (error) or is done."""
    return replace(job, state="failed" if error else "done", finished=at, error=error)
