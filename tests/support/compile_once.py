"""A C compiler for builds of podtts: what was compiled from the same sources is copied.

Copies of the sources in several tests are compiled with the same command: podtts itself stores what
it compiled under a name that has the digest of all that.

usage: python compile_once.py STORE COMPILER ARGUMENTS..., as those of compile_unit of build.py
"""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType


def main() -> None:
    store, compiler, *flags, source, _, output = sys.argv[1:]
    build = _build_of(Path(source).parent)
    sets = [isa for isa in build.INSTRUCTION_SETS if [*build.FLAGS, *isa.flags] == flags]
    if not sets:
        sys.exit(subprocess.run([compiler, *flags, source, "-o", output], check=False).returncode)
    unit = Path(source).stem
    stored = Path(store) / build.library_name(unit, sets[0])
    if not stored.exists():
        stored.parent.mkdir(exist_ok=True)
        build.compile_unit(compiler, unit, sets[0], stored)
    shutil.copyfile(stored, output)


def _build_of(folder: Path) -> ModuleType:
    """The module native/build.py of a copy of the sources."""
    spec = importlib.util.spec_from_file_location("build_of_a_copy", folder / "build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


def program() -> str:
    """Shell code of a `cc` that compiles once."""
    from podtts.native import build

    compiler, store = build.find_compiler(), build.FOLDER / "__pycache__"
    return f'exec {sys.executable} -S {__file__} {store} {compiler} "$@"'


if __name__ == "__main__":
    main()
