"""The compiled code is made once, by a real compiler, and does without where that cannot be."""

import ctypes
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from podtts.native import library
from podtts.native.library import Unavailable, layers_library, source_digest

needs_compiler = pytest.mark.skipif(
    isinstance(layers_library(8), Unavailable), reason="compiled code does not run here"
)


@pytest.fixture(autouse=True)
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The C in a folder of its own, where nothing has been compiled yet."""
    folder = tmp_path / "native"
    found = library._FOLDER
    shutil.copytree(found, folder, ignore=shutil.ignore_patterns("__pycache__"))
    forget()
    monkeypatch.setattr(library, "_FOLDER", folder)
    yield folder
    forget()


def forget() -> None:
    for known in (library._supported, library._library, source_digest):
        known.cache_clear()


def reason(bits: int = 8) -> str:
    found = layers_library(bits)
    assert isinstance(found, Unavailable)
    return found.reason


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("*"))


@needs_compiler
def test_it_is_compiled_once(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(layers_library(8), ctypes.CDLL)
    [compiled] = kept(source / "__pycache__")
    forget()
    monkeypatch.setenv("PATH", "")
    assert isinstance(layers_library(8), ctypes.CDLL)
    assert kept(source / "__pycache__") == [compiled]


@needs_compiler
def test_a_changed_source_is_compiled_anew(source: Path) -> None:
    layers_library(8)
    before = source_digest()
    header = source / "products.h"
    header.write_text(header.read_text() + "\n// another line\n")
    forget()
    layers_library(8)
    assert source_digest() != before
    assert len(kept(source / "__pycache__")) == 2


@needs_compiler
def test_where_the_package_cannot_be_written_the_users_cache_keeps_it(
    source: Path, home: Path
) -> None:
    (source / "__pycache__").write_text("a file where the folder would be")
    assert isinstance(layers_library(8), ctypes.CDLL)
    assert len(kept(home / "cache" / "podtts" / "native")) == 1


@needs_compiler
def test_without_a_compiler_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert reason() == "there is no C compiler (cc, gcc, clang)"


@needs_compiler
def test_a_compiler_that_fails_is_quoted(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = tmp_path / "bin" / "cc"
    compiler.parent.mkdir()
    compiler.write_text("#!/bin/sh\necho unknown option >&2\nexit 1\n")
    compiler.chmod(compiler.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(compiler.parent) + os.pathsep + "/bin")
    assert reason() == f"{compiler} failed: unknown option"
    assert kept(source / "__pycache__") == []


@needs_compiler
def test_a_damaged_file_is_named(source: Path) -> None:
    compiled = source / "__pycache__" / f"layers-{source_digest()[:16]}.so"
    compiled.parent.mkdir()
    compiled.write_bytes(b"\x7fELF, but no more")
    assert reason().startswith(f"{compiled} cannot be loaded")


def test_another_machine_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert "not for arm64" in reason()
