"""Which instruction sets the compiled code may use: those of the CPU, or the one of PODTTS_ISA."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from podtts.errors import UsageError
from podtts.native.build import INSTRUCTION_SETS, InstructionSet, machine_sets
from podtts.native.cpu_features import cpu_features

NO_COMPILED_CODE = "none"  # in PODTTS_ISA, in place of the name of a set


@dataclass(frozen=True)
class Unavailable:
    """Why there is no compiled code, for people."""

    reason: str


def forced_set() -> str:
    """What PODTTS_ISA says; empty: nothing."""
    return os.environ.get("PODTTS_ISA", "")


def usable_sets() -> tuple[InstructionSet, ...] | Unavailable:
    """The sets that may be used, the best first; at least one.

    Raises UsageError if PODTTS_ISA names something else than a set of this CPU.
    """
    forced = forced_set()
    if forced == NO_COMPILED_CODE:
        return Unavailable(f"PODTTS_ISA is {forced}")
    sets = cpu_sets()
    if not forced:
        return sets
    known = (*(isa.name for isa in INSTRUCTION_SETS), NO_COMPILED_CODE)
    if forced not in known:
        raise UsageError(
            f"PODTTS_ISA is {forced}, which is no instruction set of podtts",
            f"unset it, or set it to one of {', '.join(known)}",
        )
    of_cpu = () if isinstance(sets, Unavailable) else sets
    named = tuple(isa for isa in of_cpu if isa.name == forced)
    if not named:
        raise UsageError(
            f"PODTTS_ISA is {forced}, which this CPU lacks",
            f"unset it, or set it to one of {set_names(of_cpu, NO_COMPILED_CODE)}",
        )
    return named


def cpu_sets() -> tuple[InstructionSet, ...] | Unavailable:
    """The sets that this CPU has, the best first; at least one."""
    sets = machine_sets()
    if not sets:
        return Unavailable(
            "it is written for x86-64 and 64-bit ARM with POSIX threads, not for "
            f"{platform.machine()} on {sys.platform}"
        )
    features = cpu_features()
    found = tuple(isa for isa in sets if features.issuperset(isa.features))
    return found or Unavailable(f"this CPU has none of {set_names(sets)}")


def set_names(sets: Sequence[InstructionSet], *more: str) -> str:
    """Names for people: `avx2, none`."""
    return ", ".join((*(isa.name for isa in sets), *more))
