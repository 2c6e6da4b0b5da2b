"""Flags of listening: which recognizer hears, and what becomes of turns that it hears otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from podtts.cli.flag_groups import FlagGroup
from podtts.cli.locations import recognizer_directory
from podtts.errors import ModelError, UsageError
from podtts.hub.registry import DEFAULT_RECOGNIZER
from podtts.options import VERIFY_LIMIT

if TYPE_CHECKING:
    from podtts.ears.turn_listener import TurnListener

RecognizerOption = Annotated[
    str | None,
    typer.Option(
        "--recognizer",
        metavar="NAME|DIR",
        help="Name of a pulled recognizer (podtts model ls) or folder of a Whisper model for "
        f"CTranslate2.  [default: {DEFAULT_RECOGNIZER}]",
    ),
]


@dataclass(frozen=True)
class VerifyFlags(FlagGroup):
    """Whether turns are checked by listening."""

    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Hear every turn after it was made: one that is heard otherwise is synthesized "
            "again (--retries), and the best attempt is kept.",
        ),
    ] = False
    verify_limit: Annotated[
        float | None,
        typer.Option(
            "--verify-limit",
            metavar="SHARE",
            help="Share of a turn's words (Chinese: characters) that may be heard otherwise with "
            f"--verify.  [default: {VERIFY_LIMIT:g}]",
        ),
    ] = None
    recognizer: RecognizerOption = None

    def limit(self) -> float | None:
        """The largest share of words that may be heard otherwise; None: nobody listens.

        Raises UsageError for flags that need --verify.
        """
        if self.verify:
            return VERIFY_LIMIT if self.verify_limit is None else self.verify_limit
        flags = {"--verify-limit": self.verify_limit, "--recognizer": self.recognizer}
        for flag, value in flags.items():
            if value is not None:
                raise UsageError(f"{flag} needs --verify", f"add --verify, or leave {flag} out")
        return None

    def folder(self) -> Path | None:
        """The folder of the recognizer; None: nobody listens.

        Raises ModelError if it is not on this machine or lacks files, UsageError if the library
        that reads it is not installed.
        """
        return checked_recognizer(self.recognizer) if self.verify else None


def checked_recognizer(name_or_folder: str | None) -> Path:
    """Return the folder of a recognizer that can be loaded. Raises UsageError, ModelError."""
    from podtts.ears.installation import check_recognizer

    folder = recognizer_directory(name_or_folder)
    check_recognizer(folder)
    return folder


def recognizer_on_this_machine(name_or_folder: str | None) -> Path | None:
    """Return the folder of a recognizer: the one that is asked for, or the default if it is here.

    None: nothing was asked for, and the default or its library is not here. Raises UsageError and
    ModelError as `checked_recognizer` does for one that was asked for.
    """
    if name_or_folder is not None:
        return checked_recognizer(name_or_folder)
    try:
        return checked_recognizer(None)
    except (ModelError, UsageError):
        return None


def turn_listener(folder: Path, threads: int | None) -> TurnListener:
    """Load a recognizer that hears turns. Raises ModelError."""
    from podtts.ears.turn_listener import TurnListener
    from podtts.ears.whisper import Whisper

    return TurnListener(Whisper(folder, threads))
