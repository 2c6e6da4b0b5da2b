"""The vector operations of every instruction set agree with plain C, in the emulator, too."""

import subprocess
from pathlib import Path

import pytest
from support.emulated_library import COMPILER, EMULATE, emulation_problem, program_flags

from podtts.native.build import INSTRUCTION_SETS, InstructionSet, find_compiler
from podtts.native.choice import Unavailable, cpu_sets

CHECKS = Path(__file__).with_name("vector_checks.c")


def command(isa: InstructionSet) -> tuple[str, list[str]]:
    """The compiler for a set, and what its programs are started with."""
    sets = cpu_sets()
    compiler = find_compiler()
    if not isinstance(sets, Unavailable) and isa in sets and compiler:
        return compiler, []
    if isa.machine != "arm64":
        pytest.skip(f"this machine has no {isa.name} or no C compiler")
    if problem := emulation_problem():
        pytest.skip(problem)
    return COMPILER, EMULATE


@pytest.mark.parametrize("isa", INSTRUCTION_SETS, ids=lambda isa: str(isa.name))
def test_operations_agree_with_plain_c(isa: InstructionSet, tmp_path: Path) -> None:
    compiler, start = command(isa)
    program = str(tmp_path / "checks")
    flags = program_flags(isa)
    subprocess.run([compiler, *flags, str(CHECKS), "-o", program, "-lm"], check=True)
    process = subprocess.run([*start, program], capture_output=True, text=True, check=False)
    assert process.stdout == ""
    assert process.returncode == 0
