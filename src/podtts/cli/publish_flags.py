"""Flags that decide which files an episode becomes. They do not change what is synthesized."""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from podtts.audio.pictures import read_picture
from podtts.cli.flag_groups import FlagGroup
from podtts.cli.flags import named_path
from podtts.errors import UsageError
from podtts.publish.music_files import checked_music
from podtts.publish.option_names import MUSIC, NEEDS, override_options
from podtts.publish.publish_options import Credentials, PageBeside, PublishOptions

_DEFAULT = PublishOptions()
_LAST_SECOND = 253_402_300_799  # of the year 9999


@dataclass(frozen=True)
class PublishFlags(FlagGroup):
    """Pauses, loudness, files and metadata, as far as `synth` and `batch` have the same flags."""

    gap: Annotated[
        float, typer.Option("--gap", metavar="SECONDS", help="Silence between turns.")
    ] = _DEFAULT.layout.gap_seconds
    gap_same_speaker: Annotated[
        float | None,
        typer.Option(
            "--gap-same-speaker",
            metavar="SECONDS",
            help="Silence between two turns of the same speaker; default: as --gap.",
        ),
    ] = None
    trim_silence: Annotated[
        bool,
        typer.Option(
            "--trim-silence",
            help="Remove silence below -50 dBFS from both ends of every turn, but keep 30 ms.",
        ),
    ] = False
    sample_rate: Annotated[
        int, typer.Option("--sample-rate", metavar="HZ", help="24000, 44100 or 48000.")
    ] = _DEFAULT.rate_hz
    loudness: Annotated[
        float | None,
        typer.Option(
            "--loudness",
            metavar="LUFS",
            help="Loudness of the episode; usual for podcasts: -16 in stereo, -19 in mono.",
        ),
    ] = None
    balance: Annotated[
        bool,
        typer.Option(
            "--balance", help="Bring all speakers to the same loudness, with one gain for each."
        ),
    ] = False
    intro: Annotated[
        Path | None,
        typer.Option(
            "--intro",
            metavar="FILE",
            parser=named_path,
            help="Audio file to begin with, as loud as the speech.",
        ),
    ] = None
    outro: Annotated[
        Path | None,
        typer.Option(
            "--outro",
            metavar="FILE",
            parser=named_path,
            help="Audio file to end with, as loud as the speech.",
        ),
    ] = None
    music: Annotated[
        Path | None,
        typer.Option(
            "--music",
            metavar="FILE",
            parser=named_path,
            help="Audio file under the speech, repeated or cut; it comes up in long pauses.",
        ),
    ] = None
    music_below: Annotated[
        float | None,
        typer.Option(
            "--music-below",
            metavar="LU",
            help="How much quieter --music is than the speech.  "
            f"[default: {_DEFAULT.music_below_lu:g}]",
        ),
    ] = None
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            metavar="KIND,KIND",
            help="Also write turns (a file each), speakers (a stem each; their sum is the "
            "episode), or both.",
        ),
    ] = None
    subtitles: Annotated[
        str | None,
        typer.Option(
            "--subtitles",
            metavar="KIND,KIND",
            help="Also write subtitles: srt, vtt, json, or several of them.",
        ),
    ] = None
    chapters: Annotated[
        bool,
        typer.Option("--chapters", help="Also write the script's headings as chapters (JSON)."),
    ] = False
    transcript: Annotated[
        bool, typer.Option("--transcript", help="Also write a transcript (Markdown).")
    ] = False
    page_audio: Annotated[
        str | None,
        typer.Option(
            "--page-audio",
            metavar="HOW",
            help="embed: the page contains the audio (22 MB an hour); link: it plays the "
            f"audio file.  [default: {_DEFAULT.page_audio}]",
        ),
    ] = None
    title: Annotated[
        str,
        typer.Option(
            "--title",
            metavar="TEXT",
            help="Title; default: the script's name, in a batch the episode's id.",
        ),
    ] = ""
    artist: Annotated[str, typer.Option("--artist", metavar="TEXT", help="Artist or author.")] = ""
    date: Annotated[
        str, typer.Option("--date", metavar="YYYY-MM-DD", help="Date; default: today.")
    ] = ""
    bitrate: Annotated[
        int | None,
        typer.Option(
            "--bitrate",
            metavar="KBPS",
            help="Bitrate of MP3 (constant), Opus or M4A in kbit/s; default: a quality that suits "
            "speech.",
        ),
    ] = None
    cover: Annotated[
        Path | None,
        typer.Option(
            "--cover",
            metavar="FILE",
            parser=named_path,
            help="Picture (JPEG or PNG) inside MP3, M4A, M4B or FLAC.",
        ),
    ] = None
    c2pa: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--c2pa",
            metavar="CERT KEY",
            help="Sign WAV, FLAC, MP3, M4A or M4B as made by a model: certificate and private key "
            "(PEM). "
            "Signed files carry a time and do not repeat byte for byte.",
        ),
    ] = None

    def options(self, audio_format: str, page: Path | PageBeside | None) -> PublishOptions:
        """Return the options of publishing.

        Raises UsageError for values that are not allowed, and for a cover that cannot be read; also
        for a wrong SOURCE_DATE_EPOCH: the date is needed late, when all turns are finished.
        Raises AudioError for music that cannot be used.
        """
        today()
        values = asdict(self)
        values["cover"] = read_picture(self.cover) if self.cover is not None else None
        values["c2pa"] = Credentials(*self.c2pa) if self.c2pa is not None else None
        for name in MUSIC:
            values[name] = checked_music(values[name]) if values[name] is not None else None
        for name in NEEDS.keys() - self.given():
            del values[name]
        return override_options(_DEFAULT, {**values, "format": audio_format, "page": page})

    def given(self) -> set[str]:
        """Return the names of the flags that need another one and are given."""
        return {name for name in NEEDS if getattr(self, name) is not None}


def today() -> str:
    """Return the date of an episode: SOURCE_DATE_EPOCH's, for repeatable builds, or today's.

    Raises UsageError for a SOURCE_DATE_EPOCH that is no date. Empty is as if it were not set.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not epoch:
        return date.today().isoformat()
    if not re.fullmatch("[0-9]{1,12}", epoch) or int(epoch) > _LAST_SECOND:
        raise UsageError(
            f"SOURCE_DATE_EPOCH={epoch} is no number of seconds since 1970 up to the year 9999",
            "correct it, or: unset SOURCE_DATE_EPOCH",
        )
    return datetime.fromtimestamp(int(epoch), UTC).date().isoformat()
