"""Container headers of audio files: formats, channels, and files that are cut short.

A decoder plays a truncated file without an error, so a prompt would silently become shorter.
Therefore this module compares the length in the container's header with the bytes of the file.
FLAC, and some MP3 files, state their length in frames: `strict_decoding` compares that after
decoding.
"""

import re
from typing import Literal

FORMATS = ("WAV", "WAVEX", "RF64", "FLAC", "MP3", "OGG")  # as libsndfile names them

_FORMATS_OF_FFMPEG = (  # offset, magic bytes, name
    (4, b"ftyp", "MP4 or M4A (AAC)"),
    (0, b"\x1aE\xdf\xa3", "WebM or Matroska"),
    (0, b"0&\xb2u", "Windows Media"),
    (0, b"caff", "Core Audio"),
    (0, b"FORM", "AIFF"),
    (0, b"#!AMR", "AMR"),
    (0, b"\xff\xf1", "AAC"),
    (0, b"\xff\xf9", "AAC"),
)

# Programs that write to a pipe do not know the length and state about 2 or 4 GiB. No prompt is that
# large, so such a length means "unknown".
_UNKNOWN_BYTES = 0x7FFF0000

# Some programs write a slightly wrong length. A smaller difference is not lost audio.
_TOLERANCE_BYTES = 1024

_OGG_HEADER_BYTES = 27  # of every page; the last byte is the number of segments
_OGG_FLAGS = 5  # offset in the header
_OGG_LAST_PAGE = 4  # flag

_XING_HEADER = re.compile(rb"(?:Xing|Info)\0\0\0(.)", re.DOTALL)  # the group holds the flags
_XING_WITHIN_BYTES = 64  # of the first frame: after its header and side information
_XING_HAS_FRAMES, _XING_HAS_BYTES = 1, 2  # flags


def format_of_ffmpeg(raw: bytes) -> str | None:
    """Return the name of a known format that libsndfile does not read for podtts, or None."""
    for offset, magic, name in _FORMATS_OF_FFMPEG:
        if raw[offset : offset + len(magic)] == magic:
            return name
    return None


def has_one_channel(raw: bytes) -> bool:
    """Whether the header of a WAV, FLAC, Ogg or MP3 file says that it has one channel.

    False also for other bytes.
    """
    if raw[:4] in (b"RIFF", b"RF64", b"RIFX"):
        at = raw.find(b"fmt ", 12, 2**16) + 10
        return raw[at : at + 2] == (b"\0\1" if raw[:4] == b"RIFX" else b"\1\0")
    if raw[:4] == b"fLaC":  # 3 bits behind the 20 of the sample rate: channels - 1
        return len(raw) > 20 and raw[20] >> 1 & 7 == 0
    if raw[:4] == b"OggS":
        first = re.match(rb"(?:\x01vorbis.{4}|OpusHead.)(.)", raw[28:64], re.DOTALL)
        return first is not None and first[1] == b"\1"
    frame = _first_mp3_frame(raw)
    return raw[frame : frame + 1] == b"\xff" and raw[frame + 3 : frame + 4] >= b"\xc0"


def missing_part(raw: bytes) -> str | None:
    """Describe what a truncated WAV, Ogg or MP3 file lacks.

    Returns None for a complete file, and for a file that does not state its length.
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
            present = len(raw) - start
            if claimed < _UNKNOWN_BYTES and claimed > present + _TOLERANCE_BYTES:
                return f"it has {present} of {claimed} bytes of audio"
            return None
        start += size + size % 2
    return None  # there is no audio at all: the decoder reports that


def _missing_of_ogg(raw: bytes) -> str | None:
    start, last = 0, False
    while raw[start : start + 4] == b"OggS":
        body = start + _OGG_HEADER_BYTES
        count = raw[body - 1] if body <= len(raw) else len(raw)
        end = body + count + sum(raw[body : body + count])  # a table of lengths, then the segments
        if end > len(raw):
            return "it ends in the middle of a page"
        last = bool(raw[start + _OGG_FLAGS] & _OGG_LAST_PAGE)
        start = end
    return None if last else "its last page is missing"


def _missing_of_mp3(raw: bytes) -> str | None:
    """Compare with the length in the Xing header, which LAME and most other encoders write."""
    start = _first_mp3_frame(raw)
    if raw[start : start + 1] != b"\xff":
        return None
    xing = _XING_HEADER.search(raw, start, start + _XING_WITHIN_BYTES)
    if not xing or not xing[1][0] & _XING_HAS_BYTES:
        return None
    offset = xing.end() + (4 if xing[1][0] & _XING_HAS_FRAMES else 0)
    claimed, present = int.from_bytes(raw[offset : offset + 4], "big"), len(raw) - start
    return f"it has {present} of {claimed} bytes" if claimed > present else None


def _first_mp3_frame(raw: bytes) -> int:
    """Return where the first frame of an MP3 file begins: behind a tag with a length of 28 bits."""
    if raw[:3] != b"ID3":
        return 0
    return 10 + sum(
        (byte & 0x7F) << shift for byte, shift in zip(raw[6:10], (21, 14, 7, 0), strict=False)
    )
