"""A run's journal: it stores every finished turn, and a later run continues behind the last one.

`episode.wav.podtts/`, beside `episode.wav`:
    turns.jsonl         append-only; the first line records the run's fingerprint, then a line
                        a turn: its text, how it was drawn, and the digest of its file
    turn-0007+1.safetensors   tokens (int32) and samples (int16) of a turn; `7`: the number of its
                        draws, which is the turn's unless it was moved; `+1`: of its attempt 1
    partial.wav         the mix as it grows, 24 kHz; the output is made from it at the end
    lock                held by the run that writes
A turn's file is complete before its line is written, so no line names a file that is not there. If
a turn has several lines, the last one counts.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from filelock import Timeout
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from podtts.audio.wav import to_pcm16
from podtts.episode.journal_files import (
    LOCK,
    PARTIAL,
    TURNS,
    SetAside,
    journal_folder,
    remove_others,
    set_aside,
    turn_file,
    turns_in,
)
from podtts.episode.journal_header import (
    as_json,
    is_mixed,
    mixed_header,
    new_header,
    resume_mismatch,
)
from podtts.episode.journal_lines import (
    FinishedTurn,
    JournalLines,
    Line,
    draws_of,
    encoded,
    finished_turn,
    next_attempt,
    read_lines,
    turn_key,
    turn_line,
    write_lines,
)
from podtts.episode.kept_turns import draw_numbers
from podtts.errors import DiskError, PodttsError, UsageError
from podtts.storage.appending import append_line, open_to_append
from podtts.storage.atomic import write_atomically
from podtts.storage.disk_errors import disk_error
from podtts.storage.locks import file_lock
from podtts.storage.regular_files import NotRegularError, check_entries
from podtts.storage.streams import WholeWriter
from podtts.values import Turn, TurnAudio


class JournalBusyError(UsageError):
    """Another run holds the journal."""


class JournalLostError(PodttsError):
    """The journal of a run was removed, moved or replaced while the run used it."""


class Journal:
    """The journal of one output file, open for one run in a `with` block.

    fingerprint: see `podtts.episode.fingerprint.run_fingerprint`.
    resume:      continue the run that is there, or begin one where there is none. Otherwise a run
                 that is there is set aside, see `set_aside`.
    anyway:      continue it also where something else computed its turns: another engine, library,
                 device or number of threads. The journal records that it is mixed.
    day:         when the run began; a run that is continued keeps its own.
    patience_seconds: how long to wait for another run that holds the journal.
    Raises JournalBusyError when another run holds the journal, UsageError when it is damaged or its
    fingerprint is another; DiskError when it cannot be written.
    """

    def __init__(
        self,
        output: Path,
        fingerprint: Mapping[str, Any],
        *,
        resume: bool,
        anyway: bool = False,
        day: str = "",
        patience_seconds: float = 0.0,
    ) -> None:
        self.folder = journal_folder(output)
        self.day = day
        self.set_aside: SetAside | None = None  # the run that was there
        self._fingerprint = as_json(fingerprint)
        self._resume, self._anyway = resume, anyway
        self._patience_seconds = patience_seconds
        self._recorded = JournalLines({})
        self._lines: dict[int, Line] = {}
        self._file: WholeWriter | None = None

    def __enter__(self) -> Journal:
        try:
            self.folder.mkdir(exist_ok=True)
            check_entries(self.folder)
            self._lock = file_lock(self.folder / LOCK)
            self._lock.acquire(timeout=self._patience_seconds)
        except Timeout as error:
            raise JournalBusyError(
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
        return finished_turn(line, tensors["tokens"].tolist())

    def wave(self, index: int) -> Tensor:
        """The wave of a finished turn, float32 [S]; it rounds to the stored samples.

        Raises UsageError when its file was changed after `finished` read it, JournalLostError.
        """
        line = self._lines[index]
        tensors = self._tensors(line)
        if tensors is None:
            self.check_in_place()
            raise UsageError(
                f"{self.folder / line['file']} was damaged while it was used",
                "run the same command again: it synthesizes the turn again",
            )
        return tensors["samples"].float() / 32767

    @property
    def partial(self) -> Path:
        """The file in which the mix grows."""
        return self.folder / PARTIAL

    def _tensors(self, line: Line) -> dict[str, Tensor] | None:
        try:
            raw = (self.folder / line["file"]).read_bytes()
            return load(raw) if hashlib.sha256(raw).hexdigest() == line["sha256"] else None
        except (OSError, SafetensorError):
            return None

    @property
    def count(self) -> int:
        """How many turns are stored."""
        return sum((self.folder / line["file"]).is_file() for line in self._lines.values())

    @property
    def is_mixed(self) -> bool:
        """Whether something else computed some of the turns, see `anyway`."""
        return is_mixed(self._recorded.header)

    def next_attempts(self, turns: Collection[int]) -> dict[int, int]:
        """The first attempt of each of these turns (0-based) that no run has made."""
        made = {index: next_attempt(line) for index, line in self._lines.items()}
        return {index: made.get(index, 0) for index in turns}

    def has_changed(self, index: int, turn: Turn) -> bool:
        """Whether a turn is stored with another text or another speaker."""
        line = self._lines.get(index)
        return line is not None and line["key"] != turn_key(turn)

    @property
    def stored(self) -> dict[int, str]:
        """The `turn_key` of every turn that is stored, by its number (0-based)."""
        return {index: line["key"] for index, line in self._lines.items()}

    def draws(self, turns: int) -> dict[int, int]:
        """The number of the draws of each turn, see `draw_numbers`; turns: of the script."""
        used = {index: draws_of(line) for index, line in self._lines.items()}
        return draw_numbers(used, turns)

    def keep(self, former: Mapping[int, int], reason: str) -> None:
        """Set the journal aside, and continue with some of its turns alone.

        former: where a turn (both 0-based) is now. reason: why, for `set_aside`. Raises DiskError
        when the disk refuses it.
        """
        try:
            self._begin(self._recorded.moved(former), reason)
        except OSError as error:
            raise self._unwritable(error) from error

    def append(self, audio: TurnAudio, label: str, draws: int | None = None) -> None:
        """Store a turn: first its file, then its line; each is on the disk before the next.

        draws: their number, see `draws`; None: the turn's.
        Raises DiskError when the disk refuses it, JournalLostError.
        """
        samples = np.frombuffer(to_pcm16(audio.wave), "<i2").astype(np.int16)
        ids = torch.tensor(audio.tokens.ids, dtype=torch.int32)
        raw = save({"tokens": ids, "samples": torch.from_numpy(samples)})
        draws = audio.index if draws is None else draws
        name = turn_file(draws, audio.attempt)
        line = turn_line(audio, label, draws, name, hashlib.sha256(raw).hexdigest())
        self.check_in_place()
        try:
            write_atomically(self.folder / name, raw)
            self._append_line(line)
        except OSError as error:
            self.check_in_place()
            raise self._unwritable(error) from error
        self.check_in_place()
        self._lines[audio.index] = line

    def check_in_place(self) -> None:
        """Raise JournalLostError if the journal was removed, moved or replaced."""
        assert self._file is not None
        try:
            there = (self.folder / TURNS).stat()
            is_in_place = os.path.samestat(there, os.fstat(self._file.fileno()))
        except OSError:
            is_in_place = False
        if not is_in_place:
            raise JournalLostError(
                f"{self.folder} was removed, moved or replaced while this run used it",
                "if it was moved, move it back; then run the same command again",
            )

    def remove(self) -> None:
        """Delete the journal."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _open(self) -> None:
        """Continue the run that is there, or begin one. Raises OSError."""
        recorded, damage = None, ""
        try:
            recorded = read_lines(self.folder / TURNS)
        except UsageError as error:
            if self._resume:
                raise
            damage = error.problem
        if recorded is None and not damage:
            self._begin(JournalLines(new_header(self._fingerprint, self.day)))
        elif recorded is not None and self._resume:
            self._continue(recorded)
        else:
            self._recorded = recorded or self._recorded
            self._begin(
                JournalLines(new_header(self._fingerprint, self.day)), damage or self._difference()
            )

    def _difference(self) -> str:
        """Why a run of this fingerprint cannot continue what is recorded; empty: it can."""
        mismatch = resume_mismatch(self._recorded.header, self._fingerprint)
        if mismatch is None:
            return ""
        goes_on = ", which podtts synth --resume-anyway would continue" if mismatch.before else ""
        return f"{mismatch.problem}{goes_on}"

    def _continue(self, recorded: JournalLines) -> None:
        """Append to the lines that are there."""
        self.day = recorded.header.get("day", self.day)
        mismatch = resume_mismatch(recorded.header, self._fingerprint)
        if mismatch is not None and mismatch.before and self._anyway:
            former, before = recorded.header, mismatch.before
            header = mixed_header(former, before, self._fingerprint, self.day)
            recorded = JournalLines(header, recorded.turns)
            write_lines(self.folder / TURNS, recorded)
        elif mismatch is not None:
            regardless = "go on regardless with --resume-anyway, " if mismatch.before else ""
            raise UsageError(
                f"{self.folder}: {mismatch.problem}",
                f"{mismatch.advice}, {regardless}or start over with --fresh",
            )
        self._use(recorded)

    def _begin(self, lines: JournalLines, reason: str = "") -> None:
        """Use these lines in place of what is there. Any turn that is there is set aside."""
        self._close()
        if count := turns_in(self.folder):
            folder = set_aside(self.folder)
            self.set_aside = SetAside(self.folder, folder, count, reason)
        write_lines(self.folder / TURNS, lines)
        if count:
            remove_others(self.folder, {line["file"] for line in lines.last.values()})
        self._use(lines)

    def _use(self, lines: JournalLines) -> None:
        self._recorded, self._lines = lines, lines.last
        self._file = open_to_append(self.folder / TURNS)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _append_line(self, line: Line) -> None:
        assert self._file is not None
        append_line(self._file, encoded(line))

    def _unwritable(self, error: OSError) -> DiskError:
        return disk_error(self.folder, error, "choose another output file")
