"""`podtts cache`: lists, checks, exports and removes the prepared voices of this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from podtts.cli.amounts import format_bytes, parse_age, parse_bytes
from podtts.cli.flags import CacheDirOption, JsonFlag, named_path
from podtts.cli.help_groups import GroupWithSentences, PlainCommand
from podtts.cli.locations import cache_root
from podtts.cli.messages import say, warn
from podtts.errors import PartialError, UsageError
from podtts.text.counting import counted

if TYPE_CHECKING:
    from podtts.prompts.cache import PromptEntry
    from podtts.prompts.maintenance import Removed

app = typer.Typer(
    help="List, check, export and remove prepared voices.",
    cls=GroupWithSentences,
    no_args_is_help=True,
)


@dataclass(frozen=True)
class Row:
    """A voice and its prompt; None if the prompt was removed."""

    voice: str
    audio_sha256: str
    transcript_source: str
    entry: PromptEntry | None

    def as_json(self) -> dict[str, object]:
        entry = self.entry
        return {
            "voice": self.voice,
            "audio_sha256": self.audio_sha256,
            "transcript_source": self.transcript_source,
            "encoders_sha256": entry.key.encoders_sha256 if entry else None,
            "seconds": entry.seconds if entry else None,
            "tokens": entry.tokens if entry else None,
            "bytes": entry.size_bytes if entry else None,
            "path": str(entry.path) if entry else None,
        }

    def as_line(self) -> str:
        if not (entry := self.entry):
            return f"{self.voice:<16} no prompt: run podtts prep"
        heard = "  transcript heard" if self.transcript_source == "heard" else ""
        return (
            f"{self.voice:<16} {entry.seconds:5.1f} s {entry.tokens:5d} tokens "
            f"{entry.size_bytes / 1024:7.0f} KiB  {entry.path}{heard}"
        )


@app.command("ls", cls=PlainCommand)
def ls(cache_dir: CacheDirOption = None, as_json: JsonFlag = False) -> None:
    """List prepared voices, one per line."""
    rows = _rows(cache_root(cache_dir))
    if as_json:
        print(json.dumps([row.as_json() for row in rows], ensure_ascii=False, indent=2))
        return
    for row in rows:
        print(row.as_line())
    bundled = ", ".join(_bundled_names())
    if not rows:
        say("no voices of your own yet; prepare some with podtts prep PATH")
    say(f"{bundled} come with podtts, for the model mini: podtts voices lists everybody")


@app.command("path", cls=PlainCommand)
def path(cache_dir: CacheDirOption = None) -> None:
    """Print the folder of prepared voices."""
    print(cache_root(cache_dir))


@app.command("rm", cls=PlainCommand)
def rm(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The voice to remove.")],
    cache_dir: CacheDirOption = None,
) -> None:
    """Remove a voice, and its prompts unless another voice has the same recording."""
    from podtts.prompts.cache import PromptCache
    from podtts.prompts.voices import VoiceStore, forget_voice

    root = cache_root(cache_dir)
    removed = forget_voice(name, VoiceStore(root), PromptCache(root, warn))
    print(f"removed voice {name} and {counted(len(removed), 'prompt')}")


@app.command("verify", cls=PlainCommand)
def verify(cache_dir: CacheDirOption = None) -> None:
    """Check every file of the cache; damaged files are moved to the folder quarantine."""
    from podtts.prompts.cache import PromptCache
    from podtts.prompts.voices import VoiceStore
    from podtts.storage.verify import verify_sealed

    root = cache_root(cache_dir)
    for path in VoiceStore(root).seal_older():
        say(f"{path} had no digest, as podtts 0.1.0 wrote it: it has one now")
    checked = bad = 0
    for path, problem in chain(
        PromptCache(root, warn).verify(),
        VoiceStore(root).verify(),
        verify_sealed(root, "prefixes"),
        verify_sealed(root, "quantized"),
    ):
        checked += 1
        bad += problem is not None
        print(f"bad  {path}: {problem}" if problem else f"ok   {path}", flush=True)
    if bad:
        raise PartialError(
            f"{bad} of {counted(checked, 'file')} in {root} are damaged or cannot be read",
            "prepare the recordings of these voices again: podtts prep PATH",
        )
    say(f"{counted(checked, 'file')} in {root}, all sound")


@app.command("prune", cls=PlainCommand)
def prune(
    max_bytes: Annotated[
        str | None,
        typer.Option(
            "--max-bytes", metavar="SIZE", help="Keep prompts of at most this size (500M, 2G)."
        ),
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than", metavar="AGE", help="Remove what was not used for this time (30d, 12h)."
        ),
    ] = None,
    cache_dir: CacheDirOption = None,
) -> None:
    """Remove unneeded files: temporary and damaged ones, and the least recently used prompts.

    A voice stays in the list when its prompt is removed; prepare its recording again to use it.
    """
    from podtts.prompts import maintenance

    root = cache_root(cache_dir)
    largest = None if max_bytes is None else parse_bytes(max_bytes)
    oldest = None if older_than is None else parse_age(older_than)
    _report_removed(maintenance.prune(root, largest, oldest))


@app.command("clear", cls=PlainCommand)
def clear(
    yes: Annotated[bool, typer.Option("--yes", help="Remove without a question.")] = False,
    cache_dir: CacheDirOption = None,
) -> None:
    """Remove everything: all prompts and voices, and the quarantine."""
    from podtts.prompts import maintenance

    root = cache_root(cache_dir)
    contents = maintenance.contents(root)
    counts = ", ".join(f"{count} in {folder}" for folder, count in contents.items())
    if not yes:
        question = f"remove everything in {root} ({counts})"
        if sys.stdin is None or not sys.stdin.isatty():
            raise UsageError(f"nothing removed: --yes must be given to {question}")
        say(f"{question}? [y/N]")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise UsageError("nothing removed")
    _report_removed(maintenance.clear(root))


@app.command("export", cls=PlainCommand)
def export(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The voice to export.")],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", parser=named_path, help="File to write, such as anna.voice."
        ),
    ],
    cache_dir: CacheDirOption = None,
) -> None:
    """Write a voice to one file. It can be used on another machine without the recording.

    Ask the person whose voice it is for consent before.
    """
    from podtts.prompts.cache import PromptCache
    from podtts.prompts.voice_file import export_voice
    from podtts.prompts.voices import VoiceStore

    root = cache_root(cache_dir)
    entry = export_voice(name, VoiceStore(root), PromptCache(root, warn), file)
    print(f"exported voice {name} to {file}: {_amount(entry)}")


@app.command("import", cls=PlainCommand)
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", parser=named_path, help="A file that podtts cache export wrote."
        ),
    ],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Another name for the voice.")
    ] = None,
    cache_dir: CacheDirOption = None,
) -> None:
    """Add a voice from a file, after a check of every part."""
    from podtts.prompts.cache import PromptCache
    from podtts.prompts.voice_file import import_voice
    from podtts.prompts.voices import VoiceStore

    root = cache_root(cache_dir)
    imported = import_voice(file, VoiceStore(root), PromptCache(root, warn), name)
    line = f"imported voice {imported.voice.name}: {_amount(imported.entry)}"
    print(line + (", replaces the voice of that name" if imported.replaced else ""))


def _report_removed(files: Iterable[Removed]) -> None:
    """Print every file as it is removed. Raises PartialError if some could not be removed."""
    count = size = failed = 0
    for removed in files:
        if removed.problem:
            failed += 1
            warn(f"{removed.path}: {removed.problem}")
        else:
            count += 1
            size += removed.size_bytes
            amount = format_bytes(removed.size_bytes)
            print(f"removed {removed.path} ({amount}, {removed.reason})", flush=True)
    say(f"{counted(count, 'file')} removed, {format_bytes(size)}")
    if failed:
        raise PartialError(
            f"{counted(failed, 'file')} could not be removed",
            "check the permissions of their folders",
        )


def _bundled_names() -> Iterable[str]:
    from podtts.hub.bundled import bundled_cache
    from podtts.prompts.voices import VoiceStore

    return VoiceStore(bundled_cache()).names()


def _amount(entry: PromptEntry) -> str:
    return f"{entry.seconds:.1f} s, {entry.tokens} tokens"


def _rows(root: Path) -> list[Row]:
    """Return a row for every voice, with the prompt of the model that was used last."""
    from podtts.prompts.cache import PromptCache
    from podtts.prompts.voices import VoiceStore

    newest: dict[str, PromptEntry] = {}
    for entry in sorted(PromptCache(root, warn).entries(), key=lambda entry: entry.used):
        newest[entry.key.audio_sha256] = entry
    return [
        Row(
            voice.name,
            voice.audio_sha256,
            voice.transcript_source,
            newest.get(voice.audio_sha256),
        )
        for voice in VoiceStore(root).readable(lambda error: warn(f"{error.problem}; {error.hint}"))
    ]
