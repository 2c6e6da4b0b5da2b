"""A short call of every command, in an order in which each finds what it needs."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import typer
from support.golden_data import MODEL

from podtts.cli.app import app

# Of the files of `lay_out`, from their folder.
CALLS = (
    "init first",
    "prep recordings --model model",
    "voices --model model",
    "check talk.txt --model model --speakers recordings",
    "convert talk.txt",
    "synth talk.txt -o talk.wav --model model --speakers recordings --flow-steps 1",
    "batch scripts -o episodes --model model --speakers recordings --flow-steps 1",
    "bench --model model --flow-steps 1 --workload short --repeat 1",
    "serve --model model --check",
    "tags",
    "doctor",
    "cache ls",
    "cache path",
    "cache verify",
    "cache export anna anna.voice",
    "cache import anna.voice --name again",
    "cache rm again",
    "cache prune",
    "cache clear --yes",
    "model ls",
    "model path",
    "model pull soulx-podcast-1.7b",
    "model convert model",
)
_RECORDINGS = Path(__file__).parents[1] / "speakers"


def lay_out(folder: Path) -> None:
    """Make the files of CALLS in a new folder."""
    shutil.copytree(MODEL, folder / "model")
    shutil.copytree(_RECORDINGS, folder / "recordings")
    (folder / "scripts").mkdir()
    for script in (folder / "talk.txt", folder / "scripts" / "talk.txt"):
        script.write_text("S1 = anna\n[S1] Good evening.\n")


def command_of(call: str) -> str:
    """Return the name of the command that a call calls, such as `cache ls`."""
    words = call.split()
    return next(name for name in command_names() if words[: len(name.split())] == name.split())


def command_names() -> list[str]:
    """Return the names of all commands, from the command line itself."""
    return list(_names(typer.main.get_command(app), ""))


def _names(command: object, name: str) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name
    else:
        for word, subcommand in inner.items():
            yield from _names(subcommand, f"{name} {word}".strip())
