"""Flags of `prep` that say what of a recording is used, and what is known of its speaker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from podtts.cli.flag_groups import FlagGroup
from podtts.errors import UsageError
from podtts.text.clock_times import parse_time

if TYPE_CHECKING:
    from podtts.prompts.selection import Selection


@dataclass(frozen=True)
class RecordingFlags(FlagGroup):
    """The part of a recording that becomes the prompt, and what is kept with the voice."""

    start: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="TIME", help="Use one recording from here: 0:12, 12.5 or 1:02:03."
        ),
    ] = None
    stop: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Use one recording up to here.")
    ] = None
    trim: Annotated[
        bool, typer.Option("--trim", help="Leave out the silence at both ends of recordings.")
    ] = False
    auto_trim: Annotated[
        bool,
        typer.Option(
            "--auto-trim",
            help="Of recordings longer than 30 s, use the best stretch: speech, no clipping, "
            "between two pauses. Its transcript must have its words alone.",
        ),
    ] = False
    consent: Annotated[
        str,
        typer.Option(
            "--consent",
            metavar="TEXT",
            help="A note on the speaker's consent, kept with the voice: who agreed, when, to what.",
        ),
    ] = ""

    @property
    def cuts(self) -> bool:
        """Whether times are given, which are those of one recording."""
        return self.start is not None or self.stop is not None

    def selection(self) -> Selection:
        """Return what of a recording is used. Raises UsageError for times that are none."""
        from podtts.prompts.selection import Selection

        return Selection(
            0.0 if self.start is None else _seconds("--from", self.start),
            None if self.stop is None else _seconds("--to", self.stop),
            self.trim,
            self.auto_trim,
        )


def _seconds(flag: str, text: str) -> float:
    if (seconds := parse_time(text)) is None:
        raise UsageError(f"{flag} {text!r} is no time", "examples of times: 12.5, 0:12, 1:02:03")
    return seconds
