"""Compiles this folder's C once, and loads it.

The result is kept beside the source, as Python keeps bytecode, or in the user's cache folder where
that cannot be written. Without a C compiler, or on a CPU that lacks the instructions, podtts runs
without it and slower; `podtts doctor` says so.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs

_FOLDER = Path(__file__).parent
_COMPILERS = ("cc", "gcc", "clang")
_FLAGS = (
    *("-std=gnu11", "-O3", "-shared", "-fPIC", "-pthread"),
    *("-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512vnni", "-mavx512bf16"),
    *("-mbmi2", "-mfma", "-mf16c"),
)
_COMPILE_SECONDS = 120

_POINTER, _INT, _FLOAT, _LONG = ctypes.c_void_p, ctypes.c_int, ctypes.c_float, ctypes.c_int64
# By unit, which is a C file: its functions after podtts_<unit>_, what each returns and takes.
_UNITS: dict[str, dict[str, tuple[Any, list[Any]]]] = {
    "layers": {
        "supported": (_INT, [_INT]),
        "new": (_POINTER, [_INT] * 7 + [_FLOAT, _INT]),
        "free": (None, [_POINTER]),
        "allow": (None, [_POINTER, _INT]),
        "matrix": (None, [_POINTER, _INT, _INT, _POINTER, _POINTER]),
        "norm": (None, [_POINTER, _INT, _INT, _POINTER]),
        "head": (_INT, [_POINTER, _INT, _POINTER]),
        "logits": (None, [_POINTER, _POINTER, _INT, _POINTER]),
        "read": (
            _INT,
            [
                *[_POINTER] * 2,
                _INT,
                _INT,
                *[_POINTER] * 3,
                _LONG,
                _LONG,
                _INT,
                _INT,
                *[_POINTER] * 2,
            ],
        ),
    },
    "estimator": {
        "supported": (_INT, [_INT]),
        "new": (_POINTER, [_INT] * 10 + [_FLOAT, _INT]),
        "free": (None, [_POINTER]),
        "allow": (None, [_POINTER, _INT]),
        "matrix": (None, [_POINTER, _INT, _INT, _INT, _POINTER, _POINTER]),
        "norm": (None, [_POINTER, _INT, _INT, _INT, _POINTER, _POINTER]),
        "evaluate": (_INT, [*[_POINTER] * 3, _INT, _INT, _INT, _POINTER]),
    },
}


@dataclass(frozen=True)
class Unavailable:
    """Why there is no compiled code, for people."""

    reason: str


def layers_library(bits: int) -> ctypes.CDLL | Unavailable:
    """The functions `podtts_layers_*` of layers.c, if they run matrices of so many bits here."""
    return _supported("layers", bits)


def estimator_library(bits: int) -> ctypes.CDLL | Unavailable:
    """The functions `podtts_estimator_*` of estimator.c, if they run in so many bits here."""
    return _supported("estimator", bits)


@cache
def _supported(unit: str, bits: int) -> ctypes.CDLL | Unavailable:
    library = _library(unit)
    if isinstance(library, Unavailable) or getattr(library, f"podtts_{unit}_supported")(bits):
        return library
    return Unavailable(f"this CPU lacks what {bits} bits need of AVX512, VNNI and BF16")


@cache
def source_digest() -> str:
    """SHA-256 of what is compiled and how, in hex."""
    digest = hashlib.sha256(" ".join(_FLAGS).encode())
    for path in sorted((*_FOLDER.glob("*.c"), *_FOLDER.glob("*.h"))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def _library(unit: str) -> ctypes.CDLL | Unavailable:
    if platform.machine() not in ("x86_64", "AMD64") or sys.platform == "win32":
        return Unavailable(
            f"it is written for x86-64, not for {platform.machine()} on {sys.platform}"
        )
    name = f"{unit}-{source_digest()[:16]}.so"
    for folder in _folders():
        if (folder / name).is_file():
            return _loaded(unit, folder / name)
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None:
        return Unavailable(f"there is no C compiler ({', '.join(_COMPILERS)})")
    for folder in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return _compiled(unit, compiler, folder / name)
        except OSError:
            continue  # it cannot be written
    with tempfile.TemporaryDirectory() as passing:
        return _compiled(unit, compiler, Path(passing) / name)


def _folders() -> Iterator[Path]:
    yield _FOLDER / "__pycache__"
    yield platformdirs.user_cache_path("podtts") / "native"


def _compiled(unit: str, compiler: str, path: Path) -> ctypes.CDLL | Unavailable:
    """Compile and load; others may do the same at the same time. Raises OSError."""
    handle, fresh = tempfile.mkstemp(dir=path.parent, suffix=".so.new")
    os.close(handle)
    try:
        done = subprocess.run(
            [compiler, *_FLAGS, str(_FOLDER / f"{unit}.c"), "-o", fresh],
            capture_output=True,
            text=True,
            timeout=_COMPILE_SECONDS,
            check=False,
        )
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["it said nothing"]
            return Unavailable(f"{compiler} failed: {said[0]}")
        Path(fresh).replace(path)
    except subprocess.TimeoutExpired:
        return Unavailable(f"{compiler} took longer than {_COMPILE_SECONDS} s")
    finally:
        Path(fresh).unlink(missing_ok=True)
    return _loaded(unit, path)


def _loaded(unit: str, path: Path) -> ctypes.CDLL | Unavailable:
    try:
        library = ctypes.CDLL(str(path))
        for name, (result, arguments) in _UNITS[unit].items():
            function = getattr(library, f"podtts_{unit}_{name}")
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        return Unavailable(f"{path} cannot be loaded ({error}); remove it")
    return library
