"""Metadata of audio files: texts, chapters, a picture, and the mark that a program spoke."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from podtts.audio.pictures import Picture
from podtts.audio.xmp import xmp_packet

# IPTC's term for media that a trained model made (cv.iptc.org, digital source type).
MADE_BY_A_MODEL = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


@dataclass(frozen=True)
class ChapterMark:
    """A chapter of an episode, in milliseconds."""

    title: str
    start_ms: int
    stop_ms: int


@dataclass(frozen=True)
class AudioMetadata:
    """Metadata of an audio file; files do not get the empty fields.

    Chapters and a cover are for MP3 and M4A, and a cover also for FLAC. Other formats have no place
    for them.
    """

    title: str = ""
    artist: str = ""
    date: str = ""  # YYYY-MM-DD
    comment: str = ""
    software: str = ""
    source_type: str = ""  # IPTC's digital source type, a URI
    chapters: tuple[ChapterMark, ...] = ()
    cover: Picture | None = None

    @property
    def marked_comment(self) -> str:
        """The comment with the digital source type, for formats without a place of its own."""
        if not self.source_type:
            return self.comment
        return f"{self.comment}; digital source type: {self.source_type}".removeprefix("; ")


NO_METADATA = AudioMetadata()

_INFO_NAMES = (  # of the chunks in a LIST INFO chunk (RIFF Multimedia Programming Interface 1.0)
    (b"INAM", "title"),
    (b"IART", "artist"),
    (b"ICRD", "date"),
    (b"ICMT", "comment"),
    (b"ISFT", "software"),
)


def wav_chunks(tags: AudioMetadata) -> bytes:
    """Return the chunks with the metadata of a WAV file; no bytes when all fields are empty.

    They are LIST INFO, in UTF-8, and _PMX with XMP (Adobe, XMP part 3).
    """
    chunks = _chunk(b"LIST", b"INFO" + parts) if (parts := _info(tags)) else b""
    if tags.source_type:
        chunks += _chunk(b"_PMX", xmp_packet(tags.source_type))
    return chunks


def _info(tags: AudioMetadata) -> bytes:
    return b"".join(
        _chunk(name, text.encode() + b"\0")
        for name, field in _INFO_NAMES
        if (text := getattr(tags, field))
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content + bytes(len(content) % 2)
