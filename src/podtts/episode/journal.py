"""A run's journal: what has been spoken is kept, and a run that died goes on behind it.

Beside `episode.wav` stands `episode.wav.podtts/`:
    turns.jsonl         append-only; the first line records the run's fingerprint, then a line
                        a turn: what was said, how it was drawn, and the digest of its file
    turn-0007+1.safetensors   tokens (int32) and samples (int16) of a turn; `+1`: of its attempt 1
    partial.wav         the mix as it grows, 24 kHz; the output is made of it at the end
    lock                held by the run that writes
A turn's file is whole before its line is written, so a line never speaks of what is not there. The
last line of a turn is the one that counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

import podtts
from podtts.audio.wav import to_pcm16
from podtts.episode.fingerprint_schema import SCHEMA_VERSION, FingerprintSchema, Mismatch
from podtts.errors import UsageError
from podtts.storage.atomic import write_atomically
from podtts.values import SpeechTokens, Turn, TurnAudio

_LOCK = "lock"
FORMAT = 1  # raise when a journal of the older layout cannot be continued any more
# The version of podtts is for people: nothing is compared with it.
_HEADER = {"format": FORMAT, "schema": SCHEMA_VERSION, "podtts": podtts.__version__}
_TURN_KEYS = {"turn", "key", "variation", "ended", "problems", "file", "sha256"}


@dataclass(frozen=True, eq=False)
class SpokenTurn:
    """A turn as the journal has it."""

    index: int
    tokens: SpeechTokens
    attempt: int
    problems: tuple[str, ...]


def journal_folder(output: Path) -> Path:
    """Where the journal of an output file stands."""
    return output.with_name(f"{output.name}.podtts")


def journal_owner(output: Path, endings: Sequence[str]) -> Path:
    """Return the file whose journal a run goes on with: the output's own, where it has one.

    Otherwise that of the only `OUTPUT.ENDING` that has: what was spoken for `episode.wav` need not
    be spoken again for `episode.mp3`.
    """
    named = [output.with_suffix(f".{ending}") for ending in endings]
    others = [other for other in named if journal_folder(other).is_dir()]
    return others[0] if len(others) == 1 and not journal_folder(output).is_dir() else output


class Journal:
    """The journal of one output file, open for one run.

    fingerprint: of the run, see `podtts.episode.fingerprint.run_fingerprint`.
    resume:   go on with what is there; otherwise a finished or dead run's journal is set aside
              (one such: `OUT.podtts.previous`).
    day:      when the run began; one that is gone on with keeps its own.
    patience_seconds: how long to wait for another run that holds it.
    Raises UsageError when another run holds it, or when there is no run with this fingerprint to
    resume.
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
        self._fingerprint = _as_json(fingerprint)
        self._resume = resume
        self._patience_seconds = patience_seconds
        self._lines: dict[int, dict[str, Any]] = {}
        self._file: BinaryIO | None = None

    def __enter__(self) -> Journal:
        try:
            self.folder.mkdir(exist_ok=True)
            # In a batch another thread than the one that opens it may be the one that closes it.
            self._lock = FileLock(self.folder / _LOCK, thread_local=False)
            self._lock.acquire(timeout=self._patience_seconds)
        except Timeout as error:
            raise UsageError(
                f"another run is writing {self.folder.name.removesuffix('.podtts')}",
                "wait for it, or choose another output file",
            ) from error
        except OSError as error:
            raise self._unwritable(error) from error
        with ExitStack() as undo:
            undo.callback(self._lock.release)
            self._open()
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

    def spoken(self, index: int, turn: Turn) -> SpokenTurn | None:
        """A turn as it was spoken, if text and speaker are still the same and its file is whole."""
        line = self._lines.get(index)
        if line is None or line["key"] != turn_key(turn):
            return None
        tensors = self._tensors(line)
        if tensors is None:
            return None
        tokens = SpeechTokens(tuple(tensors["tokens"].tolist()), line["ended"])
        return SpokenTurn(index, tokens, line["variation"], tuple(line["problems"]))

    def wave(self, index: int) -> Tensor:
        """The wave of a turn that was spoken, float32 [S]; it rounds to the kept samples again.

        Raises UsageError when its file has been changed since `spoken`.
        """
        line = self._lines[index]
        tensors = self._tensors(line)
        if tensors is None:
            raise UsageError(
                f"{self.folder / line['file']} was damaged while it was used",
                "run the same command again: the turn is then spoken anew",
            )
        return tensors["samples"].float() / 32767

    @property
    def partial(self) -> Path:
        """Where the output grows."""
        return self.folder / "partial.wav"

    def _tensors(self, line: Mapping[str, Any]) -> dict[str, Tensor] | None:
        try:
            raw = (self.folder / line["file"]).read_bytes()
            return load(raw) if hashlib.sha256(raw).hexdigest() == line["sha256"] else None
        except (OSError, SafetensorError):
            return None

    @property
    def count(self) -> int:
        """How many turns are kept."""
        return len(self._lines)

    def next_attempts(self, turns: Collection[int]) -> dict[int, int]:
        """The first draws of these turns (0-based) that none of their takes has used."""
        used = {index: line["variation"] for index, line in self._lines.items()}
        return {index: used.get(index, -1) + 1 for index in turns}

    def has_changed(self, index: int, turn: Turn) -> bool:
        """Whether a turn was spoken with another text or by another speaker."""
        line = self._lines.get(index)
        return line is not None and line["key"] != turn_key(turn)

    def keep(self, audio: TurnAudio, label: str) -> None:
        """Write a turn: its file first, then its line, each on the disk before the next."""
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
            self._append(line)
        except OSError as error:
            raise self._unwritable(error) from error
        self._lines[audio.index] = line

    def remove(self) -> None:
        """Delete the journal, after a run that is not to be kept."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _open(self) -> None:
        path = self.folder / "turns.jsonl"
        kept = self._read(path)
        if self._resume:
            if kept is None:
                raise UsageError(
                    f"{self.folder} holds no run to resume", "leave out --resume and --retake"
                )
            self.day = kept.get("day", self.day)
            if (mismatch := _mismatch(kept, self._fingerprint)) is not None:
                raise UsageError(
                    f"{self.folder}: {mismatch.problem}",
                    f"{mismatch.advice}, or leave out --resume and --retake to start over",
                )
        elif kept is not None:
            self._set_aside()
        self._file = path.open("ab")
        if not self._resume:
            self._append({**_HEADER, **self._fingerprint, "day": self.day})

    def _set_aside(self) -> None:
        previous = self.folder.with_name(f"{self.folder.name}.previous")
        shutil.rmtree(previous, ignore_errors=True)
        previous.mkdir()
        for path in self.folder.iterdir():
            if path.name != _LOCK:
                path.replace(previous / path.name)

    def _read(self, path: Path) -> dict[str, Any] | None:
        """Read the lines; None when there is no run. A last line cut off by a kill is taken off."""
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return None
        whole = raw[: raw.rfind(b"\n") + 1]
        if whole != raw:
            os.truncate(path, len(whole))
        try:
            lines = [_object(line) for line in whole.splitlines()]
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

    def _append(self, line: Mapping[str, Any]) -> None:
        assert self._file is not None
        self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _unwritable(self, error: OSError) -> UsageError:
        return UsageError(
            f"{self.folder}: cannot be written: {error.strerror}", "choose another output file"
        )


def turn_key(turn: Turn) -> str:
    """What a turn's own words determine: speaker and text."""
    return hashlib.sha256(f"{turn.speaker}\0{turn.text}".encode()).hexdigest()


def holds_run(output: Path, fingerprint: Mapping[str, Any]) -> bool:
    """Whether the journal of an output holds a run that a run of this fingerprint can resume."""
    try:
        with (journal_folder(output) / "turns.jsonl").open("rb") as file:
            header = json.loads(file.readline())
    except (OSError, ValueError):
        return False
    return isinstance(header, dict) and _mismatch(header, _as_json(fingerprint)) is None


def _mismatch(header: Mapping[str, Any], fingerprint: Mapping[str, Any]) -> Mismatch | None:
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


def _as_json(fingerprint: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they are when they are read from a file."""
    values: dict[str, Any] = json.loads(json.dumps(fingerprint))
    return values
