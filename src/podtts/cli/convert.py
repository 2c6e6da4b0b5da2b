"""`podtts convert`: writes a script of another tool in podtts' own form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from podtts.cli.flag_groups import with_flag_groups
from podtts.cli.flags import CacheDirOption, ScriptArgument, ScriptFlags, named_path
from podtts.cli.locations import cache_root
from podtts.cli.messages import warn
from podtts.cli.scripts import read_written_script
from podtts.cli.text_files import check_text_file, write_text_file
from podtts.errors import UsageError


@with_flag_groups
def convert(
    script: ScriptArgument,
    script_flags: ScriptFlags,
    cache_dir: CacheDirOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            parser=named_path,
            help="Text file; default: stdout.",
        ),
    ] = None,
) -> None:
    """Write what was understood of a script in podtts' own form.

    Reads subtitles, JSON, Markdown and the labels of other tools. Converting the result again
    gives the same text. --speaker writes voices into it.
    """
    from podtts.script.cast import cast_voices
    from podtts.script.own_form import own_form

    if output is not None:
        check_text_file(output)
    written = read_written_script(script, script_flags.reading(cache_root(cache_dir)))
    if output is not None and script != "-" and output.exists() and output.samefile(script):
        raise UsageError(f"-o {output} is the script itself", "choose another file")
    overrides = script_flags.voice_overrides()
    cast_voices(written, overrides)  # refuses labels that the script does not have
    for warning in written.warnings:
        warn(warning)
    for label, prompt in written.prompts.items():
        if label not in overrides:
            warn(
                f"{written.source}: the recording of {label}, {prompt.audio}, is not in the "
                f"result: prepare it with podtts prep, then give --speaker {label}=VOICE"
            )
    text = own_form(replace(written, voices={**written.voices, **overrides}))
    if output is None:
        print(text, end="")
    else:
        write_text_file(output, text)
