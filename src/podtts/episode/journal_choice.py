"""Which journal belongs to an output, and whether a run resumes it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from podtts.episode.journal import Journal, as_json, journal_folder, resume_mismatch
from podtts.values import Turn


def journal_owner(output: Path, endings: Sequence[str]) -> Path:
    """Return the file whose journal a run resumes: the output's own, where it has one.

    Otherwise that of the only `OUTPUT.ENDING` that has one: the turns of `episode.wav` are those of
    `episode.mp3`.
    """
    files = [output.with_suffix(f".{ending}") for ending in endings]
    owners = [file for file in files if journal_folder(file).is_dir()]
    return owners[0] if len(owners) == 1 and not journal_folder(output).is_dir() else output


@contextmanager
def open_or_replace(
    output: Path,
    endings: Sequence[str],
    fingerprint: Mapping[str, Any],
    turns: Sequence[Turn],
    *,
    day: str,
    patience_seconds: float,
) -> Iterator[Journal]:
    """Open the journal of a run with this fingerprint and these turns, else begin a new one.

    endings: of the files that may own the journal, see `journal_owner`. For the rest, and for what
    is raised, see `Journal`.
    """
    owner = journal_owner(output, endings)
    if _holds_run(owner, fingerprint):
        waits = patience_seconds
        with Journal(owner, fingerprint, resume=True, day=day, patience_seconds=waits) as journal:
            # Later turns continue the text of this one: a changed script begins again.
            if not any(journal.has_changed(*turn) for turn in enumerate(turns)):
                yield journal
                return
    with Journal(
        output, fingerprint, resume=False, day=day, patience_seconds=patience_seconds
    ) as journal:
        yield journal


def remove_journals(output: Path, endings: Sequence[str]) -> None:
    """Delete the journals of an output and of every `OUTPUT.ENDING`."""
    for file in (output, *(output.with_suffix(f".{ending}") for ending in endings)):
        shutil.rmtree(journal_folder(file), ignore_errors=True)


def _holds_run(output: Path, fingerprint: Mapping[str, Any]) -> bool:
    """Whether the journal of an output holds a run that a run of this fingerprint can resume."""
    path = journal_folder(output) / "turns.jsonl"
    if not path.is_file():  # nothing, or a pipe that nobody may write to
        return False
    try:
        with path.open("rb") as file:
            header = json.loads(file.readline())
    except (OSError, ValueError):
        return False
    return isinstance(header, dict) and resume_mismatch(header, as_json(fingerprint)) is None
