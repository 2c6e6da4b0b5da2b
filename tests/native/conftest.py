"""Compiled code for every instruction set: of this CPU, or in an emulator."""

from collections.abc import Callable, Iterator

import pytest
from support.compiled_models import Library, LibraryOf
from support.emulated_library import EmulatedLibrary, emulation_problem

from podtts.native import library
from podtts.native.build import INSTRUCTION_SETS, InstructionSet
from podtts.native.choice import Unavailable, cpu_sets


@pytest.fixture(params=INSTRUCTION_SETS, ids=lambda isa: str(isa.name))
def isa(request: pytest.FixtureRequest) -> InstructionSet:
    """Each instruction set in turn."""
    parameter: InstructionSet = request.param
    return parameter


@pytest.fixture(scope="session")
def emulated(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str, InstructionSet], EmulatedLibrary]]:
    """Units in the emulator; each is compiled once."""
    libraries: dict[tuple[str, str], EmulatedLibrary] = {}

    def find(unit: str, isa: InstructionSet) -> EmulatedLibrary:
        key = unit, isa.name
        if key not in libraries:
            libraries[key] = EmulatedLibrary(unit, isa, tmp_path_factory.mktemp("emulated"))
        return libraries[key]

    yield find
    for each in libraries.values():
        each.close()


@pytest.fixture
def library_of(
    isa: InstructionSet, emulated: Callable[[str, InstructionSet], EmulatedLibrary]
) -> LibraryOf:
    """The library of a unit for the set; the test is skipped where there is none."""

    def find(unit: str) -> Library:
        sets = cpu_sets()
        if not isinstance(sets, Unavailable) and isa in sets:
            compiled = library.compiled_for(unit, isa)
            if isinstance(compiled, Unavailable):
                pytest.skip(compiled.reason)
            return compiled
        if isa.machine != "arm64":
            pytest.skip(f"this CPU has no {isa.name}")
        if problem := emulation_problem():
            pytest.skip(problem)
        return emulated(unit, isa)

    return find
