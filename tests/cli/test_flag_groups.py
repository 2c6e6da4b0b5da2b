"""A group of flags has the help, the defaults and the parameter sources of single flags."""

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from podtts.cli.flag_groups import FlagGroup, with_flag_groups


@dataclass(frozen=True)
class Colours(FlagGroup):
    front: Annotated[str, typer.Option("--front", "-f", help="Colour of the letters.")] = "black"
    back: Annotated[list[str] | None, typer.Option("--back", envvar="BACK")] = None


@with_flag_groups
def paint(
    context: typer.Context,
    text: Annotated[str, typer.Argument()],
    colours: Colours,
    times: Annotated[int, typer.Option("--times", min=1)] = 1,
) -> None:
    """Paint a text."""
    source = context.get_parameter_source("front")
    assert source is not None
    typer.echo(f"{times} {text} {colours} {source.name} {sorted(context.params)}")


def run(*arguments: str, env: dict[str, str] | None = None) -> str:
    app = typer.Typer()
    app.command()(paint)
    result = CliRunner().invoke(app, arguments, env=env)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_command_gets_the_group_built_from_its_flags() -> None:
    names = "['back', 'front', 'text', 'times']"
    assert run("hello") == f"1 hello {Colours()} DEFAULT {names}\n"
    expected = Colours("red", ["blue", "grey"])
    shown = run("hello", "-f", "red", "--back", "blue", "--back", "grey", "--times", "3")
    assert shown == f"3 hello {expected} COMMANDLINE {names}\n"
    assert repr(Colours(back=["green"])) in run("hello", env={"BACK": "green"})


def test_the_help_shows_the_flags_of_a_group_like_others() -> None:
    shown = run("--help")
    assert "Paint a text." in shown
    assert "Colour of the letters." in shown
    assert "--times" in shown
    assert "colours" not in shown
