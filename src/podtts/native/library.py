"""Compiles this folder's C once, and loads it.

The library is stored beside the source, as Python stores bytecode and for the same readers, or in
the user's cache folder where that is not writable. Without a C compiler, or on a CPU that lacks the
instructions, podtts runs without it and slower; `podtts doctor` says so. Where a stored library
cannot be loaded, every run says so.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs

# Version of the numerics: names the bits that the compiled code computes, whichever compiler and
# whichever text of the source. Caches and journals depend on it: change it whenever a bit of a
# result changes, and only then. It is the digest of the source that first computed these bits.
NUMERICS = "b7d086439a371c1c"
# Name of the instruction set that it is compiled for, as journals record it.
INSTRUCTIONS = "avx512"

_FOLDER = Path(__file__).parent
_COMPILERS = ("cc", "gcc", "clang")
_flags: tuple[str, ...] = (
    *("-std=gnu11", "-O3", "-shared", "-fPIC", "-pthread"),
    "-ffp-contract=off",  # or the compiler decides which additions are fused: see vectors.h
    *("-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512vnni", "-mavx512bf16"),
    *("-mbmi2", "-mfma", "-mf16c"),
)
_COMPILE_SECONDS = 120
_ALL_MAY_READ, _OWNER_MAY_WRITE = 0o444, 0o200

_POINTER, _INT, _FLOAT, _LONG = ctypes.c_void_p, ctypes.c_int, ctypes.c_float, ctypes.c_int64
# By unit, which is a C file: its functions after podtts_<unit>_, and the types of their result and
# arguments.
_UNITS: dict[str, dict[str, tuple[Any, list[Any]]]] = {
    "layers": {
        "supported": (_INT, [_INT]),
        "takes": (_INT, [_INT] * 7),
        "new": (_POINTER, [_INT] * 7 + [_FLOAT, _INT]),
        "free": (None, [_POINTER]),
        "set_threads": (None, [_POINTER, _INT]),
        "pack_matrix": (None, [_POINTER, _INT, _INT, _POINTER, _POINTER]),
        "set_norm": (None, [_POINTER, _INT, _INT, _POINTER]),
        "pack_head": (_INT, [_POINTER, _INT, _POINTER]),
        "logits": (None, [_POINTER, _POINTER, _INT, _POINTER]),
        "forward": (
            _INT,
            [
                *[_POINTER] * 2,
                *[_INT] * 2,
                *[_POINTER] * 3,
                *[_LONG] * 2,
                *[_INT] * 2,
                *[_POINTER] * 3,
            ],
        ),
    },
    "estimator": {
        "supported": (_INT, [_INT]),
        "takes": (_INT, [_INT] * 10),
        "new": (_POINTER, [_INT] * 10 + [_FLOAT, _INT]),
        "free": (None, [_POINTER]),
        "set_threads": (None, [_POINTER, _INT]),
        "pack_matrix": (None, [_POINTER, _INT, _INT, _INT, _POINTER, _POINTER]),
        "set_norm": (None, [_POINTER, _INT, _INT, _INT, _POINTER, _POINTER]),
        "evaluate": (_INT, [*[_POINTER] * 3, _INT, _INT, _INT, *[_POINTER] * 2]),
    },
}

# What calls return that do not succeed: see result.h.
OUT_OF_MEMORY, REFUSED, CANCELLED = -1, -2, -3


@dataclass(frozen=True)
class Unavailable:
    """Why there is no compiled code, for people."""

    reason: str


def layers_library(bits: int) -> ctypes.CDLL | Unavailable:
    """Functions `podtts_layers_*` of layers.c, if this machine runs matrices of so many bits."""
    return _supported("layers", bits)


def estimator_library(bits: int) -> ctypes.CDLL | Unavailable:
    """Functions `podtts_estimator_*` of estimator.c, if this machine runs it in so many bits."""
    return _supported("estimator", bits)


def load_problem(unit: str) -> str:
    """Say which stored library of a unit cannot be loaded, and what is used instead; else empty.

    Where nothing is stored there is no problem, with a compiler or without.
    """
    stored = _stored(unit)
    if not stored.damaged:
        return ""
    if isinstance(stored.library, Unavailable):
        return f"{stored.damaged}; this run is slower without it, and computes other bits"
    return f"{stored.damaged}; this run uses {stored.library._name}"


def add_flags(*flags: str) -> None:
    """Compile with more flags from now on, for example with those of a sanitizer."""
    global _flags
    _flags = (*_flags, *flags)
    forget_libraries()


def forget_libraries() -> None:
    """Look for the compiled code again when it is asked for next."""
    for cached in (_supported, _stored, source_digest):
        cached.cache_clear()


@cache
def _supported(unit: str, bits: int) -> ctypes.CDLL | Unavailable:
    library = _library(unit)
    if isinstance(library, Unavailable) or getattr(library, f"podtts_{unit}_supported")(bits):
        return library
    return Unavailable(f"this CPU lacks what {bits} bits need of AVX512, VNNI and BF16")


@cache
def source_digest() -> str:
    """SHA-256 of the source and the compiler's flags, in hex."""
    digest = hashlib.sha256(" ".join(_flags).encode())
    for path in sorted((*_FOLDER.glob("*.c"), *_FOLDER.glob("*.h"))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _library(unit: str) -> ctypes.CDLL | Unavailable:
    return _stored(unit).library


@dataclass(frozen=True)
class _Stored:
    """The library of a unit."""

    library: ctypes.CDLL | Unavailable
    damaged: str = ""  # which file cannot be loaded, and why


@cache
def _stored(unit: str) -> _Stored:
    """Load the library that was stored, or compile it."""
    if platform.machine() not in ("x86_64", "AMD64") or sys.platform == "win32":
        return _Stored(
            Unavailable(f"it is written for x86-64, not for {platform.machine()} on {sys.platform}")
        )
    name = f"{unit}-{source_digest()[:16]}.so"
    damaged, free = "", []
    for folder in _folders():
        if not _exists(folder / name):
            free.append(folder)
            continue
        library = _load(unit, folder / name)
        if not isinstance(library, Unavailable):
            return _Stored(library, damaged)
        damaged = damaged or library.reason
    library = _compile_in(free, unit, name)
    if damaged and isinstance(library, Unavailable):
        library = Unavailable(f"{damaged}, and {library.reason}")
    return _Stored(library, damaged)


def _compile_in(folders: Sequence[Path], unit: str, name: str) -> ctypes.CDLL | Unavailable:
    """Compile into the first folder that can be written."""
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None:
        return Unavailable(f"there is no C compiler ({', '.join(_COMPILERS)})")
    for folder in folders:
        try:
            _make_folder(folder)
            return _compile(unit, compiler, folder / name)
        except OSError:
            continue  # the folder is not writable
    with tempfile.TemporaryDirectory() as temporary:
        return _compile(unit, compiler, Path(temporary) / name)


def _make_folder(folder: Path) -> None:
    """Create a folder; beside the source, for all who can read the source. Raises OSError."""
    if folder.is_dir():
        return
    folder.mkdir(parents=True)
    if folder.parent == _FOLDER:
        folder.chmod(stat.S_IMODE(_FOLDER.stat().st_mode))


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:  # its folder is closed to this user
        return False


def _folders() -> Iterator[Path]:
    yield _FOLDER / "__pycache__"
    yield platformdirs.user_cache_path("podtts") / "native"


def _compile(unit: str, compiler: str, path: Path) -> ctypes.CDLL | Unavailable:
    """Compile and load; other processes may do the same at the same time. Raises OSError."""
    handle, new = tempfile.mkstemp(dir=path.parent, suffix=".so.new")
    os.close(handle)
    try:
        process = subprocess.run(
            [compiler, *_flags, str(_FOLDER / f"{unit}.c"), "-o", new],
            capture_output=True,
            text=True,
            timeout=_COMPILE_SECONDS,
            check=False,
        )
        if process.returncode:
            messages = process.stderr.strip().splitlines() or ["without a message"]
            return Unavailable(f"{compiler} failed: {messages[0]}")
        # Compilers leave it to its owner alone, as temporary files are.
        readers = (_FOLDER / f"{unit}.c").stat().st_mode & _ALL_MAY_READ
        Path(new).chmod(readers | _OWNER_MAY_WRITE)
        Path(new).replace(path)
    except subprocess.TimeoutExpired:
        return Unavailable(f"{compiler} took longer than {_COMPILE_SECONDS} s")
    finally:
        Path(new).unlink(missing_ok=True)
    return _load(unit, path)


def _load(unit: str, path: Path) -> ctypes.CDLL | Unavailable:
    try:
        library = ctypes.CDLL(str(path))
        for name, (result, arguments) in _UNITS[unit].items():
            function = getattr(library, f"podtts_{unit}_{name}")
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        reason = str(error).removeprefix(f"{path}: ")
        return Unavailable(f"{path} cannot be loaded ({reason}): remove it")
    return library
