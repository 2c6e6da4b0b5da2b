"""The command line's root: commands, exit codes, and the one place where errors become lines."""

import io
import os
import signal
import sys
from types import FrameType
from typing import Annotated, Any, NoReturn, cast

import typer

import podtts
from podtts.cli import batch, bench, cache, check, doctor, model, prep, synth, tags
from podtts.cli.headings import UnderHeadings
from podtts.cli.messages import fail
from podtts.cli.signals import Stopped
from podtts.cli.waiting import sleep_when_waiting
from podtts.errors import PodttsError, UsageError

EXIT_CODES = """\b
Exit codes:
  0  done
  1  some inputs failed, the others are done
  2  usage: flags or options that cannot be
  3  bad input: a script, recording or voice
  4  model files missing, damaged or inconsistent
  5  device not there, or out of memory
  130, 143  stopped by SIGINT, SIGTERM"""

app = typer.Typer(
    name="podtts",
    help="Turn a dialogue script into a finished podcast.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("prep")(prep.prep)
app.command("synth", cls=UnderHeadings)(synth.synth)
app.command("check")(check.check)
app.command("batch", cls=UnderHeadings)(batch.batch)
app.command("bench")(bench.bench)
app.command("tags")(tags.tags)
app.command("doctor")(doctor.doctor)
app.add_typer(cache.app, name="cache")
app.add_typer(model.app, name="model")


# typer brings its own copy of click in newer versions and imports click in older ones; this is the
# class of usage errors of whichever it uses.
_BadUsage = cast(
    type[Exception],
    next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"),
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"podtts {podtts.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_version, help="Print the version."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback behind an error.")
    ] = False,
) -> None:
    del debug  # `main` looks for it itself: it matters before anything is parsed, too


def main() -> NoReturn:
    """Run the command line and exit with a documented code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as shells have it for background jobs
            signal.signal(number, _stop)
    if isinstance(sys.stdout, io.TextIOWrapper):  # names may not be of the terminal's alphabet
        sys.stdout.reconfigure(errors="backslashreplace")
    debug = "--debug" in sys.argv
    sleep_when_waiting()
    try:
        code = app(standalone_mode=False)
        print(end="", flush=True)  # what cannot be written is found here, not by Python at exit
    except PodttsError as error:
        _raise_if(debug)
        fail(error.problem, error.hint)
        code = error.exit_code
    except _BadUsage as error:
        code = _explain_usage(error)
    except Stopped as stopped:
        fail(str(stopped), "")
        code = stopped.exit_code
    except OSError as error:
        _raise_if(debug)
        code = _explain_refusal(error)
    except Exception as error:  # noqa: BLE001 (the boundary: what is left is a mistake here)
        _raise_if(debug)
        fail(
            f"internal error: {type(error).__name__}: {error}",
            "this is a mistake in podtts: please report it with the output of podtts --debug …",
        )
        code = 1
    sys.exit(code or 0)


def _explain_usage(error: Any) -> int:
    """Print what is wrong with a command line: one line, or the help where nothing was asked."""
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)
    else:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "podtts"
        fail(error.format_message().removesuffix("."), f"see {command} --help")
    return UsageError.exit_code


def _explain_refusal(error: OSError) -> int:
    """Print what the system refused: a full disk, a name too long. A reader may leave unsaid."""
    # What is still buffered cannot be written either: without this, Python says so at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if isinstance(error, BrokenPipeError):
        return 1
    where = f"{error.filename}: " if error.filename else ""
    fail(f"{where}{error.strerror or error}", "")
    return UsageError.exit_code


def _raise_if(debug: bool) -> None:
    if debug:
        raise


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise Stopped(number)
