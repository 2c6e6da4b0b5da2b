"""Options of `synth` and `batch` that decide which files an episode becomes, not what is spoken."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

GapOption = Annotated[
    float, typer.Option("--gap", metavar="SECONDS", help="Silence between turns.")
]
SameSpeakerGapOption = Annotated[
    float | None,
    typer.Option(
        "--gap-same-speaker",
        metavar="SECONDS",
        help="Silence between turns of one speaker; default: as --gap.",
    ),
]
TrimOption = Annotated[
    bool,
    typer.Option("--trim-silence", help="Cut what is below -50 dBFS off both ends of turns."),
]
FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help="wav, flac, mp3, ogg (Vorbis) or opus; default: by the name of OUT, wav for stdout.",
    ),
]
RateOption = Annotated[
    int, typer.Option("--sample-rate", metavar="HZ", help="24000, 44100 or 48000.")
]
LoudnessOption = Annotated[
    float | None,
    typer.Option(
        "--loudness",
        metavar="LUFS",
        help="Bring the episode to this loudness; podcasts: -16 in stereo, -19 in mono.",
    ),
]
SplitOption = Annotated[
    str | None,
    typer.Option(
        "--split",
        metavar="KIND,KIND",
        help="Also write turns (numbered files), speakers (stems that sum to the mix), or both.",
    ),
]
SubtitlesOption = Annotated[
    str | None,
    typer.Option("--subtitles", metavar="KIND,KIND", help="Also write srt, vtt, json."),
]
ChaptersOption = Annotated[
    bool, typer.Option("--chapters", help="Also write the script's headings as chapters (JSON).")
]
TranscriptOption = Annotated[
    bool, typer.Option("--transcript", help="Also write a transcript (Markdown).")
]
PageOption = Annotated[
    Path | None,
    typer.Option(
        "--page",
        metavar="FILE",
        help="Also write a web page in one file: player, waveform and transcript.",
    ),
]
PageAudioOption = Annotated[
    str,
    typer.Option(
        "--page-audio",
        metavar="HOW",
        help="embed: the page holds the sound (22 MB an hour); link: it plays OUT.",
    ),
]
TitleOption = Annotated[
    str, typer.Option("--title", metavar="TEXT", help="Of the episode; default: the script's name.")
]
ArtistOption = Annotated[
    str, typer.Option("--artist", metavar="TEXT", help="Who made the episode.")
]
DateOption = Annotated[
    str, typer.Option("--date", metavar="YYYY-MM-DD", help="Of the episode; default: today.")
]


def today() -> str:
    """The day an episode gets: that of SOURCE_DATE_EPOCH, for builds to repeat, or today."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isdecimal() and len(epoch) <= 11:  # seconds; more digits are beyond year 5000
        return datetime.fromtimestamp(int(epoch), UTC).date().isoformat()
    return date.today().isoformat()
