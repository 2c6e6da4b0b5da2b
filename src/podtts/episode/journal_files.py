"""The files of a journal by name, and how all of them are set aside.

A journal that is set aside is `episode.wav.podtts.previous-1`, the next one `previous-2`: nothing
ever overwrites one, and podtts never removes one.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shlex
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from podtts.storage.atomic import sync_folder, write_atomically

LOCK = "lock"  # held by the run that writes
TURNS = "turns.jsonl"
PARTIAL = "partial.wav"
_STAGED = ".set-aside"  # in the journal: what will be set aside, until it is complete


@dataclass(frozen=True)
class SetAside:
    """A journal that was set aside.

    journal: the folder that it was in; another run has it now.
    folder:  the folder that it is in.
    turns:   how many it has.
    reason:  why; empty: the run was to begin anew.
    """

    journal: Path
    folder: Path
    turns: int
    reason: str

    def __str__(self) -> str:
        """For people: what was set aside, why, and the command that brings it back."""
        several = self.turns > 1
        commands = (
            shlex.join(["mv", str(source), str(target)])
            for source, target in [
                (self.journal, _free_name(self.journal)),
                (self.folder, self.journal),
            ]
        )
        reason = f": {self.reason}" if self.reason else ""
        return (
            f"{self.turns} turn{'s' * several} of the earlier run {'are' if several else 'is'} set "
            f"aside in {self.folder}{reason}; to go back to that run: {' && '.join(commands)}"
        )


def journal_folder(output: Path) -> Path:
    """The folder of an output file's journal."""
    return output.with_name(f"{output.name}.podtts")


def turn_file(draws: int, attempt: int) -> str:
    """The name of a turn's file; draws: their number, 0-based, which no other turn has."""
    return f"turn-{draws + 1:04}+{attempt}.safetensors"


def turns_in(journal: Path) -> int:
    """How many turns have a file in a journal."""
    return len({path.name.partition("+")[0] for path in journal.glob("turn-*.safetensors")})


def set_aside(journal: Path) -> Path:
    """Give the files of a journal a second folder, and return it. The caller holds the lock.

    A kill at any moment leaves the journal as it was. After the return its files may be removed or
    replaced. Files are linked, and copied where the file system has no links: what is written in
    place (`turns.jsonl`, `partial.wav`) is never shared by both folders. Raises OSError.
    """
    real = Path(os.path.realpath(journal))  # beside the folder that a link leads to
    staged = real / _STAGED
    shutil.rmtree(staged, ignore_errors=True)  # a kill left it
    staged.mkdir()
    for path in real.iterdir():
        if not path.is_file() or path.name in (LOCK, PARTIAL):
            continue
        if path.name == TURNS:
            write_atomically(staged / TURNS, path.read_bytes())
        else:
            _link(path, staged / path.name)
    with contextlib.suppress(FileNotFoundError):  # last: it can be made again from the turns
        (real / PARTIAL).replace(staged / PARTIAL)
    sync_folder(staged)
    folder = _free_name(real)
    staged.rename(folder)
    sync_folder(folder.parent)
    return folder if journal.is_symlink() else journal.with_name(folder.name)


def remove_others(journal: Path, files: Collection[str]) -> None:
    """Remove the files of a journal that was set aside; files: those that its lines name stay."""
    for path in journal.iterdir():
        if path.name not in (LOCK, TURNS, *files):
            with contextlib.suppress(OSError):
                path.unlink()


def _link(path: Path, target: Path) -> None:
    try:
        target.hardlink_to(path)
    except OSError:  # for example FAT, or a network disk
        write_atomically(target, path.read_bytes())


def _free_name(journal: Path) -> Path:
    names = (
        journal.with_name(f"{journal.name}.previous-{number}") for number in itertools.count(1)
    )
    return next(name for name in names if not os.path.lexists(name))
