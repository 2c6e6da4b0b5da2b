"""A run's journal: it stores every finished turn, and a later run resumes behind the last one.

`episode.wav.podtts/`, beside `episode.wav`:
    turns.jsonl         append-only; the first line records the run's fingerprint, then a line
                        a turn: its text, how it was drawn, and the digest of its file
    turn-0007+1.safetensors   tokens (int32) and samples (int16) of a turn; `+1`: of its attempt 1
    partial.wav         the mix as it grows, 24 kHz; the output is made from it at the end
    lock                held by the run that writes
A turn's file is complete before its line is written, so no line names a file that is not there. If
a turn has several lines, the last one counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

import podtts
from podtts.audio.wav import to_pcm16
from podtts.episode.fingerprint_schema import SCHEMA_VERSION, FingerprintSchema, Mismatch
from podtts.errors import DiskError, UsageError
from podtts.storage.appending import append_line, open_to_append
from podtts.storage.atomic import write_atomically
from podtts.storage.disk_errors import disk_error
from podtts.storage.regular_files import NotRegularError, check_entries
from podtts.storage.streams import WholeWriter
from podtts.values import SpeechTokens, Turn, TurnAudio

_LOCK = "lock"
FORMAT = 1  # raise when a journal of the older layout cannot be continued any more
# The version of podtts is for people: nothing is compared with it.
_HEADER = {"format": FORMAT, "schema": SCHEMA_VERSION, "podtts": podtts.__version__}
_TURN_KEYS = {"turn", "key", "variation", "ended", "problems", "file", "sha256"}


@dataclass(frozen=True, eq=False)
class FinishedTurn:
    """A turn that an earlier run finished."""

    index: int
    tokens: SpeechTokens
    attempt: int
    problems: tuple[str, ...]


def journal_folder(output: Path) -> Path:
    """The folder of an output file's journal."""
    return output.with_name(f"{output.name}.podtts")


