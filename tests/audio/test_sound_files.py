"""Metadata inside MP3, M4A, FLAC and WAV files, read by FFmpeg."""

import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import soundfile
from support.media import find, png, speechlike, tone

from podtts.audio.bitrates import bitrates
from podtts.audio.encoded import EncodedStream
from podtts.audio.flac_file import flac_file
from podtts.audio.id3 import id3_tag
from podtts.audio.m4a_file import m4a_file
from podtts.audio.metadata import MADE_BY_A_MODEL, NO_METADATA, AudioMetadata, ChapterMark
from podtts.audio.mp3_file import mp3_file
from podtts.audio.pictures import Picture, read_picture
from podtts.audio.sink import Sink
from podtts.audio.wav import WavWriter
from podtts.errors import UsageError

TAGS = AudioMetadata("Brücken, 桥", "A & B", "2026-01-31", "AI-generated speech", "podtts 0.1.0")
CHAPTERS = (ChapterMark("Eröffnung", 0, 1000), ChapterMark("The <end>", 1000, 3000))
COVER = Picture(png(), "image/png")
FULL = replace(TAGS, source_type=MADE_BY_A_MODEL, chapters=CHAPTERS, cover=COVER)
Open = Callable[[Path, AudioMetadata], AbstractContextManager[Sink]]
OpenWithBitrate = Callable[[Path, int, AudioMetadata, int], AbstractContextManager[Sink]]
FILES: dict[str, Open] = {
    "mp3": lambda path, tags: mp3_file(path, 24_000, tags),
    "m4a": lambda path, tags: m4a_file(path, 24_000, tags),
    "flac": lambda path, tags: flac_file(path, 24_000, tags),
    "wav": lambda path, tags: WavWriter(path, path, tags=tags),
}


def write(path: Path, tags: AudioMetadata, seconds: float = 3.0) -> Path:
    with FILES[path.suffix[1:]](path, tags) as sink:
        wave = tone(seconds, 24_000)
        for start in range(0, len(wave), 10_000):
            sink.write(wave[start : start + 10_000])
    return path


@pytest.mark.parametrize("kind", FILES)
def test_texts_are_read_back(kind: str, tmp_path: Path) -> None:
    found = find(write(tmp_path / f"talk.{kind}", FULL))
    texts = {name.lower(): text for name, text in found.texts.items()}
    assert (texts["title"], texts["artist"]) == (TAGS.title, TAGS.artist)
    assert texts["date"] == "2026-01-31"
    assert texts["comment"].startswith("AI-generated speech")
    assert 0 <= found.samples - 72_000 < 2500  # lossy encoders fill their last block


@pytest.mark.parametrize("kind", ["mp3", "m4a"])
def test_chapters_are_read_back(kind: str, tmp_path: Path) -> None:
    assert find(write(tmp_path / f"talk.{kind}", FULL)).chapters == [
        ("Eröffnung", 0.0, 1.0),
        ("The <end>", 1.0, 3.0),
    ]


@pytest.mark.parametrize("kind", ["mp3", "m4a", "flac"])
def test_a_cover_is_read_back(kind: str, tmp_path: Path) -> None:
    assert find(write(tmp_path / f"talk.{kind}", FULL)).cover == COVER.data
    assert find(write(tmp_path / f"plain.{kind}", TAGS)).cover is None


@pytest.mark.parametrize("kind", ["mp3", "m4a", "wav"])
def test_xmp_says_that_a_model_made_it(kind: str, tmp_path: Path) -> None:
    raw = write(tmp_path / f"talk.{kind}", FULL).read_bytes()
    start, stop = raw.index(b"<x:xmpmeta"), raw.index(b"</x:xmpmeta>") + 12
    packet = ElementTree.fromstring(raw[start:stop])
    [mark] = packet.iter("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
    assert mark.text == MADE_BY_A_MODEL
    before = {"mp3": b"XMP\0", "m4a": bytes.fromhex("be7acfcb97a942e89c71999491e3afac")}
    if kind == "wav":
        size = struct.unpack("<I", raw[raw.index(b"_PMX") + 4 :][:4])[0]
        assert raw.index(b"_PMX") + 8 + size >= stop
    else:
        assert raw[: raw.index(b"<?xpacket begin")].endswith(before[kind])


@pytest.mark.parametrize("kind", FILES)
def test_the_same_sound_gives_the_same_bytes(kind: str, tmp_path: Path) -> None:
    one, two = (write(tmp_path / name / f"talk.{kind}", FULL) for name in _folders(tmp_path))
    assert one.read_bytes() == two.read_bytes()
    assert {*tmp_path.glob("*/*")} == {one, two}  # and no leftovers


def _folders(folder: Path) -> tuple[str, str]:
    for name in ("one", "two"):
        (folder / name).mkdir()
    return "one", "two"


def test_formats_without_xmp_have_the_mark_in_the_comment(tmp_path: Path) -> None:
    for kind in ("flac", "ogg", "opus"):
        path = tmp_path / f"talk.{kind}"
        with path.open("x+b") as file, EncodedStream(file, kind, 24_000, FULL) as sink:
            sink.write(tone(1.0, 24_000))
        comment = f"AI-generated speech; digital source type: {MADE_BY_A_MODEL}"
        with soundfile.SoundFile(path) as sound:
            assert sound.comment == comment


@pytest.mark.parametrize(
    ("kind", "rate_hz", "kbps"),
    [
        ("mp3", 24_000, 48),
        ("mp3", 24_000, 128),
        ("mp3", 44_100, 192),
        ("opus", 24_000, 24),
        ("opus", 48_000, 96),
        ("m4a", 24_000, 48),
        ("m4a", 48_000, 128),
    ],
)
def test_a_bitrate_is_kept(kind: str, rate_hz: int, kbps: int, tmp_path: Path) -> None:
    path, wave = tmp_path / f"talk.{kind}", speechlike(20.0, rate_hz)
    if kind == "opus":
        with path.open("x+b") as file, EncodedStream(file, kind, rate_hz, kbps=kbps) as sink:
            sink.write(wave)
    else:
        open_file: OpenWithBitrate = mp3_file if kind == "mp3" else m4a_file
        with open_file(path, rate_hz, NO_METADATA, kbps) as sink:
            sink.write(wave)
    assert find(path).kbps == pytest.approx(kbps, rel=0.15)


def test_formats_without_a_bitrate_have_none() -> None:
    assert [bitrates(kind, 24_000) for kind in ("wav", "flac", "ogg")] == [None] * 3


def test_no_metadata_is_no_tag() -> None:
    assert id3_tag(NO_METADATA) == b""


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cover.png").write_bytes(png())
    assert read_picture(tmp_path / "cover.png") == COVER
    (tmp_path / "cover.jpg").write_bytes(b"\xff\xd8\xff and more")
    assert read_picture(tmp_path / "cover.jpg").media_type == "image/jpeg"
    (tmp_path / "cover.gif").write_bytes(b"GIF89a")
    for name, words in (("cover.gif", "is no JPEG or PNG file"), ("none", "cannot be read")):
        with pytest.raises(UsageError, match=words):
            read_picture(tmp_path / name)
