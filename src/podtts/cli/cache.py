"""`podtts cache`: prepared voices on this machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from podtts.cli.messages import say, warn
from podtts.cli.options import CacheDirOption, JsonFlag
from podtts.cli.places import cache_root

if TYPE_CHECKING:
    from podtts.prompts.cache import PromptEntry

app = typer.Typer(help="Show and remove prepared voices.", no_args_is_help=True)


@dataclass(frozen=True)
class Row:
    """A voice and its prompt; without one where the prompt is gone or was never made."""

    voice: str
    audio_sha256: str
    entry: PromptEntry | None

    def as_json(self) -> dict[str, object]:
        entry = self.entry
        return {
            "voice": self.voice,
            "audio_sha256": self.audio_sha256,
            "encoders_sha256": entry.key.encoders_sha256 if entry else None,
            "seconds": entry.seconds if entry else None,
            "tokens": entry.tokens if entry else None,
            "bytes": entry.size_bytes if entry else None,
            "path": str(entry.path) if entry else None,
        }

    def as_line(self) -> str:
        if not (entry := self.entry):
            return f"{self.voice:<16} no prompt: run podtts prep"
        return (
            f"{self.voice:<16} {entry.seconds:5.1f} s {entry.tokens:5d} tokens "
            f"{entry.size_bytes / 1024:7.0f} KiB  {entry.path}"
        )


@app.command("ls")
def ls(cache_dir: CacheDirOption = None, as_json: JsonFlag = False) -> None:
    """List prepared voices, one a row."""
    rows = _rows(cache_root(cache_dir))
    if as_json:
        print(json.dumps([row.as_json() for row in rows], ensure_ascii=False, indent=2))
        return
    for row in rows:
        print(row.as_line())
    if not rows:
        say("no voices yet; prepare some with podtts prep PATH")


@app.command("path")
def path(cache_dir: CacheDirOption = None) -> None:
    """Print the folder prepared voices are in."""
    print(cache_root(cache_dir))


@app.command("rm")
def rm(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The voice to remove.")],
    cache_dir: CacheDirOption = None,
) -> None:
    """Remove a voice, and its prompts unless another voice has the same recording."""
    from podtts.prompts.cache import PromptCache
    from podtts.prompts.voices import VoiceStore, forget_voice

    root = cache_root(cache_dir)
    removed = forget_voice(name, VoiceStore(root), PromptCache(root, warn))
    print(f"removed voice {name} and {len(removed)} prompt" + ("s" if len(removed) != 1 else ""))


def _rows(root: Path) -> list[Row]:
    """One row a voice; of prompts for several models, the one made last."""
    from podtts.prompts.cache import PromptCache
    from podtts.prompts.voices import VoiceStore

    newest: dict[str, PromptEntry] = {}
    for entry in sorted(PromptCache(root, warn).entries(), key=_written):
        newest[entry.key.audio_sha256] = entry
    return [
        Row(voice.name, voice.audio_sha256, newest.get(voice.audio_sha256))
        for voice in VoiceStore(root).list()
    ]


def _written(entry: PromptEntry) -> float:
    return entry.path.stat().st_mtime
