"""Digests of checkpoint files, remembered so that gigabytes are not read at every start."""

from __future__ import annotations

import hashlib
import json
import re
import time
from pathlib import Path

from podtts.errors import ModelError
from podtts.storage.atomic import write_atomically

_NAMES = re.compile(r".*\.(json|safetensors|pt|txt)")
_LLM_NAMES = re.compile(r"model.*\.safetensors|(config|soulxpodcast_config|tokenizer.*)\.json")

# A file changed in the same instant as it was looked at could keep its time stamp.
_SETTLED_SECONDS = 2.0


def checkpoint_digest(directory: Path, memory: Path) -> str:
    """SHA-256 over names and SHA-256 of all files of a checkpoint that decide how it sounds.

    memory: folder where digests are remembered, by path, size, time stamp and inode.
    """
    return _digest_of(directory, _NAMES, memory)


def llm_digest(directory: Path, memory: Path) -> str:
    """As `checkpoint_digest`, over the LLM's files alone."""
    return _digest_of(directory, _LLM_NAMES, memory)


def _digest_of(directory: Path, wanted: re.Pattern[str], memory: Path) -> str:
    names = sorted(
        path.name
        for path in directory.iterdir()
        if wanted.fullmatch(path.name) and path.is_file() and path.name != "podtts_pull.json"
    )
    parts = [f"{name} {file_digest(directory / name, memory)}" for name in names]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def file_digest(path: Path, memory: Path) -> str:
    """SHA-256 of a file, from memory where its path, size, time stamp and inode are known."""
    try:
        stat, where = path.stat(), str(path.resolve())
        known = [where, stat.st_size, stat.st_mtime_ns, stat.st_ino]
        note = memory / f"{hashlib.sha256(where.encode()).hexdigest()[:32]}.json"
        if (remembered := _read(note)) is not None and remembered[:-1] == known:
            return str(remembered[-1])
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    if time.time() - stat.st_mtime > _SETTLED_SECONDS:
        _remember(note, [*known, digest])
    return digest


def _read(note: Path) -> list[object] | None:
    try:
        remembered = json.loads(note.read_bytes())
    except (OSError, ValueError):
        return None
    return remembered if isinstance(remembered, list) and len(remembered) == 5 else None


def _remember(note: Path, values: list[object]) -> None:
    try:
        write_atomically(note, json.dumps(values).encode())
    except OSError:  # a cache that cannot be written costs time, not the run
        return
