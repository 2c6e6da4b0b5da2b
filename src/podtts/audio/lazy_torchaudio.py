"""Imports torchaudio on first use, and reports an incompatible torchaudio in one line.

torchaudio is compiled against one version of torch and fails on import beside another one. podtts
uses `functional` and `compliance.kaldi` alone: the file functions left torchaudio in 2.9.
"""

import importlib
from types import ModuleType

from podtts.errors import UsageError


def functional() -> ModuleType:
    """Return `torchaudio.functional`; raises UsageError when torchaudio cannot be loaded."""
    return _load("torchaudio.functional")


def kaldi() -> ModuleType:
    """Return `torchaudio.compliance.kaldi`; raises UsageError when it cannot be loaded."""
    return _load("torchaudio.compliance.kaldi")


def _load(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (ImportError, OSError, RuntimeError) as error:  # absent, unresolved symbol, other CUDA
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UsageError(
            f"torchaudio cannot be loaded: {reason}",
            hint="install torchaudio 2.11 beside torch 2.11 to 2.14 of the same CUDA build",
        ) from error
