"""`podtts prep`: prepares voices from recordings, each recording only once."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from podtts.cli.ear_flags import RecognizerOption, checked_recognizer
from podtts.cli.flag_groups import with_flag_groups
from podtts.cli.flags import ModelFlags, ThreadsOption, named_path
from podtts.cli.messages import fail, say, warn
from podtts.cli.prep_flags import RecordingFlags
from podtts.errors import PartialError, UsageError

if TYPE_CHECKING:
    from podtts.prompts.prepare import Prepared
    from podtts.prompts.recording_files import RecordingFile


@with_flag_groups
def prep(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            parser=named_path,
            help="Folders or recordings: NAME.wav (or flac, mp3, ogg, opus; with the package av "
            "m4a, video and more) with its transcript NAME.txt and, if you like, NAME.dialect.txt, "
            "a sentence in dialect.",
        ),
    ],
    model_flags: ModelFlags,
    recording_flags: RecordingFlags,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Name of the voice (only for one recording)."),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option("--text", metavar="TEXT", help="Transcript (only for one recording)."),
    ] = None,
    transcribe: Annotated[
        bool,
        typer.Option(
            "--transcribe",
            help="Hear the recordings: write down the words of those without a transcript, and "
            "compare the transcripts of the others.",
        ),
    ] = False,
    recognizer: RecognizerOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Prepare voices: compute and store speech tokens, mel and speaker embedding of recordings.

    Ask the people whose voices you clone for their consent.
    """
    from podtts.prompts.recording_files import find_recordings

    # Checks that need no torch come first, so that a mistake is reported at once.
    root = model_flags.cache_root()
    selection = recording_flags.selection()
    recordings = [
        replace(recording, selection=selection, consent=recording_flags.consent)
        for recording in _named(
            find_recordings(paths), paths, name, text, is_cut=recording_flags.cuts
        )
    ]
    directory = model_flags.directory()
    if recognizer is not None and not transcribe:
        raise UsageError("--recognizer needs --transcribe", "add it, or leave out --recognizer")
    heard_by = checked_recognizer(recognizer) if transcribe else None
    from podtts.prompts.cache import PromptCache
    from podtts.prompts.prepare import Prepared, prepare_all
    from podtts.prompts.voices import VoiceStore
    from podtts.weights.voices import checkpoint_encoders

    encoders = checkpoint_encoders(directory)
    workers = min(len(recordings), threads or os.cpu_count() or 1)
    listener = None
    if heard_by is not None:
        from podtts.ears.whisper import Whisper

        listener = Whisper(heard_by, threads)
    failed = 0
    for outcome in prepare_all(
        recordings, encoders, PromptCache(root, warn), VoiceStore(root), workers, listener
    ):
        if isinstance(outcome, Prepared):
            print(_line(outcome), flush=True)
            for note in outcome.notes:
                say(f"{outcome.path}: {note}")
            for warning in outcome.warnings:
                warn(f"{outcome.path}: {warning}")
        else:
            failed += 1
            fail(outcome.error.problem, outcome.error.hint)
    if failed:
        raise PartialError(f"{failed} of {len(recordings)} recordings could not be prepared")
    say(f"voices are in {root}")


def _named(
    recordings: list[RecordingFile],
    paths: list[Path],
    name: str | None,
    text: str | None,
    *,
    is_cut: bool,
) -> list[RecordingFile]:
    """Apply --name and --text, which need exactly one recording, as --from and --to do.

    Raises UsageError.
    """
    if name is None and text is None and not is_cut:
        return recordings
    from podtts.prompts.voices import check_voice_name

    if len(paths) != 1 or paths[0].is_dir():
        raise UsageError(
            "--name, --text, --from and --to need exactly one recording", "name a single file"
        )
    (recording,) = recordings
    voice = check_voice_name(recording.name if name is None else name)
    return [replace(recording, name=voice, transcript=text)]


def _line(prepared: Prepared) -> str:
    seconds = prepared.features.seconds
    state = "cached" if prepared.cached else "prepared"
    line = f"{prepared.voice.name}: {state}, {seconds:.1f} s, {round(seconds * 25)} tokens"
    if not prepared.cached:
        line += f", in {prepared.seconds_of_work:.2f} s"
    if prepared.replaced:
        line += ", replaces the voice of that name"
    is_heard = prepared.voice.transcript_source == "heard"
    return line + (f", heard: {prepared.voice.transcript}" if is_heard else "")
