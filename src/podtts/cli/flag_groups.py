"""Groups of flags: declared once as a dataclass, used as one parameter by several commands."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any, get_type_hints


class FlagGroup:
    """Base of a dataclass whose fields are flags: `Annotated` with a typer.Option, and a default.

    A command that takes the group as a parameter, and is decorated with `with_flag_groups`, has
    all of its flags.
    """


def with_flag_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command in whose signature each FlagGroup is replaced by the flags of the group.

    typer reads that signature. When it calls the command with the value of each flag, the groups
    are built from these values.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type[Any]] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        hint = hints[parameter.name]
        if inspect.isclass(hint) and issubclass(hint, FlagGroup):
            groups[parameter.name] = hint
            parameters += _parameters_of(hint)
        else:
            parameters.append(parameter.replace(annotation=hint, kind=parameter.KEYWORD_ONLY))

    @wraps(command)
    def run(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{flag.name: values.pop(flag.name) for flag in fields(group)})
        command(**values)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _parameters_of(group: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            flag.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=flag.default,
            annotation=hints[flag.name],
        )
        for flag in fields(group)
    ]
