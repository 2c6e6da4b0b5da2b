"""Compiled code for another kind of CPU, which runs in an emulator and is called like a library."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from podtts.native.build import FLAGS, FOLDER, InstructionSet

COMPILER = "aarch64-linux-gnu-gcc"
EMULATE = ["qemu-aarch64", "-cpu", "max"]
PACKAGES = "gcc-aarch64-linux-gnu, libc6-dev-arm64-cross, qemu-user"  # of Debian
_DRIVER = Path(__file__).with_name("emulated_driver.c")
_NAME_BYTES = 64
_ONLY_OF_LIBRARIES = ("-shared", "-fPIC", "-O3")
# -O1 in place of -O3: the same bits in less time. Static: the libraries of ARM are not needed here.
_OF_PROGRAMS = ("-O1", "-static", f"-I{FOLDER}")


def program_flags(isa: InstructionSet) -> list[str]:
    """Flags for a program that contains the code of a set."""
    flags = (flag for flag in FLAGS if flag not in _ONLY_OF_LIBRARIES)
    return [*flags, *_OF_PROGRAMS, *isa.flags]


def emulation_problem() -> str:
    """What is missing to run the code of ARM CPUs here; empty: nothing."""
    missing = [program for program in (COMPILER, EMULATE[0]) if shutil.which(program) is None]
    return f"{' and '.join(missing)} missing ({PACKAGES})" if missing else ""


class EmulatedLibrary:
    """The functions of a unit for a set of instructions, each call in the emulator's process.

    Arguments are those of the C function; memory is an `Address` of compiled_models.py, whose array
    is sent with the call and receives what the call wrote.
    """

    def __init__(self, unit: str, isa: InstructionSet, folder: Path) -> None:
        program = folder / f"{unit}-{isa.name}"
        define = f"-D{unit.upper()}"
        subprocess.run(
            [COMPILER, *program_flags(isa), define, str(_DRIVER), "-o", str(program)], check=True
        )
        self._process = subprocess.Popen(
            [*EMULATE, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __getattr__(self, name: str) -> Callable[..., int | None]:
        return lambda *arguments: self._call(name, arguments)

    def _call(self, name: str, arguments: tuple[Any, ...]) -> int | None:
        assert self._process.stdin
        call = [name.encode().ljust(_NAME_BYTES, b"\0"), struct.pack("<i", len(arguments))]
        arrays: list[np.ndarray[Any, Any]] = []
        for number, argument in enumerate(arguments):
            array = getattr(argument, "array", None)
            if array is not None and argument in arguments[:number]:
                call.append(b"s" + struct.pack("<q", arguments.index(argument)))
            elif array is not None:
                arrays.append(array)
                call.append(b"m" + struct.pack("<q", array.nbytes) + array.tobytes())
            elif isinstance(argument, float):
                call.append(b"f" + struct.pack("<d", argument))
            else:
                call.append(b"i" + struct.pack("<q", argument or 0))
        self._process.stdin.write(b"".join(call))
        self._process.stdin.flush()
        (result,) = struct.unpack("<q", self._read(8))
        for array in arrays:
            written = np.frombuffer(self._read(array.nbytes), array.dtype).reshape(array.shape)
            if array.flags.writeable:
                array[...] = written
        return None if name.endswith("_new") and result == 0 else int(result)

    def _read(self, count: int) -> bytes:
        assert self._process.stdout
        data = self._process.stdout.read(count)
        assert len(data) == count, "the emulator ended"
        return data
