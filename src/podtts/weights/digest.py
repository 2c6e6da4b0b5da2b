"""SHA-256 digests of model files, cached so that not every start reads gigabytes."""

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
_RECOGNIZER_NAMES = re.compile(
    r"model\.bin|(config|preprocessor_config|tokenizer)\.json|vocabulary\.(json|txt)"
)

# A file that changes in the instant of its digest may keep its time stamp.
_SETTLED_SECONDS = 2.0


def checkpoint_digest(directory: Path, cache: Path) -> str:
    """SHA-256 over names and SHA-256 of all files of a checkpoint that decide its audio.

    cache: folder of known digests, by path, size, time stamp and inode. Raises ModelError.
    """
    return _digest_of(directory, _NAMES, cache)


def llm_digest(directory: Path, cache: Path) -> str:
    """As `checkpoint_digest`, over the LLM's files alone."""
    return _digest_of(directory, _LLM_NAMES, cache)


def recognizer_digest(directory: Path, cache: Path) -> str:
    """As `checkpoint_digest`, over the files of a speech recognizer."""
    return _digest_of(directory, _RECOGNIZER_NAMES, cache)


def _digest_of(directory: Path, pattern: re.Pattern[str], cache: Path) -> str:
    names = sorted(
        path.name
        for path in directory.iterdir()
        if pattern.fullmatch(path.name) and path.is_file() and path.name != "podtts_pull.json"
    )
    parts = [f"{name} {file_digest(directory / name, cache)}" for name in names]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def file_digest(path: Path, cache: Path) -> str:
    """SHA-256 of a file, from the cache if path, size, time stamp and inode are those of an entry.

    Raises ModelError for a file that cannot be read.
    """
    try:
        stat, resolved = path.stat(), str(path.resolve())
        key = [resolved, stat.st_size, stat.st_mtime_ns, stat.st_ino]
        entry = cache / f"{hashlib.sha256(resolved.encode()).hexdigest()[:32]}.json"
        if (cached := _read(entry)) is not None and cached[:-1] == key:
            return str(cached[-1])
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    if time.time() - stat.st_mtime > _SETTLED_SECONDS:
        _write(entry, [*key, digest])
    return digest


def _read(entry: Path) -> list[object] | None:
    """Key and digest of an entry; None for one that is missing or damaged."""
    try:
        values = json.loads(entry.read_bytes())
    except (OSError, ValueError):
        return None
    return values if isinstance(values, list) and len(values) == 5 else None


def _write(entry: Path, values: list[object]) -> None:
    try:
        write_atomically(entry, json.dumps(values).encode())
    except OSError:  # without the cache the next start takes longer, and no more
        return
