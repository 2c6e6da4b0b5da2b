import pickle
import subprocess
import sys

import pytest

from podtts.errors import InputError
from podtts.script.model import Script
from podtts.values import Turn

HELLO = Turn(0, "Hello.")


def test_optional_parts_are_empty_by_default() -> None:
    script = Script("<program>", ("anna",), (HELLO,))
    assert script.chapters == ()
    assert script.voices == {}
    assert script.prompts == {}
    assert script.label_lines == {}


def test_a_script_can_be_pickled() -> None:
    script = Script("<program>", ("anna",), (HELLO,), voices={"anna": "alice"})
    assert pickle.loads(pickle.dumps(script)) == script


@pytest.mark.parametrize(
    ("labels", "turns", "problem"),
    [
        (("a",), (), "no turns"),
        ((), (HELLO,), "0 speakers, not 1 to 4"),
        (tuple("abcde"), (HELLO,), "5 speakers, not 1 to 4"),
        (("a", "a"), (HELLO,), "two speakers share a label: a, a"),
        (("a",), (HELLO, Turn(1, "Hi.")), "turn 2 has speaker number 1, but the script has 1"),
        (("a",), (Turn(-1, "Hi."),), "turn 1 has speaker number -1"),
        (("a",), (Turn(0, " \n"),), "turn 1 has no text"),
    ],
)
def test_inconsistent_scripts_are_refused(
    labels: tuple[str, ...], turns: tuple[Turn, ...], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        Script("<program>", labels, turns)


def test_scripts_are_read_without_torch() -> None:
    code = "import sys, podtts.script.read; print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
