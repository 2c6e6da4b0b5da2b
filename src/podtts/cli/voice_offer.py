"""Offers voices that come with podtts where nothing says who speaks S1, S2 and so on."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from podtts.errors import InputError, ScriptError

if TYPE_CHECKING:
    from podtts.prompts.lookup import VoiceSources
    from podtts.script.cast import CastMember
    from podtts.script.model import Script

_NUMBERED = re.compile(r"[Ss]\d+")


def offer_of_voices(
    script: Script, overrides: Mapping[str, str], sources: VoiceSources
) -> ScriptError | None:
    """Return an error for labels such as S1 without a voice, with a command that gives them one.

    Returns None if there are none, and for a model without voices of its own.
    """
    from podtts.script.cast import cast_voices

    _, *bundled = sources.libraries
    cast = cast_voices(script, overrides)
    taken = {member.voice for member in cast}
    offered = [name for library in bundled for name in library.voices.names() if name not in taken]
    unknown = [
        member
        for member in cast
        if _NUMBERED.fullmatch(member.label)
        and member.voice == member.label
        and member.prompt is None
        and not _is_found(script, member, sources)
    ]
    if not unknown or len(offered) < len(unknown):
        return None
    labels = [member.label for member in unknown]
    return ScriptError(
        script.source,
        unknown[0].line,
        f"nothing says who speaks {_listed(labels)}",
        f"to use voices that come with podtts, run: {_command(labels, offered)}",
    )


def _is_found(script: Script, member: CastMember, sources: VoiceSources) -> bool:
    """Whether a speaker has a voice."""
    try:
        sources.find(script, member)
    except InputError:
        return False
    return True


def _command(labels: Sequence[str], voices: Sequence[str]) -> str:
    """The command that was given, with a voice for every label."""
    flags = [
        word
        for label, voice in zip(labels, voices, strict=False)
        for word in ("--speaker", f"{label}={voice}")
    ]
    return shlex.join(["podtts", *sys.argv[1:], *flags])


def _listed(labels: Sequence[str]) -> str:
    *first, last = labels
    return f"{', '.join(first)} and {last}" if first else last
