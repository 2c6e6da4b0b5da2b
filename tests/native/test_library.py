"""The C is compiled once, by a real compiler; where that is not possible, the reason is given."""

import ctypes
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from support.forced_set import forced_set

from podtts.device.placement import arithmetic
from podtts.errors import UsageError
from podtts.native import build, library
from podtts.native.build import INSTRUCTION_SETS, InstructionSet, library_name, machine_sets
from podtts.native.choice import Unavailable, cpu_sets
from podtts.native.library import _UNITS as UNITS
from podtts.native.library import instructions_of, layers_library, load_problem
from podtts.options import QUANTIZATIONS, Quantization

NOBODY = 65534
needs_compiler = pytest.mark.skipif(
    isinstance(cpu_sets(), Unavailable) or build.find_compiler() is None,
    reason="there is no C compiler or no instruction set for it here",
)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with C that compiles in no time: functions that return 1."""
    folder = tmp_path / "native"
    folder.mkdir()
    functions = (f"int podtts_layers_{name}(void) {{ return 1; }}" for name in UNITS["layers"])
    (folder / "layers.c").write_text("\n".join(functions))
    library.forget_libraries()
    monkeypatch.setattr(build, "FOLDER", folder)
    yield folder
    library.forget_libraries()


def reason() -> str:
    unavailable = layers_library()
    assert isinstance(unavailable, Unavailable)
    return unavailable.reason


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*"))


def best() -> InstructionSet:
    """The set that is chosen here."""
    sets = cpu_sets()
    assert not isinstance(sets, Unavailable)
    return sets[0]


@needs_compiler
@pytest.mark.parametrize("isa", machine_sets(), ids=lambda isa: str(isa.name))
@pytest.mark.parametrize("unit", UNITS)
def test_the_source_compiles_for_every_set_of_the_machine(unit: str, isa: InstructionSet) -> None:
    """Also for those that this CPU lacks: a wheel brings them all."""
    assert isinstance(library.compiled_for(unit, isa), ctypes.CDLL)


@pytest.mark.parametrize("isa", INSTRUCTION_SETS, ids=lambda isa: str(isa.name))
@pytest.mark.parametrize("unit", UNITS)
def test_clang_takes_the_source_for_every_set(unit: str, isa: InstructionSet) -> None:
    """The compiler of macOS, where some functions of vectors are macros."""
    clang = shutil.which("clang")
    if clang is None:
        pytest.skip("clang is not installed")
    target: tuple[str, ...] = ()
    if isa not in machine_sets():
        headers = Path("/usr/aarch64-linux-gnu/include")
        if isa.machine != "arm64" or not headers.exists():
            pytest.skip(f"clang has no headers for {isa.machine} here")
        target = ("--target=aarch64-linux-gnu", "-isystem", str(headers))
    source = build.FOLDER / f"{unit}.c"
    flags = ("-Wall", "-Werror", "-Wno-unused-command-line-argument", "-fsyntax-only")
    command = [clang, *target, *build.FLAGS, *isa.flags, *flags, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@needs_compiler
def test_the_source_is_compiled_once(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(layers_library(), ctypes.CDLL)
    [compiled] = files(source / "__pycache__")
    library.forget_libraries()
    monkeypatch.setenv("PATH", "")
    assert isinstance(layers_library(), ctypes.CDLL)
    assert files(source / "__pycache__") == [compiled]


@needs_compiler
def test_changed_source_is_compiled_again(source: Path) -> None:
    layers_library()
    with (source / "layers.c").open("a") as text:
        text.write("// another line\n")
    library.forget_libraries()
    layers_library()
    assert len(files(source / "__pycache__")) == 2


@needs_compiler
def test_the_library_is_stored_in_the_users_cache_if_the_package_is_not_writable(
    source: Path, home: Path
) -> None:
    (source / "__pycache__").write_text("a file where the folder would be")
    assert isinstance(layers_library(), ctypes.CDLL)
    assert len(files(home / "cache" / "podtts" / "native")) == 1


@needs_compiler
@pytest.mark.usefixtures("source")
def test_a_missing_compiler_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert reason() == "there is no C compiler (cc, gcc, clang)"


@needs_compiler
def test_the_reason_quotes_a_compiler_that_fails(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = tmp_path / "bin" / "cc"
    compiler.parent.mkdir()
    compiler.write_text("#!/bin/sh\necho unknown option >&2\nexit 1\n")
    compiler.chmod(compiler.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(compiler.parent) + os.pathsep + "/bin")
    assert reason() == f"{compiler} failed: unknown option"
    assert files(source / "__pycache__") == []


def damaged(source: Path) -> Path:
    """A stored library that cannot be loaded."""
    stored = source / "__pycache__" / library_name("layers", best(), library._flags)
    stored.parent.mkdir()
    stored.write_bytes(b"\x7fELF, but no more")
    return stored


@needs_compiler
def test_a_damaged_library_is_named_and_the_user_gets_another(source: Path, home: Path) -> None:
    stored, users = damaged(source), home / "cache" / "podtts" / "native"
    for _ in range(2):  # as long as it is there
        assert isinstance(layers_library(), ctypes.CDLL)
        problem = load_problem("layers")
        assert problem.startswith(f"{stored} cannot be loaded (")
        assert problem.endswith(f": remove it; this run uses {users / stored.name}")
        library.forget_libraries()
    assert stored.read_bytes() == b"\x7fELF, but no more"


@needs_compiler
def test_without_a_compiler_the_reason_names_a_damaged_library(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = damaged(source)
    monkeypatch.setenv("PATH", "")
    assert reason().startswith(f"{stored} cannot be loaded (")
    assert reason().endswith(": remove it, and there is no C compiler (cc, gcc, clang)")
    assert load_problem("layers").endswith("this run is slower without it, and computes other bits")


@needs_compiler
@pytest.mark.usefixtures("source")
def test_no_library_is_no_problem_of_a_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert isinstance(layers_library(), Unavailable)
    assert load_problem("layers") == ""


@needs_compiler
def test_who_can_read_the_source_can_read_the_library(source: Path) -> None:
    source.chmod(0o755)
    (source / "layers.c").chmod(0o644)
    before = os.umask(0o077)
    try:
        assert isinstance(layers_library(), ctypes.CDLL)
    finally:
        os.umask(before)
    [stored] = files(source / "__pycache__")
    assert stat.S_IMODE(stored.stat().st_mode) == 0o644
    assert stat.S_IMODE(stored.parent.stat().st_mode) == 0o755


@contextmanager
def another_user(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be a user who is not root; cache: of this user."""
    cache.mkdir()
    cache.chmod(0o777)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    library.forget_libraries()
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that every user can enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be another user"
)


