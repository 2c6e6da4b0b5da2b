"""`podtts check`: lists what `podtts synth` would synthesize."""

from __future__ import annotations

from typing import Annotated

import typer

from podtts.cli.flag_groups import with_flag_groups
from podtts.cli.flags import JsonFlag, ModelFlags, ScriptArgument, ScriptFlags
from podtts.cli.preview import make_preview, show_preview
from podtts.cli.scripts import read_spoken_script


@with_flag_groups
def check(
    script: ScriptArgument,
    script_flags: ScriptFlags,
    model_flags: ModelFlags,
    text: Annotated[
        bool,
        typer.Option(
            "--text",
            help="Print the whole text of every turn; where it is spoken otherwise, both forms.",
        ),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """List a script's turns, voices and estimated length, and warn of likely problems.

    Loads no model and synthesizes nothing. Ends with the exit code that synth would have.
    """
    speech, root = script_flags.speech_text(), model_flags.cache_root()
    spoken = read_spoken_script(script, speech, script_flags.reading(root))
    overrides, directory = script_flags.voice_overrides(), model_flags.directory()
    preview = make_preview(spoken, overrides, directory, root, script_flags.speakers)
    show_preview(preview, full_text=text, as_json=as_json)
