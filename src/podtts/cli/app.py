"""The root of the command line: commands, exit codes, and how errors become one line."""

import io
import os
import sys
from typing import Annotated, Any, NoReturn, cast

import typer

import podtts
from podtts.cli import (
    batch,
    bench,
    cache,
    check,
    convert,
    doctor,
    init,
    model,
    prep,
    serve,
    synth,
    tags,
    voices,
)
from podtts.cli.help_groups import GroupWithSentences, PlainCommand
from podtts.cli.help_panels import CommandWithPanels
from podtts.cli.idle_threads import let_idle_threads_sleep
from podtts.cli.locations import check_folders
from podtts.cli.messages import fail
from podtts.cli.signals import Stopped, stop_on_signals
from podtts.cli.standard_streams import mend_streams
from podtts.cli.welcome import welcome
from podtts.errors import PodttsError, UsageError
from podtts.native.choice import forced_set, usable_sets
from podtts.storage.disk_errors import disk_error, is_full

EXIT_CODES = """\b
Exit codes:
  0  done
  1  some inputs failed, the others are done
  2  wrong usage: unknown flags, or values that are not allowed
  3  bad input: a script, recording or voice
  4  model files missing, damaged or inconsistent
  5  device missing, out of memory, or a disk that is full or refuses a file
  130, 143  stopped by SIGINT, SIGTERM"""

app = typer.Typer(
    name="podtts",
    help="Turn a dialogue script into a finished podcast.",
    epilog=EXIT_CODES,
    cls=GroupWithSentences,
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init", cls=PlainCommand)(init.init)
app.command("voices", cls=PlainCommand)(voices.voices)
app.command("prep", cls=PlainCommand)(prep.prep)
app.command("synth", cls=CommandWithPanels)(synth.synth)
app.command("check", cls=PlainCommand)(check.check)
app.command("convert", cls=PlainCommand)(convert.convert)
app.command("batch", cls=CommandWithPanels)(batch.batch)
app.command("serve", cls=CommandWithPanels)(serve.serve)
app.command("bench", cls=CommandWithPanels)(bench.bench)
app.command("tags", cls=PlainCommand)(tags.tags)
app.command("doctor", cls=PlainCommand)(doctor.doctor)
app.add_typer(cache.app, name="cache")
app.add_typer(model.app, name="model")


# Newer versions of typer contain a copy of click, older ones import click. This is the base class
# of the usage errors of the copy that typer uses.
_ClickError = cast(
    type[Exception],
    next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"),
)


def _print_version(requested: bool) -> None:
    if requested:
        print(f"podtts {podtts.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version."
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Print the traceback of an error.")
    ] = False,
) -> None:
    del debug  # `main` reads sys.argv for it, so that it also holds while flags are parsed
    if context.invoked_subcommand is None:
        welcome()
        return
    check_folders()
    if forced_set():
        usable_sets()  # refuses a set that this CPU lacks before any work


def main() -> NoReturn:
    """Run the command line and exit with a documented code."""
    mend_streams()
    stop_on_signals()
    if isinstance(sys.stdout, io.TextIOWrapper):  # stdout's encoding may not know a voice's name
        sys.stdout.reconfigure(errors="backslashreplace")
    debug = "--debug" in sys.argv
    let_idle_threads_sleep()
    try:
        _check_arguments()
        code = app(standalone_mode=False)
        print(end="", flush=True)  # a write error shows up here and not when Python exits
    except PodttsError as error:
        _raise_if(debug)
        fail(error.problem, error.hint)
        code = error.exit_code
    except _ClickError as error:
        code = _print_usage_error(error)
    except Stopped as stopped:
        fail(str(stopped), "")
        code = stopped.exit_code
    except OSError as error:
        _raise_if(debug)
        code = _print_os_error(error)
    except Exception as error:  # noqa: BLE001 (every other exception is a bug of podtts)
        _raise_if(debug)
        fail(
            f"internal error: {type(error).__name__}: {error}",
            "this is a bug in podtts: please report it with the output of podtts --debug …",
        )
        code = 1
    sys.exit(code or 0)


def _check_arguments() -> None:
    """Raise UsageError for bytes that are no text: no name of a file could be written to a file."""
    for argument in sys.argv[1:]:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise UsageError(
                f"the argument {argument} is no text in {sys.getfilesystemencoding()}",
                "rename the file, or set LC_ALL=C.UTF-8",
            ) from None


def _print_usage_error(error: Any) -> int:
    """Print what is wrong with the flags in one line, or the help if there were none."""
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)
    else:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "podtts"
        fail(error.format_message().removesuffix("."), f"see {command} --help")
    return UsageError.exit_code


def _print_os_error(error: OSError) -> int:
    """Print an error of the system, such as a full disk; nothing when the reader of stdout left."""
    # Buffered output cannot be written either; without this, Python complains at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if isinstance(error, BrokenPipeError):
        return 1
    if is_full(error):  # only stdout and other streams: what writes files raises DiskError
        refused = disk_error(error.filename or "stdout", error, "name another file or device")
        fail(refused.problem, refused.hint)
        return refused.exit_code
    path = f"{error.filename}: " if error.filename else ""
    fail(f"{path}{error.strerror or error}", "")
    return UsageError.exit_code


def _raise_if(debug: bool) -> None:
    if debug:
        raise