class Journal:
    """The journal of one output file, open for one run in a `with` block.

    fingerprint: see `podtts.episode.fingerprint.run_fingerprint`.
    resume:      use what is there; otherwise the journal of a finished or killed run is set aside
                 as `OUT.podtts.previous`, in place of an older one.
    day:         when the run began; a run that is resumed keeps its own.
    patience_seconds: how long to wait for another run that holds the journal.
    Raises UsageError when another run holds the journal, when there is no run to resume, or when
    its fingerprint is another; DiskError when it cannot be written.
    """

    def __init__(
        self,
        output: Path,
        fingerprint: Mapping[str, Any],
        *,
        resume: bool,
        day: str = "",
        patience_seconds: float = 0.0,
    ) -> None:
        self.folder = journal_folder(output)
        self.day = day
        self._fingerprint = as_json(fingerprint)
        self._resume = resume
        self._patience_seconds = patience_seconds
        self._lines: dict[int, dict[str, Any]] = {}
        self._file: WholeWriter | None = None

    def __enter__(self) -> Journal:
        try:
            self.folder.mkdir(exist_ok=True)
            check_entries(self.folder)
            # In a batch, one thread opens a journal and another may close it.
            self._lock = FileLock(self.folder / _LOCK, thread_local=False)
            self._lock.acquire(timeout=self._patience_seconds)
        except Timeout as error:
            raise UsageError(
                f"another run is writing {self.folder.name.removesuffix('.podtts')}",
                "wait for it, or choose another output file",
            ) from error
        except NotRegularError as error:
            raise UsageError(
                f"{error.filename} is a pipe or a device", f"move {self.folder} away to start over"
            ) from error
        except OSError as error:
            raise self._unwritable(error) from error
        with ExitStack() as undo:
            undo.callback(self._lock.release)
            try:
                self._open()
            except OSError as error:
                raise self._unwritable(error) from error
            undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
        self._lock.release()

    def finished(self, index: int, turn: Turn) -> FinishedTurn | None:
        """A turn that is stored, if its text and speaker are the same and its file is complete."""
        line = self._lines.get(index)
        if line is None or line["key"] != turn_key(turn):
            return None
        tensors = self._tensors(line)
        if tensors is None:
            return None
        tokens = SpeechTokens(tuple(tensors["tokens"].tolist()), line["ended"])
        return FinishedTurn(index, tokens, line["variation"], tuple(line["problems"]))

    def wave(self, index: int) -> Tensor:
        """The wave of a finished turn, float32 [S]; it rounds to the stored samples.

        Raises UsageError when its file was changed after `finished` read it.
        """
        line = self._lines[index]
        tensors = self._tensors(line)
        if tensors is None:
            raise UsageError(
                f"{self.folder / line['file']} was damaged while it was used",
                "run the same command again: it synthesizes the turn again",
            )
        return tensors["samples"].float() / 32767

    @property
    def partial(self) -> Path:
        """The file in which the mix grows."""
        return self.folder / "partial.wav"

    def _tensors(self, line: Mapping[str, Any]) -> dict[str, Tensor] | None:
        try:
            raw = (self.folder / line["file"]).read_bytes()
            return load(raw) if hashlib.sha256(raw).hexdigest() == line["sha256"] else None
        except (OSError, SafetensorError):
            return None

    @property
    def count(self) -> int:
        """How many turns are stored."""
        return len(self._lines)

    def next_attempts(self, turns: Collection[int]) -> dict[int, int]:
        """The first attempt of each of these turns (0-based) that no run has made."""
        used = {index: line["variation"] for index, line in self._lines.items()}
        return {index: used.get(index, -1) + 1 for index in turns}

    def has_changed(self, index: int, turn: Turn) -> bool:
        """Whether a turn is stored with another text or another speaker."""
        line = self._lines.get(index)
        return line is not None and line["key"] != turn_key(turn)

    def append(self, audio: TurnAudio, label: str) -> None:
        """Store a turn: first its file, then its line; each is on the disk before the next.

        Raises DiskError when the disk refuses it.
        """
        samples = np.frombuffer(to_pcm16(audio.wave), "<i2").astype(np.int16)
        ids = torch.tensor(audio.tokens.ids, dtype=torch.int32)
        raw = save({"tokens": ids, "samples": torch.from_numpy(samples)})
        name = f"turn-{audio.index + 1:04}+{audio.attempt}.safetensors"
        line = {
            "turn": audio.index + 1,
            "line": audio.turn.line,
            "label": label,
            "text": audio.turn.text,
            "key": turn_key(audio.turn),
            "variation": audio.attempt,  # a key of the journal's format
            "tokens": len(audio.tokens.ids),
            "ended": audio.tokens.ended,
            "seconds": audio.seconds,
            "problems": list(audio.problems),
            "file": name,
            "sha256": hashlib.sha256(raw).hexdigest(),
        }
        try:
            write_atomically(self.folder / name, raw)
            self._append_line(line)
        except OSError as error:
            raise self._unwritable(error) from error
        self._lines[audio.index] = line

    def remove(self) -> None:
        """Delete the journal."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _open(self) -> None:
        path = self.folder / "turns.jsonl"
        header = self._read(path)
        if self._resume:
            if header is None:
                raise UsageError(
                    f"{self.folder} holds no run to resume", "leave out --resume and --retake"
                )
            self.day = header.get("day", self.day)
            if (mismatch := resume_mismatch(header, self._fingerprint)) is not None:
                raise UsageError(
                    f"{self.folder}: {mismatch.problem}",
                    f"{mismatch.advice}, or leave out --resume and --retake to start over",
                )
        elif header is not None:
            self._set_aside()
        self._file = open_to_append(path)
        if not self._resume:
            self._append_line({**_HEADER, **self._fingerprint, "day": self.day})

    def _set_aside(self) -> None:
        previous = self.folder.with_name(f"{self.folder.name}.previous")
        shutil.rmtree(previous, ignore_errors=True)
        previous.mkdir()
        for path in self.folder.iterdir():
            if path.name != _LOCK:
                path.replace(previous / path.name)

    def _read(self, path: Path) -> dict[str, Any] | None:
        """Read the lines, return the first; None when there is no run.

        Cuts off a last line that a kill left incomplete.
        """
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return None
        complete = raw[: raw.rfind(b"\n") + 1]
        if complete != raw:
            os.truncate(path, len(complete))
        try:
            lines = [_object(line) for line in complete.splitlines()]
            if not all(line.keys() >= _TURN_KEYS for line in lines[1:]):
                raise ValueError("a turn lacks a key")
            turns = {int(line["turn"]) - 1: line for line in lines[1:]}
        except (ValueError, TypeError) as error:
            raise UsageError(
                f"{path} is damaged", f"move {self.folder} away to start over"
            ) from error
        if not lines:
            return None
        self._lines = turns if self._resume else {}
        return lines[0]

    def _append_line(self, line: Mapping[str, Any]) -> None:
        assert self._file is not None
        append_line(self._file, json.dumps(line, ensure_ascii=False).encode())

    def _unwritable(self, error: OSError) -> DiskError:
        return disk_error(self.folder, error, "choose another output file")


def turn_key(turn: Turn) -> str:
    """A digest of what a turn says: speaker and text."""
    return hashlib.sha256(f"{turn.speaker}\0{turn.text}".encode()).hexdigest()


def resume_mismatch(header: Mapping[str, Any], fingerprint: Mapping[str, Any]) -> Mismatch | None:
    """Return why a run of this fingerprint cannot resume a journal; header: its first line."""
    if (layout := header.get("format")) != FORMAT:
        return Mismatch(
            f"the journal has layout {layout!r}, and this podtts reads layout {FORMAT}",
            "use the version of podtts that made it",
        )
    recorded = {key: value for key, value in header.items() if key not in ("format", "day")}
    return FingerprintSchema().mismatch(recorded, fingerprint)


def _object(line: bytes) -> dict[str, Any]:
    """The JSON object of a line. Raises ValueError."""
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def as_json(fingerprint: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they are when they are read from a file."""
    values: dict[str, Any] = json.loads(json.dumps(fingerprint))
    return values
