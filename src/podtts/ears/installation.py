"""Whether this machine can hear: checked before anything is loaded, and without torch."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from podtts.errors import ModelError, UsageError
from podtts.hub.registry import DEFAULT_RECOGNIZER, missing_recognizer_files

_LIBRARIES = ("faster-whisper", "ctranslate2")


def is_installed() -> bool:
    """Whether faster-whisper is installed; does not import it."""
    return find_spec("faster_whisper") is not None


def library_versions() -> str:
    """What computes: the versions of faster-whisper and CTranslate2."""
    return ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)


def check_recognizer(folder: Path) -> None:
    """Check that a folder can be loaded as a recognizer.

    Raises UsageError if faster-whisper is not installed, ModelError if the folder lacks files.
    """
    if not is_installed():
        raise UsageError(
            "listening needs faster-whisper, which is not installed",
            "run: pip install 'podtts[asr]'",
        )
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    if missing := missing_recognizer_files(names):
        raise ModelError(
            f"{folder} is not a Whisper model for CTranslate2: it lacks {', '.join(missing)}",
            f"give a folder with these files, or run: podtts model pull {DEFAULT_RECOGNIZER}",
        )
