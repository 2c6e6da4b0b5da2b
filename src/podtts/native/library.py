"""Loads the compiled C of this folder for an instruction set of this CPU, or compiles it once.

A wheel brings the libraries of all sets of its machine. One that is compiled on first use is stored
beside the source, as Python stores bytecode and for the same readers, or in the user's cache folder
where that is not writable. Without a C compiler, or on a CPU that lacks all sets, podtts runs
without it and slower; `podtts doctor` says so. Where a stored library cannot be loaded, every run
says so.
"""

from __future__ import annotations

import ctypes
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs

from podtts.errors import UsageError
from podtts.native import build
from podtts.native.build import (
    COMPILERS,
    PACKAGED,
    CompilerError,
    InstructionSet,
    compile_unit,
    find_compiler,
    library_name,
)
from podtts.native.choice import Unavailable, forced_set, usable_sets

_flags: tuple[str, ...] = ()  # see add_flags

_POINTER, _INT, _FLOAT, _LONG = ctypes.c_void_p, ctypes.c_int, ctypes.c_float, ctypes.c_int64
# By unit, which is a C file: its functions after podtts_<unit>_, and the types of their result and
# arguments.
_UNITS: dict[str, dict[str, tuple[Any, list[Any]]]] = {
    "layers": {
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
        "takes": (_INT, [_INT] * 10),
        "new": (_POINTER, [_INT] * 10 + [_FLOAT, _INT]),
        "free": (None, [_POINTER]),
        "set_threads": (None, [_POINTER, _INT]),
        "pack_matrix": (None, [_POINTER, _INT, _INT, _INT, _POINTER, _POINTER]),
        "set_norm": (None, [_POINTER, _INT, _INT, _INT, _POINTER, _POINTER]),
        "evaluate": (_INT, [*[_POINTER] * 3, _INT, _INT, _INT, *[_POINTER] * 2]),
        "extend": (_INT, [*[_POINTER] * 3, _INT, _INT, *[_POINTER] * 4]),
        "forget": (None, [_POINTER]),
        "kept_bytes": (_LONG, [_POINTER]),
        "widen": (_POINTER, [_POINTER] * 2),
    },
    "vocoder": {
        "takes": (_INT, [_INT] * 4),
        "new": (_POINTER, [_INT] * 4),
        "free": (None, [_POINTER]),
        "set_threads": (None, [_POINTER, _INT]),
        "pack_step": (_INT, [_POINTER, *[_INT] * 4, *[_POINTER] * 3]),
        "plan": (_INT, [*[_POINTER] * 2, *[_INT] * 3, _POINTER]),
        "extend": (
            _INT,
            [*[_POINTER] * 4, _INT, _POINTER, *[_INT] * 2, *[_POINTER] * 3],
        ),
    },
}

# What calls return that do not succeed: see result.h.
OUT_OF_MEMORY, REFUSED, CANCELLED = -1, -2, -3


def layers_library() -> ctypes.CDLL | Unavailable:
    """Functions `podtts_layers_*` of layers.c, if this machine runs them.

    As all functions here, raises UsageError if PODTTS_ISA names a set that cannot be used.
    """
    return _chosen("layers").library


def estimator_library() -> ctypes.CDLL | Unavailable:
    """Functions `podtts_estimator_*` of estimator.c, if this machine runs them."""
    return _chosen("estimator").library


def vocoder_library() -> ctypes.CDLL | Unavailable:
    """Functions `podtts_vocoder_*` of vocoder.c, if this machine runs them."""
    return _chosen("vocoder").library


def instructions_of(unit: str) -> InstructionSet | Unavailable:
    """The instruction set that a unit's library is compiled for, if there is one."""
    compiled = _chosen(unit)
    if isinstance(compiled.library, Unavailable):
        return compiled.library
    assert compiled.isa
    return compiled.isa


def compiled_for(unit: str, isa: InstructionSet) -> ctypes.CDLL | Unavailable:
    """The functions of a unit for a set that this CPU has, whichever is chosen for runs."""
    return _compiled(unit, isa).library


