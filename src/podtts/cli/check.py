"""`podtts check`: what `synth` would speak, without speaking it."""

from __future__ import annotations

from typing import Annotated

import typer

from podtts.cli.flags import (
    CacheDirOption,
    JsonFlag,
    LexiconOption,
    ModelOption,
    NormalizeOption,
    ScriptArgument,
    SpeakerOption,
    SpeakersOption,
)
from podtts.cli.locations import cache_root, model_directory
from podtts.cli.preview import make_preview, show_preview
from podtts.cli.scripts import read_spoken


def check(
    script: ScriptArgument,
    speaker: SpeakerOption = None,
    speakers: SpeakersOption = None,
    model: ModelOption = None,
    cache_dir: CacheDirOption = None,
    lexicon: LexiconOption = None,
    normalize: NormalizeOption = True,
    text: Annotated[
        bool, typer.Option("--text", help="Print the whole text of turns as it will be spoken.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """List a script's turns, voices and estimated minutes; warn of what may go wrong.

    Nothing is spoken and no model is loaded. Ends as synth would: what it would refuse is refused.
    """
    from podtts.script.cast import parse_speaker_flags

    spoken = read_spoken(script, lexicon, normalize=normalize)
    overrides = parse_speaker_flags(speaker or [])
    root, directory = cache_root(cache_dir), model_directory(model)
    plan = make_preview(spoken, overrides, directory, root, speakers)
    show_preview(plan, spoken=text, as_json=as_json)
