"""`podtts prep`: recordings to voices, each recording's work done once."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from podtts.cli.flags import CacheDirOption, ModelOption, ThreadsOption
from podtts.cli.locations import cache_root, model_directory
from podtts.cli.messages import fail, say, warn
from podtts.errors import PartialError, UsageError

if TYPE_CHECKING:
    from podtts.prompts.prepare import Prepared
    from podtts.prompts.recording_files import RecordingFile


def prep(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Folders or recordings: NAME.wav (flac, mp3, ogg, opus) beside NAME.txt, what is "
            "said in it, and optionally NAME.dialect.txt, a sentence in dialect.",
        ),
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the voice (one recording alone).")
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="What is said in it (one recording alone).")
    ] = None,
    model: ModelOption = None,
    cache_dir: CacheDirOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Prepare voices: speech tokens, mel and speaker embedding of each recording, kept for good.

    Ask the people whose voices you clone for their consent.
    """
    from podtts.prompts.recording_files import find_recordings

    # Cheap things first: torch is not loaded before all that can be refused has been looked at.
    root = cache_root(cache_dir)
    recordings = _named(find_recordings(paths), paths, name, text)
    directory = model_directory(model)
    from podtts.prompts.cache import PromptCache
    from podtts.prompts.prepare import Prepared, prepare_all
    from podtts.prompts.voices import VoiceStore
    from podtts.weights.files import checkpoint_encoders

    encoders = checkpoint_encoders(directory)
    workers = min(len(recordings), threads or os.cpu_count() or 1)
    failed = 0
    for outcome in prepare_all(
        recordings, encoders, PromptCache(root, warn), VoiceStore(root), workers
    ):
        if isinstance(outcome, Prepared):
            print(_line(outcome), flush=True)
            for flaw in outcome.warnings:
                warn(f"{outcome.path}: {flaw}")
        else:
            failed += 1
            fail(outcome.error.problem, outcome.error.hint)
    if failed:
        raise PartialError(f"{failed} of {len(recordings)} recordings could not be prepared")
    say(f"voices are in {root}")


def _named(
    recordings: list[RecordingFile], paths: list[Path], name: str | None, text: str | None
) -> list[RecordingFile]:
    """Apply --name and --text, which speak of one recording."""
    if name is None and text is None:
        return recordings
    from podtts.prompts.voices import check_voice_name

    if len(paths) != 1 or paths[0].is_dir():
        raise UsageError("--name and --text go with one recording alone", "name a single file")
    (only,) = recordings
    voice = check_voice_name(only.name if name is None else name)
    return [replace(only, name=voice, transcript=text)]


def _line(prepared: Prepared) -> str:
    seconds = prepared.features.seconds
    done = "cached" if prepared.cached else "prepared"
    line = f"{prepared.voice.name}: {done}, {seconds:.1f} s, {round(seconds * 25)} tokens"
    if not prepared.cached:
        line += f", in {prepared.seconds_of_work:.2f} s"
    return line + (", replaces the voice of that name" if prepared.replaced else "")
