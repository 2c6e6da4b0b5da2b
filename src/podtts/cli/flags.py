"""Flags that several commands share: scripts, voices, models, logs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from podtts.cli.flag_groups import FlagGroup
from podtts.cli.locations import cache_root, model_directory

if TYPE_CHECKING:
    from podtts.script.reading import ReadingOptions
    from podtts.script.spoken import SpeechTextOptions


def named_path(text: str) -> Path:
    """The value of a flag that names a file or folder; an empty one would be the current folder."""
    if not text:
        raise typer.BadParameter("it is empty, and names no file or folder")
    return Path(text)


ScriptArgument = Annotated[
    str, typer.Argument(metavar="SCRIPT", help="A dialogue script; - reads it from stdin.")
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        envvar="PODTTS_MODEL",
        metavar="NAME|DIR",
        help="Name of a model (podtts model ls) or folder of a checkpoint.  [default: mini]",
    ),
]
CacheDirOption = Annotated[
    Path | None,
    typer.Option(
        "--cache-dir",
        envvar="PODTTS_CACHE_DIR",
        metavar="DIR",
        parser=named_path,
        help="Folder of prepared voices; podtts cache path prints the default.",
    ),
]
LexiconOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--lexicon",
        metavar="FILE",
        parser=named_path,
        help="Pronunciations, one word a line (repeatable).",
    ),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        max=1024,  # OpenMP ends the process when the system refuses a thread
        metavar="N",
        help="CPU threads; default: one per core.",
    ),
]
SeedOption = Annotated[
    int,
    typer.Option(
        "--seed",
        metavar="N",
        help="Seed of all random numbers; the same command with the same seed writes the same "
        "bytes.",
    ),
]
KeepOption = Annotated[
    bool,
    typer.Option(
        "--keep/--no-keep",
        help="Keep the journal of a finished episode (the folder OUT.podtts), for other files of "
        "the same turns and for --retake.",
    ),
]
PrefixCacheOption = Annotated[
    bool,
    typer.Option(
        "--prefix-cache/--no-prefix-cache",
        help="Store the LLM's state after the voices' prompts, so that the next run starts faster.",
    ),
]
QuietFlag = Annotated[bool, typer.Option("--quiet", "-q", help="Print warnings and errors only.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@dataclass(frozen=True)
class ScriptFlags(FlagGroup):
    """Who speaks, and how the text is turned into words."""

    speaker: Annotated[
        list[str] | None,
        typer.Option(
            "--speaker", metavar="LABEL=VOICE", help="Voice of a label of the script (repeatable)."
        ),
    ] = None
    speakers: Annotated[
        Path | None,
        typer.Option(
            "--speakers",
            metavar="DIR",
            parser=named_path,
            help="Folder of recordings (NAME.wav with NAME.txt); they win over prepared voices.",
        ),
    ] = None
    lexicon: LexiconOption = None
    normalize: Annotated[
        bool,
        typer.Option(
            "--normalize/--no-normalize", help="Write numbers, dates and units out as words."
        ),
    ] = True

    directions: Annotated[
        str,
        typer.Option(
            "--directions",
            metavar="MODE",
            help="What becomes of stage directions such as (laughs) or [pause]: tags and pauses "
            "(tags), nothing (drop), or an error (refuse).",
        ),
    ] = "tags"

    def reading(self, root: Path) -> ReadingOptions:
        """Return how scripts are read; root: of the cache, whose voices are known names.

        Raises UsageError for a bad --speaker, InputError for a bad --speakers.
        """
        from podtts.prompts.voice_names import voice_names
        from podtts.script.reading import ReadingOptions

        names = [*voice_names(root, self.speakers), *self.voice_overrides()]
        return ReadingOptions.of(names, self.directions)

    def voice_overrides(self) -> dict[str, str]:
        """Return the voices of --speaker by label. Raises UsageError."""
        from podtts.script.cast import parse_speaker_flags

        return parse_speaker_flags(self.speaker or [])

    def speech_text(self) -> SpeechTextOptions:
        """Return how texts become words; reads the lexicons. Raises InputError."""
        from podtts.script.spoken import SpeechTextOptions
        from podtts.text.lexicon import read_lexicons

        return SpeechTextOptions(read_lexicons(self.lexicon or []), self.normalize)


@dataclass(frozen=True)
class ModelFlags(FlagGroup):
    """The model, and the cache of prepared voices."""

    model: ModelOption = None
    cache_dir: CacheDirOption = None

    def directory(self) -> Path:
        """Return the checkpoint's folder. Raises ModelError if it does not exist."""
        return model_directory(self.model)

    def cache_root(self) -> Path:
        """Return the folder of the cache."""
        return cache_root(self.cache_dir)
