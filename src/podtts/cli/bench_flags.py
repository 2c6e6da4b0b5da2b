"""Which flags of `podtts bench` exclude each other, and which do nothing for what is measured."""

from __future__ import annotations

import typer

from podtts.errors import UsageError, nearest

_RECIPES = ("published",)
_OF_A_PRESET = (
    "quantize",
    "flow_steps",
    "flow_solver",
    "flow_precision",
    "flow_mode",
    "flow_cache",
)
# What is measured instead of the stages -> parameters that do nothing for it.
_IDLE = {
    "quality": ("against", "workload", "repeat", "batch", "preset", *_OF_A_PRESET),
    "sweep": ("against", "repeat", *_OF_A_PRESET),
    "first_audio": ("against", "batch"),
    "scripts": ("against", "workload", "flow_cache"),
}


def check_bench_flags(context: typer.Context) -> None:
    """Raise UsageError for flags that contradict each other or do nothing."""
    against = context.params["against"]
    if against is not None and against not in _RECIPES:
        raise UsageError(
            f"unknown recipe {against!r}{nearest(against, _RECIPES)}", "use --against published"
        )
    # The environment variable PODTTS_MODEL is only a default, so --random-weights wins over it.
    if context.params["random_weights"] is not None and is_on_command_line(context, "model"):
        raise UsageError("--model and --random-weights exclude each other", "give one of them")
    measured = [name for name in _IDLE if context.params[name]]
    if len(measured) > 1:
        flags = " and ".join(_flag(name) for name in measured[:2])
        raise UsageError(f"{flags} measure two things", "give one of them")
    for name in measured:
        for idle in _IDLE[name]:
            if is_on_command_line(context, idle):
                raise UsageError(
                    f"{_flag(idle)} does nothing with {_flag(name)}", "leave one of them out"
                )
    for flag, needed in (("recognizer", ["quality"]), ("batch", ["sweep", "scripts"])):
        if is_on_command_line(context, flag) and not {*needed} & {*measured}:
            choices = " or ".join(map(_flag, needed))
            raise UsageError(
                f"{_flag(flag)} needs {choices}", f"add it, or leave {_flag(flag)} out"
            )
    if is_on_command_line(context, "picture") and "sweep" not in measured:
        raise UsageError("--picture draws the figures of --sweep", "add --sweep")


def is_on_command_line(context: typer.Context, parameter: str) -> bool:
    """Whether a parameter has its value from a flag, and not a default or the environment."""
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"


def _flag(parameter: str) -> str:
    return f"--{parameter.replace('_', '-')}"
