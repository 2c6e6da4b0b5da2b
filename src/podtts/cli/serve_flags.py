"""Flags of the server: who may use it, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from podtts.cli.flag_groups import FlagGroup
from podtts.cli.flags import named_path
from podtts.errors import UsageError

if TYPE_CHECKING:
    from podtts.serve.limits import Limits

_LONGEST_TOKENS_BYTES = 2**20


@dataclass(frozen=True)
class AccessFlags(FlagGroup):
    """Where the server listens, and whom it answers."""

    host: Annotated[
        str,
        typer.Option(
            "--host", metavar="ADDRESS", help="Address to listen on; others need --token-file."
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int,
        typer.Option(
            "--port", min=0, max=65535, metavar="N", help="Port to listen on; 0: any free one."
        ),
    ] = 8000
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            parser=named_path,
            help="Tokens, one a line, of which a request must bear one: Authorization: Bearer.",
        ),
    ] = None
    cors: Annotated[
        list[str] | None,
        typer.Option(
            "--cors",
            metavar="ORIGIN",
            help="Origin of web pages that may use the server, such as https://example.org "
            "(repeatable).",
        ),
    ] = None

    def tokens(self) -> tuple[str, ...]:
        """The tokens of the file. Raises UsageError for a file without any."""
        return read_tokens(self.token_file)


@dataclass(frozen=True)
class LimitFlags(FlagGroup):
    """What a request may be, and how many may wait."""

    queue: Annotated[
        int,
        typer.Option(
            "--queue", min=0, metavar="N", help="Requests that may wait for a row; more get 429."
        ),
    ] = 32
    max_characters: Annotated[
        int, typer.Option("--max-characters", min=1, metavar="N", help="Of the text of a request.")
    ] = 20_000
    max_turns: Annotated[
        int, typer.Option("--max-turns", min=1, metavar="N", help="Of a script.")
    ] = 500
    max_seconds: Annotated[
        float, typer.Option("--max-seconds", min=1, metavar="S", help="Of the sound of a request.")
    ] = 600.0
    deadline: Annotated[
        float,
        typer.Option(
            "--deadline",
            min=1,
            metavar="S",
            help="Seconds from a request to its last sample; then it is ended.",
        ),
    ] = 900.0
    max_jobs: Annotated[
        int, typer.Option("--max-jobs", min=0, metavar="N", help="Jobs that may wait or run.")
    ] = 100
    max_job_seconds: Annotated[
        float,
        typer.Option("--max-job-seconds", min=1, metavar="S", help="Of the sound of a job."),
    ] = 7200.0
    keep_days: Annotated[
        float,
        typer.Option(
            "--keep-days", min=0, metavar="D", help="Days after which a finished job is deleted."
        ),
    ] = 7.0
    stop_seconds: Annotated[
        float,
        typer.Option(
            "--stop-seconds",
            min=0,
            metavar="S",
            help="How long running requests may go on after SIGTERM.",
        ),
    ] = 30.0

    def limits(self) -> Limits:
        """The limits of the server."""
        from podtts.serve.limits import Limits

        return Limits(
            queue=self.queue,
            characters=self.max_characters,
            turns=self.max_turns,
            seconds=self.max_seconds,
            deadline_seconds=self.deadline,
            jobs=self.max_jobs,
            job_seconds=self.max_job_seconds,
            keep_days=self.keep_days,
            stop_seconds=self.stop_seconds,
        )


def read_tokens(path: Path | None) -> tuple[str, ...]:
    """The tokens of a file; none for None. Raises UsageError for a file without any."""
    if path is None:
        return ()
    try:
        text = path.read_bytes()[:_LONGEST_TOKENS_BYTES].decode()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}", "check the path") from error
    except UnicodeDecodeError:
        raise UsageError(f"{path}: no text in UTF-8") from None
    lines = (line.strip() for line in text.splitlines())
    tokens = tuple(line for line in lines if line and not line.startswith("#"))
    if not tokens:
        raise UsageError(f"{path} has no token", "write one a line")
    return tokens
