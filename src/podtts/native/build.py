"""How the C of this folder is compiled: into a library for each unit and instruction set.

The package's build hook compiles all sets of a machine into the wheel; without a wheel, the CPU's
best set is compiled on first use. This file imports the standard library alone: the hook loads it
where nothing else of podtts can be imported.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
PACKAGED = "libraries"  # the folder in FOLDER of the libraries that a wheel brings
UNITS = ("layers", "estimator", "vocoder")  # each is a C file
COMPILERS = ("cc", "gcc", "clang")
FLAGS = (  # for all sets
    *("-std=gnu11", "-O3", "-shared", "-fPIC", "-pthread"),
    "-fno-math-errno",  # a square root is an instruction and no call
    "-ffp-contract=off",  # or the compiler decides which additions are fused: see vectors.h
)
_SECONDS = 120
_ALL_MAY_READ, _OWNER_MAY_WRITE = 0o444, 0o200


@dataclass(frozen=True)
class InstructionSet:
    """Instructions that the C is compiled for.

    name:     as PODTTS_ISA and the names of libraries have it.
    machine:  the kind of processor.
    flags:    of the compiler.
    features: that the CPU needs, by their names in cpu_features.py.
    bits:     name of the bits that it computes, as journals record it. Sets may share them.
    numerics: version of these bits, whichever compiler and whichever text of the source. Caches
              and journals depend on it: change it whenever a bit of a result changes, and only
              then. It is the digest of the source that first computed these bits.
    """

    name: str
    machine: str
    flags: tuple[str, ...]
    features: tuple[str, ...]
    bits: str
    numerics: str


_AVX2, _AVX2_FLAGS = ("avx2", "fma", "f16c"), ("-mavx2", "-mfma", "-mf16c")
_AVX512 = (*_AVX2, "avx512f", "avx512bw", "avx512vl", "avx512_vnni")
_AVX512_FLAGS = (*_AVX2_FLAGS, "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512vnni")
_X86, _ARM = "x86-64", "arm64"
# The best of each machine first.
INSTRUCTION_SETS = (
    InstructionSet(
        "avx512",
        _X86,
        (*_AVX512_FLAGS, "-mavx512bf16"),
        (*_AVX512, "avx512_bf16"),
        bits="avx512",
        numerics="b7d086439a371c1c",
    ),
    InstructionSet(
        "avx512-vnni",
        _X86,
        _AVX512_FLAGS,
        _AVX512,
        bits="avx512-vnni",
        numerics="c8af211ef2fe8eb1",
    ),
    InstructionSet(
        "avx2-vnni",
        _X86,
        (*_AVX2_FLAGS, "-mavxvnni"),
        (*_AVX2, "avx_vnni"),
        bits="avx2",
        numerics="53b97a3fe19358c7",
    ),
    InstructionSet("avx2", _X86, _AVX2_FLAGS, _AVX2, bits="avx2", numerics="53b97a3fe19358c7"),
    InstructionSet(
        "neon-bf16",
        _ARM,
        ("-march=armv8.2-a+dotprod+bf16",),
        ("asimddp", "bf16"),
        bits="neon-bf16",
        numerics="13ff4f4362beb17b",
    ),
    InstructionSet(
        "neon",
        _ARM,
        ("-march=armv8.2-a+dotprod",),
        ("asimddp",),
        bits="neon",
        numerics="77cb2e1fbe8cf908",
    ),
)
_MACHINES = {"x86_64": _X86, "AMD64": _X86, "aarch64": _ARM, "arm64": _ARM}


def machine_sets() -> tuple[InstructionSet, ...]:
    """Return the sets that CPUs of this machine's kind may have, the best first."""
    machine = _MACHINES.get(platform.machine())
    if sys.platform == "win32":  # the C needs POSIX threads
        return ()
    return tuple(isa for isa in INSTRUCTION_SETS if isa.machine == machine)


def library_name(unit: str, isa: InstructionSet, flags: Sequence[str] = ()) -> str:
    """Return the name of the file that a unit, which is a C file, is compiled into.

    flags: more flags of the compiler. The name changes with the source and with all flags.
    """
    digest = hashlib.sha256(" ".join((*FLAGS, *isa.flags, *flags)).encode())
    for path in sorted((*FOLDER.glob("*.c"), *FOLDER.glob("*.h"))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{unit}-{isa.name}-{digest.hexdigest()[:16]}.so"


def find_compiler() -> str | None:
    """Return the path of a C compiler, or None."""
    return next(filter(None, map(shutil.which, COMPILERS)), None)


class CompilerError(Exception):
    """A compiler failed; the message says which and why."""


def compile_unit(
    compiler: str, unit: str, isa: InstructionSet, path: Path, flags: Sequence[str] = ()
) -> None:
    """Compile a unit to a library; other processes may do the same at the same time.

    Raises CompilerError, and OSError if the folder of the path is not writable.
    """
    handle, new = tempfile.mkstemp(dir=path.parent, suffix=".so.new")
    os.close(handle)
    source = FOLDER / f"{unit}.c"
    try:
        process = subprocess.run(
            [compiler, *FLAGS, *isa.flags, *flags, str(source), "-o", new],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if process.returncode:
            messages = process.stderr.strip().splitlines() or ["without a message"]
            raise CompilerError(f"{compiler} failed: {messages[0]}")
        # Compilers leave it to its owner alone, as temporary files are.
        Path(new).chmod(stat.S_IMODE(source.stat().st_mode) & _ALL_MAY_READ | _OWNER_MAY_WRITE)
        Path(new).replace(path)
    except subprocess.TimeoutExpired:
        raise CompilerError(f"{compiler} took longer than {_SECONDS} s") from None
    finally:
        Path(new).unlink(missing_ok=True)