def load_problem(unit: str) -> str:
    """Say which stored library of a unit cannot be loaded, and what is used instead; else empty.

    Where nothing is stored there is no problem, with a compiler or without.
    """
    compiled = _chosen(unit)
    if not compiled.damaged:
        return ""
    if isinstance(compiled.library, Unavailable):
        return f"{compiled.damaged}; this run is slower without it, and computes other bits"
    return f"{compiled.damaged}; this run uses {compiled.library._name}"


def add_flags(*flags: str) -> None:
    """Compile with more flags from now on, for example with those of a sanitizer."""
    global _flags
    _flags = (*_flags, *flags)
    forget_libraries()


def forget_libraries() -> None:
    """Look for the compiled code again, and at PODTTS_ISA, when it is asked for next."""
    for cached in (_chosen, _compiled):
        cached.cache_clear()


@dataclass(frozen=True)
class _Compiled:
    """The library of a unit.

    isa:     the instruction set that it is compiled for; None: there is none.
    damaged: which file cannot be loaded, and why.
    """

    isa: InstructionSet | None
    library: ctypes.CDLL | Unavailable
    damaged: str = ""


@cache
def _chosen(unit: str) -> _Compiled:
    """The library of the best set that has one; else what is wrong with that of the best set."""
    sets = usable_sets()
    if isinstance(sets, Unavailable):
        return _Compiled(None, sets)
    first = _compiled(unit, sets[0])
    for isa in sets:
        compiled = _compiled(unit, isa)
        if not isinstance(compiled.library, Unavailable):
            return replace(compiled, damaged=first.damaged)
    assert isinstance(first.library, Unavailable)
    if forced := forced_set():
        raise UsageError(
            f"PODTTS_ISA is {forced}, but {first.library.reason}",
            "unset it to run without compiled code",
        )
    return first


@cache
def _compiled(unit: str, isa: InstructionSet) -> _Compiled:
    """Load the library that was stored, or compile it."""
    name = library_name(unit, isa, _flags)
    damaged, free = "", []
    for folder in (build.FOLDER / PACKAGED, *_folders()):
        if not _exists(folder / name):
            free.append(folder)
            continue
        library = _load(unit, folder / name)
        if not isinstance(library, Unavailable):
            return _Compiled(isa, library, damaged)
        damaged = damaged or library.reason
    writable = [folder for folder in free if folder.name != PACKAGED]
    library = _compile_in(writable, unit, isa, name)
    if damaged and isinstance(library, Unavailable):
        library = Unavailable(f"{damaged}, and {library.reason}")
    return _Compiled(isa, library, damaged)


def _folders() -> Iterator[Path]:
    """The folders for what is compiled on first use."""
    yield build.FOLDER / "__pycache__"
    yield platformdirs.user_cache_path("podtts") / "native"


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:  # its folder is closed to this user
        return False


def _compile_in(
    folders: Sequence[Path], unit: str, isa: InstructionSet, name: str
) -> ctypes.CDLL | Unavailable:
    """Compile into the first folder that can be written, and load."""
    compiler = find_compiler()
    if compiler is None:
        return Unavailable(f"there is no C compiler ({', '.join(COMPILERS)})")
    try:
        for folder in folders:
            try:
                _make_folder(folder)
                compile_unit(compiler, unit, isa, folder / name, _flags)
            except OSError:
                continue  # the folder is not writable
            return _load(unit, folder / name)
        with tempfile.TemporaryDirectory() as temporary:
            compile_unit(compiler, unit, isa, Path(temporary) / name, _flags)
            return _load(unit, Path(temporary) / name)
    except CompilerError as error:
        return Unavailable(str(error))


def _make_folder(folder: Path) -> None:
    """Create a folder; beside the source, for all who can read the source. Raises OSError."""
    if folder.is_dir():
        return
    folder.mkdir(parents=True)
    if folder.parent == build.FOLDER:
        folder.chmod(stat.S_IMODE(build.FOLDER.stat().st_mode))


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
