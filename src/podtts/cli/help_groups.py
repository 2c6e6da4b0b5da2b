"""Help of commands, and of the groups they are in, that cuts nothing and names no Python type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from typer.core import TyperCommand, TyperGroup

_NO_LIMIT = 10_000  # characters of a sentence, which the formatter wraps
_PYTHON_TYPE = re.compile(r" <[^>]*>$")  # typer writes PATH... <list[Path]>


class GroupWithSentences(TyperGroup):
    """A group whose help cuts no description, however narrow the terminal is."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands with the first sentence of their help."""
        names = self.list_commands(ctx)
        commands = [(name, self.get_command(ctx, name)) for name in names]
        rows = [
            (name, command.get_short_help_str(_NO_LIMIT))
            for name, command in commands
            if command is not None and not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class PlainCommand(TyperCommand):
    """A command whose help shows its arguments, then its options."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write both sections, as far as there is anything in them."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for param, record in help_records(self, ctx):
            is_argument = param.param_type_name == "argument"
            sections["Arguments" if is_argument else "Options"].append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def help_records(command: TyperCommand, ctx: Any) -> Iterator[tuple[Any, tuple[str, str]]]:
    """Yield every parameter that is not hidden, with its names and its help."""
    for param in command.get_params(ctx):
        if (record := param.get_help_record(ctx)) is not None:
            names, text = record
            if param.param_type_name == "argument":
                names = _PYTHON_TYPE.sub("", names)
            yield param, (names, text)
