"""What `import podtts` offers: complete, documented, consistent, and cheap until used."""

import ast
import inspect
import re
from pathlib import Path

import pytest
from support.commands import run_script

import podtts

SOURCE = Path(podtts.__file__)
PUBLIC = [name for name in podtts.__all__ if name != "__version__"]


def typed_imports() -> dict[str, tuple[str, ...]]:
    """What a type checker sees: the names imported from each module under TYPE_CHECKING."""
    (block,) = (node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    found = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        assert node.module
        found[node.module] = tuple(alias.name for alias in node.names)
    return found


def test_type_checkers_and_programs_see_the_same() -> None:
    assert typed_imports() == podtts._HOMES
    offered = sorted(name for names in podtts._HOMES.values() for name in names)
    assert sorted(PUBLIC) == offered
    assert len(set(offered)) == len(offered)


def test_all_is_sorted_and_is_what_dir_shows() -> None:
    assert podtts.__all__ == sorted(podtts.__all__)
    assert dir(podtts) == podtts.__all__


@pytest.mark.parametrize("name", PUBLIC)
def test_every_name_is_there_and_documented(name: str) -> None:
    value = getattr(podtts, name)
    assert value.__name__ == name
    assert value.__module__.startswith("podtts.")
    written = value.__doc__
    assert written
    # What dataclasses write by themselves says nothing.
    assert not written.startswith(f"{name}(")
    if inspect.isfunction(value):
        missing = inspect.signature(value).parameters.keys() - value.__annotations__.keys()
        assert not missing
        assert "return" in value.__annotations__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'podtts' has no attribute 'Sythesizer'"):
        podtts.Sythesizer  # noqa: B018
    assert not hasattr(podtts, "Sythesizer")


def test_star_brings_all_of_it() -> None:
    names: dict[str, object] = {}
    exec("from podtts import *", names)
    assert set(podtts.__all__) <= names.keys()


def test_version_is_a_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", podtts.__version__)


def test_import_is_cheap_until_something_is_used() -> None:
    script = (
        "import sys, podtts\n"
        "print(sorted({'torch', 'numpy', 'transformers', 'typer'} & sys.modules.keys()))\n"
        "podtts.parse_script('[A] Hello.'), podtts.SynthesisOptions()\n"
        "print('torch' in sys.modules)\n"
    )
    assert run_script(script).done().lines == ["[]", "False"]
