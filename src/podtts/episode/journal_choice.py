"""Which journal belongs to an output, and what a run does with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

from podtts.episode.journal import Journal, JournalBusyError
from podtts.episode.journal_files import TURNS, journal_folder
from podtts.episode.journal_header import as_json, resume_mismatch
from podtts.episode.journal_lines import turn_key
from podtts.episode.kept_turns import match_turns
from podtts.errors import UsageError
from podtts.values import Turn


class Earlier(Enum):
    """What a run does with the run that is in the journal of its output."""

    CONTINUE = "continues it if it has the same fingerprint, and sets it aside otherwise"
    RESUME = "continues it, or raises UsageError; begins one where there is none"
    RETAKE = "continues it, or raises UsageError; keeps all turns that have the same text"
    FRESH = "sets it aside"


def journal_owner(output: Path, endings: Sequence[str]) -> Path:
    """Return the file whose journal a run continues: the output's own, where it has one.

    Otherwise that of the only `OUTPUT.ENDING` that has one: the turns of `episode.wav` are those of
    `episode.mp3`.
    """
    files = [output.with_suffix(f".{ending}") for ending in endings]
    owners = [file for file in files if journal_folder(file).is_dir()]
    return owners[0] if len(owners) == 1 and not journal_folder(output).is_dir() else output


@contextmanager
def open_journal(
    output: Path,
    endings: Sequence[str],
    fingerprint: Mapping[str, Any],
    turns: Sequence[Turn],
    earlier: Earlier,
    *,
    anyway: bool = False,
    keep_later: bool = False,
    day: str,
    patience_seconds: float = 0.0,
) -> Iterator[Journal]:
    """Open the journal of a run with this fingerprint and these turns.

    Where a turn has another text, the journal is set aside, and the run continues with the turns
    before it: a turn depends on all turns before it.

    keep_later: continue with all turns that the journal has in place, each where it is now.
    endings: of the files that may own the journal, see `journal_owner`. For the rest, and for what
    is raised, see `Journal`.
    """
    journal_of = partial(
        Journal, fingerprint=fingerprint, anyway=anyway, day=day, patience_seconds=patience_seconds
    )
    owner, resume = journal_owner(output, endings), True
    if earlier is Earlier.CONTINUE:
        if owner != output and _holds_run(owner, fingerprint):
            with _unless_busy(journal_of(owner, resume=True)) as journal:
                # The journal of another file is continued as it is, or left alone.
                if journal is not None and _first_change(journal, turns) is None:
                    yield journal
                    return
        owner, resume = output, _holds_run(output, fingerprint)
    elif earlier is Earlier.FRESH:
        owner, resume = output, False
    elif earlier is Earlier.RETAKE and not (journal_folder(owner) / TURNS).is_file():
        raise UsageError(f"{journal_folder(owner)} holds no run to retake", "leave out --retake")
    with journal_of(owner, resume=resume) as journal:
        change = _first_change(journal, turns)
        if change is not None and keep_later:
            kept = match_turns(journal.stored, [turn_key(turn) for turn in turns])
            journal.keep(kept.former, f"the script has changed; {kept}")
        elif change is not None and earlier is not Earlier.RETAKE:
            reason = (
                f"turn {change + 1} has another text or speaker, so this turn and all after it are "
                "synthesized again, which podtts synth --keep-later would not"
            )
            journal.keep({index: index for index in range(change)}, reason)
        yield journal


def remove_journals(output: Path, endings: Sequence[str]) -> None:
    """Delete the journals of an output and of every `OUTPUT.ENDING`."""
    for file in (output, *(output.with_suffix(f".{ending}") for ending in endings)):
        shutil.rmtree(journal_folder(file), ignore_errors=True)


def _first_change(journal: Journal, turns: Sequence[Turn]) -> int | None:
    """The number (0-based) of the first turn that is stored with another text or speaker."""
    changed = (index for index, turn in enumerate(turns) if journal.has_changed(index, turn))
    return next(changed, None)


def _holds_run(output: Path, fingerprint: Mapping[str, Any]) -> bool:
    """Whether the journal of an output holds a run that a run of this fingerprint can continue."""
    path = journal_folder(output) / TURNS
    if not path.is_file():  # nothing, or a pipe that nobody may write to
        return False
    try:
        with path.open("rb") as file:
            header = json.loads(file.readline())
    except (OSError, ValueError):
        return False
    return isinstance(header, dict) and resume_mismatch(header, as_json(fingerprint)) is None


@contextmanager
def _unless_busy(journal: Journal) -> Iterator[Journal | None]:
    """A journal, opened; None while another run holds it."""
    with ExitStack() as stack:
        opened: Journal | None = None
        with suppress(JournalBusyError):
            opened = stack.enter_context(journal)
        yield opened
