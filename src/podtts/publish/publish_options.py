"""Options of publishing: the layout of an episode, and its files. They do not affect synthesis."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from podtts.audio.bitrates import bitrates
from podtts.errors import UsageError, nearest
from podtts.options import one_of
from podtts.rates import OUTPUT_HZ

if TYPE_CHECKING:
    from podtts.audio.pictures import Picture

AudioFormat = Literal["wav", "flac", "mp3", "ogg", "opus", "m4a", "m4b"]
FORMATS: tuple[AudioFormat, ...] = ("wav", "flac", "mp3", "ogg", "opus", "m4a", "m4b")
WITH_PYAV: tuple[AudioFormat, ...] = ("m4a", "m4b")  # formats that the package av writes
WITH_COVER: tuple[AudioFormat, ...] = ("flac", "mp3", "m4a", "m4b")
WITH_SIGNATURE: tuple[AudioFormat, ...] = ("wav", "flac", "mp3", "m4a", "m4b")
LOSSLESS: tuple[AudioFormat, ...] = ("wav", "flac")
SAMPLE_RATES = (OUTPUT_HZ, 44_100, 48_000)
Split = Literal["turns", "speakers"]
SPLITS: tuple[Split, ...] = ("turns", "speakers")
Subtitles = Literal["srt", "vtt", "json"]
SUBTITLES: tuple[Subtitles, ...] = ("srt", "vtt", "json")
PageAudio = Literal["embed", "link"]
PAGE_AUDIO: tuple[PageAudio, ...] = ("embed", "link")
PageBeside = Literal["beside"]
BESIDE: PageBeside = "beside"  # a page beside the output, with the same name

MAX_GAP_SECONDS = 10.0
MIN_LUFS, MAX_LUFS = -50.0, -5.0
MAX_MUSIC_BELOW_LU = 60.0
MAX_TITLE = 500  # characters
# Options that version 0.1.0 did not have.
_LATER = (
    "balance",
    "bitrate_kbps",
    "cover",
    "credentials",
    "intro",
    "outro",
    "music",
    "music_below_lu",
)

T = TypeVar("T", bound=str)


@dataclass(frozen=True)
class LayoutOptions:
    """The gaps between turns, and trimming of the turns."""

    gap_seconds: float = 0.25  # between turns of two speakers
    same_speaker_gap_seconds: float | None = None  # between turns of one speaker; None: the same
    trim_silence: bool = False  # remove silence from both ends of every turn

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
class Credentials:
    """The files that an episode is signed with (C2PA), both PEM."""

    certificate: str  # path of the certificate, followed by those that vouch for it
    key: str  # path of its private key


@dataclass(frozen=True)
class MusicFile:
    """An audio file that is mixed with the speech; see `podtts.publish.music_files`."""

    path: str
    sha256: str  # of its bytes, hexadecimal


@dataclass(frozen=True)
class PublishOptions:
    """The files of an episode."""

    layout: LayoutOptions = field(default_factory=LayoutOptions)
    format: AudioFormat = "wav"
    rate_hz: int = OUTPUT_HZ
    loudness_lufs: float | None = None  # target for the whole episode; None: do not change it
    balance: bool = False  # bring all speakers to the same loudness
    splits: tuple[Split, ...] = ()
    subtitles: tuple[Subtitles, ...] = ()
    chapters: bool = False
    transcript: bool = False
    page: Path | PageBeside | None = None  # path of a web page; None: no page
    page_audio: PageAudio = "embed"  # the page contains the audio, or links to the output
    title: str = ""  # empty: the script's name
    artist: str = ""
    date: str = ""  # YYYY-MM-DD; empty: the day on which the run started
    bitrate_kbps: int | None = None  # None: the default quality of the format
    cover: Picture | None = None
    credentials: Credentials | None = None  # sign the episode; None: do not
    intro: MusicFile | None = None  # before the speech
    outro: MusicFile | None = None  # behind the speech
    music: MusicFile | None = None  # under the speech
    music_below_lu: float = 18.0  # how much quieter than the speech that is

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
        if self.loudness_lufs is not None and not (MIN_LUFS <= self.loudness_lufs <= MAX_LUFS):
            raise UsageError(
                f"loudness is {self.loudness_lufs}, but must be {MIN_LUFS:g} to {MAX_LUFS:g} LUFS",
                "podcasts are -16 in stereo and -19 in mono",
            )
        if not 0 <= self.music_below_lu <= MAX_MUSIC_BELOW_LU:
            raise UsageError(
                f"music-below is {self.music_below_lu}, but must be 0 to {MAX_MUSIC_BELOW_LU:g} LU"
            )
        for what, text in (("title", self.title), ("artist", self.artist)):
            if len(text) > MAX_TITLE or not text.isprintable():
                raise UsageError(f"{what} must be a single line of at most {MAX_TITLE} characters")
        if self.date:
            _check_date(self.date)
        if self.bitrate_kbps is not None:
            _check_bitrate(self.bitrate_kbps, self.format, self.rate_hz)
        for what, value, formats in (
            ("cover", self.cover, WITH_COVER),
            ("c2pa", self.credentials, WITH_SIGNATURE),
        ):
            if value is not None and self.format not in formats:
                raise UsageError(
                    f"{what}: {self.format} files have no place for it",
                    f"use {', '.join(formats)}",
                )

    @property
    def plain(self) -> bool:
        """Whether the mix itself is the audio file: WAV, 24 kHz, original loudness."""
        return (
            self.format == "wav"
            and self.rate_hz == OUTPUT_HZ
            and self.loudness_lufs is None
            and not self.balance
            and not self.music_files
        )

    @property
    def music_files(self) -> dict[str, MusicFile]:
        """The files that are mixed with the speech, by the names of their options."""
        files = {"intro": self.intro, "outro": self.outro, "music": self.music}
        return {name: file for name, file in files.items() if file is not None}

    @property
    def split_format(self) -> AudioFormat:
        """The format of the parts: always lossless, because they must sum to the mix."""
        return self.format if self.format in LOSSLESS else "wav"

    def recorded(self) -> dict[str, Any]:
        """The options as a batch records them in the digest of an episode, as JSON values.

        Options that came later are left out at their default, so that earlier records stay valid.
        """
        values, defaults = asdict(self), asdict(PublishOptions())
        if self.cover is not None:
            values["cover"] = hashlib.sha256(self.cover.data).hexdigest()
        values |= {name: file.sha256 for name, file in self.music_files.items()}
        return {
            name: value
            for name, value in values.items()
            if name not in _LATER or value != defaults[name]
        }

    def option_that_needs_a_file(self) -> str | None:
        """Return the first option set that needs an output file instead of a stream, or None."""
        is_set = {
            "--loudness": self.loudness_lufs is not None,
            "--balance": self.balance,
            "--split": bool(self.splits),
            "--subtitles": bool(self.subtitles),
            "--chapters": self.chapters,
            "--transcript": self.transcript,
            "--page": self.page is not None,
            "--cover": self.cover is not None,
            **{f"--{name}": True for name in self.music_files},
            "--c2pa": self.credentials is not None,
            f"--format {self.format}": self.format in WITH_PYAV,
        }
        return next((option for option, value in is_set.items() if value), None)


def choose_format(output: str, name: str | None, *, is_stream: bool) -> AudioFormat:
    """Return the format of an output, from --format or from the ending of the file name.

    Raises UsageError when neither gives a format, or when they differ.
    """
    ending = "" if is_stream else PurePath(output).suffix.lower().removeprefix(".")
    by_flag = one_of(FORMATS, "format", name) if name is not None else None
    by_ending = one_of(FORMATS, "format", ending) if ending in FORMATS else None
    if by_flag and by_ending and by_flag != by_ending:
        raise UsageError(
            f"{output} ends in .{ending}, but --format is {by_flag}", "use only one of the two"
        )
    if chosen := by_flag or by_ending or ("wav" if is_stream else None):
        return chosen
    raise UsageError(
        f"{output} does not end in {', '.join('.' + known for known in FORMATS)}"
        f"{nearest(ending, FORMATS)}",
        "use one of these endings, or --format",
    )


def parse_names(
    value: str | Sequence[str] | None, names: tuple[T, ...], what: str
) -> tuple[T, ...]:
    """Return the names in a list or in a text such as `srt,vtt`, each once; () for None.

    Raises UsageError for an unknown name, with the nearest known name.
    """
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    return tuple(dict.fromkeys(one_of(names, what, name) for name in value or ()))


def _check_bitrate(kbps: int, kind: AudioFormat, rate_hz: int) -> None:
    if (limits := bitrates(kind, rate_hz)) is None:
        formats = ", ".join(name for name in FORMATS if bitrates(name, rate_hz))
        raise UsageError(f"{kind} has no bitrate to choose", f"use one of {formats}")
    low, high = limits
    if not low <= kbps <= high:
        raise UsageError(
            f"bitrate is {kbps}, but must be {low} to {high} kbit/s for {kind} at {rate_hz} Hz"
        )


def _check_date(text: str) -> None:
    try:
        is_valid = re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) and date.fromisoformat(text)
    except ValueError:
        is_valid = None
    if not is_valid:
        raise UsageError(f"date is {text!r}, but must be a day", "write it as 2026-01-31")
