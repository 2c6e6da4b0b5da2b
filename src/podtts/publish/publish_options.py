"""How an episode is laid out and which files come of it. Nothing here changes what is spoken."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePath
from typing import Literal, TypeVar

from podtts.errors import UsageError, nearest
from podtts.options import one_of
from podtts.rates import OUTPUT_HZ

AudioFormat = Literal["wav", "flac", "mp3", "ogg", "opus"]
FORMATS: tuple[AudioFormat, ...] = ("wav", "flac", "mp3", "ogg", "opus")
LOSSLESS: tuple[AudioFormat, ...] = ("wav", "flac")
SAMPLE_RATES = (OUTPUT_HZ, 44_100, 48_000)
Split = Literal["turns", "speakers"]
SPLITS: tuple[Split, ...] = ("turns", "speakers")
Subtitles = Literal["srt", "vtt", "json"]
SUBTITLES: tuple[Subtitles, ...] = ("srt", "vtt", "json")
PageAudio = Literal["embed", "link"]
PAGE_AUDIO: tuple[PageAudio, ...] = ("embed", "link")
PageBeside = Literal["beside"]
BESIDE: PageBeside = "beside"  # a page beside the output, of its name

MAX_GAP_SECONDS = 10.0
QUIETEST_LUFS, LOUDEST_LUFS = -50.0, -5.0
MAX_TITLE = 500  # characters: beyond, it is no title

T = TypeVar("T", bound=str)


@dataclass(frozen=True)
class LayoutOptions:
    """What stands between turns, and what is cut off them."""

    gap_seconds: float = 0.25  # between turns of two speakers
    same_speaker_gap_seconds: float | None = None  # between turns of one speaker; None: the same
    trim_silence: bool = False  # cut silence off both ends of every turn

    def __post_init__(self) -> None:
        for name, seconds in (
            ("gap", self.gap_seconds),
            ("gap-same-speaker", self.same_speaker_gap_seconds),
        ):
            if seconds is not None and not 0 <= seconds <= MAX_GAP_SECONDS:
                raise UsageError(
                    f"{name} is {seconds}, but must be 0 to {MAX_GAP_SECONDS:g} seconds"
                )


@dataclass(frozen=True)
class PublishOptions:
    """The files of an episode."""

    layout: LayoutOptions = field(default_factory=LayoutOptions)
    format: AudioFormat = "wav"
    rate_hz: int = OUTPUT_HZ
    loudness_lufs: float | None = None  # of the whole episode; None: as it was spoken
    splits: tuple[Split, ...] = ()
    subtitles: tuple[Subtitles, ...] = ()
    chapters: bool = False
    transcript: bool = False
    page: Path | PageBeside | None = None  # a web page of it; None: none
    page_audio: PageAudio = "embed"  # the page holds the sound, or points to the output
    title: str = ""  # empty: the script's name
    artist: str = ""
    date: str = ""  # YYYY-MM-DD; empty: the day the run began

    def __post_init__(self) -> None:
        one_of(FORMATS, "format", self.format)
        for name in self.splits:
            one_of(SPLITS, "split", name)
        for kind in self.subtitles:
            one_of(SUBTITLES, "subtitles", kind)
        one_of(PAGE_AUDIO, "page-audio", self.page_audio)
        if self.rate_hz not in SAMPLE_RATES:
            raise UsageError(
                f"sample-rate is {self.rate_hz}, but must be {', '.join(map(str, SAMPLE_RATES))}"
            )
        if self.format == "opus" and self.rate_hz == 44_100:
            raise UsageError("opus has no sample rate of 44100", "use 24000 or 48000")
        if self.loudness_lufs is not None and not (
            QUIETEST_LUFS <= self.loudness_lufs <= LOUDEST_LUFS
        ):
            raise UsageError(
                f"loudness is {self.loudness_lufs}, but must be "
                f"{QUIETEST_LUFS:g} to {LOUDEST_LUFS:g} LUFS",
                "podcasts are -16 in stereo and -19 in mono",
            )
        for what, text in (("title", self.title), ("artist", self.artist)):
            if len(text) > MAX_TITLE or not text.isprintable():
                raise UsageError(f"{what} is no single line of at most {MAX_TITLE} characters")
        if self.date:
            _check_date(self.date)

    @property
    def plain(self) -> bool:
        """Whether the mix as it grows while turns are spoken is the file that is wanted."""
        return self.format == "wav" and self.rate_hz == OUTPUT_HZ and self.loudness_lufs is None

    @property
    def split_format(self) -> AudioFormat:
        """What parts are written as: without loss, or they would not sum to the mix."""
        return self.format if self.format in LOSSLESS else "wav"

    def needing_a_file(self) -> str | None:
        """The first option that works only beside a file, or on all of one; None for none."""
        wanted = {
            "--loudness": self.loudness_lufs is not None,
            "--split": bool(self.splits),
            "--subtitles": bool(self.subtitles),
            "--chapters": self.chapters,
            "--transcript": self.transcript,
            "--page": self.page is not None,
        }
        return next((option for option, is_wanted in wanted.items() if is_wanted), None)


def choose_format(output: str, name: str | None, *, is_stream: bool) -> AudioFormat:
    """The format of an output: by --format, or by the ending of the file's name.

    Raises UsageError where neither says one, or where they differ.
    """
    ending = "" if is_stream else PurePath(output).suffix.lower().removeprefix(".")
    told = one_of(FORMATS, "format", name) if name is not None else None
    shown = one_of(FORMATS, "format", ending) if ending in FORMATS else None
    if told and shown and told != shown:
        raise UsageError(
            f"{output} ends in .{ending}, but --format is {told}", "leave out one of the two"
        )
    if chosen := told or shown or ("wav" if is_stream else None):
        return chosen
    raise UsageError(
        f"{output} does not end in {', '.join('.' + known for known in FORMATS)}"
        f"{nearest(ending, FORMATS)}",
        "name such a file, or give --format",
    )


def parse_names(
    given: str | Sequence[str] | None, names: tuple[T, ...], what: str
) -> tuple[T, ...]:
    """Names of a list or of a text such as `srt,vtt`, each once; none for None.

    Raises UsageError, with the nearest.
    """
    if isinstance(given, str):
        given = [part.strip() for part in given.split(",")]
    return tuple(dict.fromkeys(one_of(names, what, name) for name in given or ()))


def _check_date(text: str) -> None:
    try:
        well_formed = re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) and date.fromisoformat(text)
    except ValueError:
        well_formed = None
    if not well_formed:
        raise UsageError(f"date is {text!r}, but must be a day", "write it as 2026-01-31")
