"""The C is compiled once, by a real compiler; where that is not possible, the reason is given."""

import ctypes
import os
import platform
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from podtts.device.placement import arithmetic
from podtts.native import library
from podtts.native.library import _UNITS as UNITS
from podtts.native.library import (
    NUMERICS,
    Unavailable,
    estimator_library,
    layers_library,
    load_problem,
)
from podtts.options import LAYER_BITS, QUANTIZATIONS, Quantization

NOBODY = 65534
needs_compiler = pytest.mark.skipif(
    platform.machine() != "x86_64" or not any(map(shutil.which, library._COMPILERS)),
    reason="there is no C compiler for x86-64 here",
)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with C that compiles in no time: functions that return 1."""
    folder = tmp_path / "native"
    folder.mkdir()
    functions = (f"int podtts_layers_{name}(void) {{ return 1; }}" for name in UNITS["layers"])
    (folder / "layers.c").write_text("\n".join(functions))
    library.forget_libraries()
    monkeypatch.setattr(library, "_FOLDER", folder)
    yield folder
    library.forget_libraries()


def reason(bits: int = 8) -> str:
    unavailable = layers_library(bits)
    assert isinstance(unavailable, Unavailable)
    return unavailable.reason


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*"))


@needs_compiler
@pytest.mark.parametrize("unit", UNITS)
def test_the_source_compiles(unit: str) -> None:
    """On any x86-64 CPU. Other tests of compiled code are skipped where it is not available."""
    assert isinstance(library._library(unit), ctypes.CDLL)


@needs_compiler
def test_the_source_is_compiled_once(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(layers_library(8), ctypes.CDLL)
    [compiled] = files(source / "__pycache__")
    library.forget_libraries()
    monkeypatch.setenv("PATH", "")
    assert isinstance(layers_library(8), ctypes.CDLL)
    assert files(source / "__pycache__") == [compiled]


@needs_compiler
def test_changed_source_is_compiled_again(source: Path) -> None:
    layers_library(8)
    with (source / "layers.c").open("a") as text:
        text.write("// another line\n")
    library.forget_libraries()
    layers_library(8)
    assert len(files(source / "__pycache__")) == 2


@needs_compiler
def test_the_library_is_stored_in_the_users_cache_if_the_package_is_not_writable(
    source: Path, home: Path
) -> None:
    (source / "__pycache__").write_text("a file where the folder would be")
    assert isinstance(layers_library(8), ctypes.CDLL)
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
    stored = source / "__pycache__" / f"layers-{library.source_digest()[:16]}.so"
    stored.parent.mkdir()
    stored.write_bytes(b"\x7fELF, but no more")
    return stored


@needs_compiler
def test_a_damaged_library_is_named_and_the_user_gets_another(source: Path, home: Path) -> None:
    stored, users = damaged(source), home / "cache" / "podtts" / "native"
    for _ in range(2):  # as long as it is there
        assert isinstance(layers_library(8), ctypes.CDLL)
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
    assert isinstance(layers_library(8), Unavailable)
    assert load_problem("layers") == ""


@needs_compiler
def test_who_can_read_the_source_can_read_the_library(source: Path) -> None:
    source.chmod(0o755)
    (source / "layers.c").chmod(0o644)
    before = os.umask(0o077)
    try:
        assert isinstance(layers_library(8), ctypes.CDLL)
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
    monkeypatch.setattr(library, "_FOLDER", install)
    before = os.umask(0o022)
    try:
        layers_library(8)
    finally:
        os.umask(before)
    monkeypatch.setenv("PATH", "")  # nobody can compile it again
    with another_user(shared / "cache", monkeypatch):
        assert isinstance(layers_library(8), ctypes.CDLL)
        assert load_problem("layers") == ""


@needs_compiler
@needs_root
@pytest.mark.parametrize("closed", ["file", "folder"])
def test_a_library_that_a_user_cannot_read_is_compiled_for_the_user(
    closed: str, source: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install = Path(shutil.copytree(source, shared / "native"))
    monkeypatch.setattr(library, "_FOLDER", install)
    stored = damaged(install)  # dlopen would not open again what this process has loaded
    (stored if closed == "file" else stored.parent).chmod(0o700)
    users = shared / "cache" / "podtts" / "native" / stored.name
    with another_user(shared / "cache", monkeypatch):
        assert isinstance(layers_library(8), ctypes.CDLL)
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
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert "not for arm64" in reason()


@pytest.mark.parametrize("quantize", QUANTIZATIONS)
def test_caches_stay_valid_when_the_text_of_the_source_changes(
    quantize: Quantization, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their keys carry this name. The bits it stands for are tested in test_numerics.py."""
    libraries = layers_library(LAYER_BITS[quantize]), estimator_library(32)
    if any(isinstance(unavailable, Unavailable) for unavailable in libraries):
        pytest.skip("compiled code does not run here")
    digest, name = library.source_digest(), arithmetic(torch.device("cpu"), quantize)
    compiled = shutil.ignore_patterns("__pycache__")
    shutil.copytree(library._FOLDER, tmp_path / "native", ignore=compiled)
    (tmp_path / "native" / "another.h").touch()
    monkeypatch.setattr(library, "_FOLDER", tmp_path / "native")
    library.source_digest.cache_clear()
    try:
        assert library.source_digest() != digest
        assert arithmetic(torch.device("cpu"), quantize) == name
    finally:
        library.source_digest.cache_clear()
    assert name.endswith(f"{quantize} by layers.c {NUMERICS}, flow by estimator.c {NUMERICS}")
