"""`podtts voices`: lists the voices that can speak, and lets them be heard."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from podtts.cli.flag_groups import with_flag_groups
from podtts.cli.flags import JsonFlag, ModelFlags, named_path
from podtts.cli.messages import say, warn
from podtts.errors import UsageError

if TYPE_CHECKING:
    from podtts.prompts.voice_list import ListedVoice


@with_flag_groups
def voices(
    model_flags: ModelFlags,
    samples: Annotated[
        Path | None,
        typer.Option(
            "--samples",
            metavar="DIR",
            parser=named_path,
            help="Write what the model has of every recording to DIR/NAME.wav.",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the voices that can speak: language, seconds, consent, and a sample to play."""
    from podtts.prompts.voice_list import listed_voices
    from podtts.weights.voices import checkpoint_voices

    directory = model_flags.directory()
    sources = checkpoint_voices(directory, model_flags.cache_root(), None, warn)
    known = [*listed_voices(sources, lambda error: warn(f"{error.problem}; {error.hint}"))]
    if samples is not None:
        known = _with_samples(known, directory, samples)
    if as_json:
        print(json.dumps([_as_json(voice) for voice in known], ensure_ascii=False, indent=2))
        return
    for voice in known:
        print(_as_line(voice))
    if not known:
        say("no voice can speak with this model; prepare some with podtts prep PATH")


def _with_samples(known: Sequence[ListedVoice], directory: Path, folder: Path) -> list[ListedVoice]:
    """Write a sample of every voice that is prepared for the model."""
    from podtts.audio.wav import WavWriter
    from podtts.prompts.entry import features_of
    from podtts.vocoder.resynthesis import resynthesize
    from podtts.weights.load import load_vocoder

    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", f"run: mkdir -p {folder}")
    vocoder = load_vocoder(directory)
    written = []
    for voice in known:
        if voice.prompt is not None:
            sample = folder / f"{voice.name}.wav"
            with WavWriter(sample) as file:
                file.write(resynthesize(vocoder, features_of(voice.prompt.tensors).mel))
            voice = replace(voice, sample=sample)
        written.append(voice)
    return written


def _as_json(voice: ListedVoice) -> dict[str, object]:
    return {
        "voice": voice.name,
        "origin": voice.origin,
        "language": voice.language,
        "seconds": voice.seconds,
        "consent": voice.consent or None,
        "sample": str(voice.sample) if voice.sample else None,
    }


def _as_line(voice: ListedVoice) -> str:
    seconds = "" if voice.seconds is None else f", {voice.seconds:.1f} s"
    sample = f"; sample: {voice.sample}" if voice.sample else ""
    consent = voice.consent or "not recorded"
    return f"{voice.name}: {voice.origin}, {voice.language}{seconds}, consent: {consent}{sample}"