@needs_compiler
@needs_root
def test_users_of_a_shared_install_use_what_root_compiled(
    source: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install = Path(shutil.copytree(source, shared / "native"))
    monkeypatch.setattr(build, "FOLDER", install)
    before = os.umask(0o022)
    try:
        layers_library()
    finally:
        os.umask(before)
    monkeypatch.setenv("PATH", "")  # nobody can compile it again
    with another_user(shared / "cache", monkeypatch):
        assert isinstance(layers_library(), ctypes.CDLL)
        assert load_problem("layers") == ""


@needs_compiler
@needs_root
@pytest.mark.parametrize("closed", ["file", "folder"])
def test_a_library_that_a_user_cannot_read_is_compiled_for_the_user(
    closed: str, source: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install = Path(shutil.copytree(source, shared / "native"))
    monkeypatch.setattr(build, "FOLDER", install)
    stored = damaged(install)  # dlopen would not open again what this process has loaded
    (stored if closed == "file" else stored.parent).chmod(0o700)
    users = shared / "cache" / "podtts" / "native" / stored.name
    with another_user(shared / "cache", monkeypatch):
        assert isinstance(layers_library(), ctypes.CDLL)
        problem = load_problem("layers")
    assert users.exists()
    if closed == "file":
        assert problem.startswith(f"{stored} cannot be loaded (")
        assert "Permission denied" in problem
        assert problem.endswith(f"this run uses {users}")
    else:  # what is in the folder is not to be known
        assert problem == ""


@pytest.mark.usefixtures("source")
def test_another_machine_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert "not for riscv64" in reason()


@needs_compiler
@pytest.mark.parametrize("quantize", QUANTIZATIONS)
def test_caches_stay_valid_when_the_text_of_the_source_changes(
    quantize: Quantization, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their keys carry this name. The bits it stands for are tested in test_numerics.py."""
    file, name = library_name("layers", best()), arithmetic(torch.device("cpu"), quantize)
    compiled = shutil.ignore_patterns("__pycache__")
    shutil.copytree(build.FOLDER, tmp_path / "native", ignore=compiled)
    (tmp_path / "native" / "another.h").touch()
    monkeypatch.setattr(build, "FOLDER", tmp_path / "native")
    assert library_name("layers", best()) != file
    assert arithmetic(torch.device("cpu"), quantize) == name
    numerics = best().numerics
    assert name.endswith(f"{quantize} by layers.c {numerics}, flow by estimator.c {numerics}")


@needs_compiler
@pytest.mark.parametrize("name", [isa.name for isa in INSTRUCTION_SETS])
def test_a_set_that_is_forced_is_used_or_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = cpu_sets()
    assert not isinstance(sets, Unavailable)
    with forced_set(monkeypatch, name):
        if name in [isa.name for isa in sets]:
            isa = instructions_of("layers")
            assert isinstance(isa, InstructionSet)
            assert isa.name == name
        else:
            with pytest.raises(UsageError, match=f"PODTTS_ISA is {name}, which this CPU lacks"):
                layers_library()


def test_compiled_code_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    with forced_set(monkeypatch, "none"):
        assert reason() == "PODTTS_ISA is none"
        assert load_problem("layers") == ""


def test_a_name_that_is_no_set_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        forced_set(monkeypatch, "sse2"),
        pytest.raises(
            UsageError, match="PODTTS_ISA is sse2, which is no instruction set of podtts"
        ),
    ):
        layers_library()


@needs_compiler
@pytest.mark.usefixtures("source")
def test_a_forced_set_without_a_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with (
        forced_set(monkeypatch, best().name),
        pytest.raises(UsageError, match=f"PODTTS_ISA is {best().name}, but there is no C compiler"),
    ):
        layers_library()


@needs_compiler
def test_the_next_set_is_used_where_the_best_cannot_be_compiled(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old compiler does not know the newest instructions."""
    sets = cpu_sets()
    assert not isinstance(sets, Unavailable)
    if len(sets) == 1:
        pytest.skip("this CPU has one set")
    macro = {"avx512": "__AVX512BF16__", "avx2-vnni": "__AVXVNNI__", "avx512-vnni": "__AVX512F__"}
    with (source / "layers.c").open("a") as text:
        text.write(f"\n#ifdef {macro[best().name]}\n#error not known\n#endif\n")
    isa = instructions_of("layers")
    assert isinstance(isa, InstructionSet)
    assert isa.name != best().name
