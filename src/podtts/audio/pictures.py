"""Pictures for the covers of audio files: JPEG or PNG, as they are."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from podtts.errors import UsageError
from podtts.storage.regular_files import read_regular

LONGEST_PICTURE_BYTES = 2**24  # the length of a FLAC block has 24 bits
FRONT_COVER = 3  # a type of picture, in ID3 and in FLAC
_KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


@dataclass(frozen=True)
class Picture:
    """A picture and its media type."""

    data: bytes
    media_type: str  # image/jpeg or image/png

    @property
    def ending(self) -> str:
        """The ending of a file with this picture."""
        return self.media_type.partition("/")[2]


def read_picture(path: Path) -> Picture:
    """Read a picture. Raises UsageError if it cannot be read, or is no JPEG or PNG file."""
    try:
        data = read_regular(path, LONGEST_PICTURE_BYTES - 2**10)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}", "name a picture") from error
    for magic, media_type in _KINDS.items():
        if data.startswith(magic):
            return Picture(data, media_type)
    raise UsageError(f"{path} is no JPEG or PNG file", "convert it to one of them")


def flac_picture_block(picture: Picture, *, is_last: bool) -> bytes:
    """Return a PICTURE block of a FLAC file (RFC 9639, section 8.8), with its header.

    Width, height and depth are 0: unknown.
    """
    media_type = picture.media_type.encode()
    content = (
        struct.pack(">II", FRONT_COVER, len(media_type))
        + media_type
        + struct.pack(">IIIII", 0, 0, 0, 0, 0)  # no description; size, depth and colours unknown
        + struct.pack(">I", len(picture.data))
        + picture.data
    )
    return struct.pack(">I", (is_last << 31) | (6 << 24) | len(content)) + content
