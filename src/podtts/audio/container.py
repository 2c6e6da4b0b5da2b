"""What a file's container says about itself: is it one podtts reads, and is all of it there?

A decoder plays a file that was cut short as if nothing were missing, so a prompt would silently
become a shorter one: the length that the container claims is compared with what is there. (FLAC
tells its length in frames, as MP3 may: that is compared after decoding.)
"""

import re
from typing import Literal

FORMATS = ("WAV", "WAVEX", "RF64", "FLAC", "MP3", "OGG")  # as libsndfile names them

_OTHERS = (
    (4, b"ftyp", "MP4 or M4A (AAC)"),
    (0, b"\x1aE\xdf\xa3", "WebM or Matroska"),
    (0, b"0&\xb2u", "Windows Media"),
)

# Programs that write to a pipe cannot know the length and put about 2 or 4 GiB there; no prompt is
# as large as that, so such a claim says nothing.
_UNKNOWN_BYTES = 0x7FFF0000

# A header that is wrong by less than this is the work of a sloppy program, no lost sound.
_TOLERANCE_BYTES = 1024

_OGG_HEADER_BYTES = 27  # of every page; the last of them counts its segments
_OGG_FLAGS = 5  # offset in it
_OGG_LAST_PAGE = 4

_MP3_NOTE = re.compile(rb"(?:Xing|Info)\0\0\0(.)", re.DOTALL)  # and the flags: what is noted
_MP3_NOTE_WITHIN_BYTES = 64  # of the first frame: behind its header and side information
_MP3_NOTES_FRAMES, _MP3_NOTES_BYTES = 1, 2


def foreign_format(raw: bytes) -> str | None:
    """Return the name of a format that is known not to be readable, or None."""
    for offset, magic, name in _OTHERS:
        if raw[offset : offset + len(magic)] == magic:
            return name
    return None


def missing_part(raw: bytes) -> str | None:
    """Return what is missing of a WAV, Ogg or MP3 file that was cut short; None for a whole one.

    Also None for a file that does not tell.
    """
    if raw[:4] in (b"RIFF", b"RF64", b"RIFX"):
        return _missing_of_wav(raw)
    if raw[:4] == b"OggS":
        return _missing_of_ogg(raw)
    return _missing_of_mp3(raw)


def _missing_of_wav(raw: bytes) -> str | None:
    order: Literal["big", "little"] = "big" if raw[:4] == b"RIFX" else "little"

    def number(start: int, size: int) -> int:
        return int.from_bytes(raw[start : start + size], order)

    long_data_bytes = 0
    start = 12
    while start + 8 <= len(raw):
        name, size, start = raw[start : start + 4], number(start + 4, 4), start + 8
        if name == b"ds64":  # 64-bit sizes of an RF64 file
            long_data_bytes = number(start + 8, 8)
        if name == b"data":
            claimed = long_data_bytes if raw[:4] == b"RF64" and size == 0xFFFFFFFF else size
            there = len(raw) - start
            if claimed < _UNKNOWN_BYTES and claimed > there + _TOLERANCE_BYTES:
                return f"{there} of {claimed} bytes of its sound are there"
            return None
        start += size + size % 2
    return None  # no sound at all, which the decoder says


def _missing_of_ogg(raw: bytes) -> str | None:
    start, last = 0, False
    while raw[start : start + 4] == b"OggS":
        body = start + _OGG_HEADER_BYTES
        count = raw[body - 1] if body <= len(raw) else len(raw)
        end = body + count + sum(raw[body : body + count])  # a table of lengths, then the segments
        if end > len(raw):
            return "it ends within a page"
        last = bool(raw[start + _OGG_FLAGS] & _OGG_LAST_PAGE)
        start = end
    return None if last else "its last page is not there"


def _missing_of_mp3(raw: bytes) -> str | None:
    """Look for the first frame's note of the whole length, as LAME and most others write it."""
    start = 0
    if raw[:3] == b"ID3":  # a length of 7 bits a byte
        start = 10 + sum(
            (byte & 0x7F) << shift for byte, shift in zip(raw[6:10], (21, 14, 7, 0), strict=False)
        )
    if raw[start : start + 1] != b"\xff":
        return None
    noted = _MP3_NOTE.search(raw, start, start + _MP3_NOTE_WITHIN_BYTES)
    if not noted or not noted[1][0] & _MP3_NOTES_BYTES:
        return None
    offset = noted.end() + (4 if noted[1][0] & _MP3_NOTES_FRAMES else 0)
    claimed, there = int.from_bytes(raw[offset : offset + 4], "big"), len(raw) - start
    return f"{there} of {claimed} bytes are there" if claimed > there else None
