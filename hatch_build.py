"""Compiles the C into the wheel, for all instruction sets of the machine that builds it.

Without a C compiler, the wheel is one for every machine, as it then contains no compiled code.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags


class CompiledCode(BuildHookInterface):  # type: ignore[type-arg]
    """The build hook `custom` of pyproject.toml."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the libraries and the platform's tag to a wheel; an editable one has none."""
        if self.target_name != "wheel" or version != "standard":
            return
        build = _native_build(Path(self.root))
        sets, compiler = build.machine_sets(), build.find_compiler()
        if not sets or compiler is None:
            self.app.display_warning("the wheel has no compiled code: there is no C compiler")
            return
        self._folder = tempfile.TemporaryDirectory()
        for isa in sets:
            for unit in build.UNITS:
                name = build.library_name(unit, isa)
                try:
                    build.compile_unit(compiler, unit, isa, Path(self._folder.name) / name)
                except build.CompilerError as error:  # it may not know the newest instructions
                    self.app.display_warning(f"the wheel has no {unit} for {isa.name}: {error}")
                    continue
                target = f"podtts/native/{build.PACKAGED}/{name}"
                build_data["force_include"][str(Path(self._folder.name) / name)] = target
        # No Python is linked, so one wheel serves every version.
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{next(platform_tags())}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the libraries after the wheel is written."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()


def _native_build(root: Path) -> ModuleType:
    """podtts.native.build without podtts, whose other imports are not installed here."""
    path = root / "src" / "podtts" / "native" / "build.py"
    spec = importlib.util.spec_from_file_location("podtts_native_build", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module
