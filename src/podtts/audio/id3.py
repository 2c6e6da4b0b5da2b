"""Writes ID3v2.3 tags: texts, chapters, a cover, and XMP.

Source: id3.org, ID3v2.3.0 and ID3v2 Chapter Frame Addendum 1.0 (CHAP, CTOC).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from podtts.audio.metadata import AudioMetadata, ChapterMark
from podtts.audio.pictures import FRONT_COVER
from podtts.audio.xmp import xmp_packet

_LATIN_1, _UTF_16 = b"\0", b"\1"  # the byte before a text
_UNKNOWN_OFFSET = 0xFFFFFFFF  # of a chapter in bytes: its times say where it is
_TOP_LEVEL_AND_ORDERED = 3  # flags of a table of contents
_CONTENTS = b"toc\0"
_MOST_ENTRIES = 255  # of a table of contents


def id3_tag(tags: AudioMetadata) -> bytes:
    """Return a tag, which stands before the frames of an MP3 file; no bytes for no metadata."""
    frames = b"".join(_frames(tags))
    return b"ID3\x03\0\0" + _synchsafe(len(frames)) + frames if frames else b""


def _frames(tags: AudioMetadata) -> Iterator[bytes]:
    year, _, month_and_day = tags.date.partition("-")
    month, _, day = month_and_day.partition("-")
    for name, text in (
        (b"TIT2", tags.title),
        (b"TPE1", tags.artist),
        (b"TYER", year),
        (b"TDAT", day + month),
        (b"TSSE", tags.software),
    ):
        if text:
            yield _text_frame(name, text)
    if tags.comment:
        description = _UTF_16 + b"eng" + _utf_16("") + b"\0\0"
        yield _frame(b"COMM", description + _utf_16(tags.comment))
    if tags.source_type:
        yield _frame(b"PRIV", b"XMP\0" + xmp_packet(tags.source_type))
    if tags.cover is not None:
        media_type = tags.cover.media_type.encode() + b"\0"
        kind = bytes([FRONT_COVER])
        yield _frame(b"APIC", _LATIN_1 + media_type + kind + b"\0" + tags.cover.data)
    chapters = tags.chapters[:_MOST_ENTRIES]
    if chapters:
        names = b"".join(map(_name, range(len(chapters))))
        yield _frame(b"CTOC", _CONTENTS + bytes([_TOP_LEVEL_AND_ORDERED, len(chapters)]) + names)
    for number, chapter in enumerate(chapters):
        yield _frame(b"CHAP", _name(number) + _times(chapter) + _text_frame(b"TIT2", chapter.title))


def _name(chapter: int) -> bytes:
    """The name by which the table of contents refers to a chapter."""
    return b"chp%d\0" % chapter


def _times(chapter: ChapterMark) -> bytes:
    return struct.pack(">IIII", chapter.start_ms, chapter.stop_ms, _UNKNOWN_OFFSET, _UNKNOWN_OFFSET)


def _text_frame(name: bytes, text: str) -> bytes:
    if text.isascii():
        return _frame(name, _LATIN_1 + text.encode())
    return _frame(name, _UTF_16 + _utf_16(text))


def _utf_16(text: str) -> bytes:
    return b"\xff\xfe" + text.encode("utf-16-le")


def _frame(name: bytes, content: bytes) -> bytes:
    return name + struct.pack(">IH", len(content), 0) + content


def _synchsafe(size: int) -> bytes:
    """A size of 28 bits in bytes of 7 bits: no byte looks like the beginning of a frame of MP3."""
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
