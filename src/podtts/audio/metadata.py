"""Metadata of audio files: title, artist, date, comment; and its chunk in a WAV file."""

from __future__ import annotations

import struct
from dataclasses import dataclass


@dataclass(frozen=True)
class AudioMetadata:
    """Metadata of an audio file; files do not get the empty fields."""

    title: str = ""
    artist: str = ""
    date: str = ""  # YYYY-MM-DD
    comment: str = ""
    software: str = ""


NO_METADATA = AudioMetadata()

_INFO_NAMES = (  # of the chunks in a LIST INFO chunk (RIFF Multimedia Programming Interface 1.0)
    (b"INAM", "title"),
    (b"IART", "artist"),
    (b"ICRD", "date"),
    (b"ICMT", "comment"),
    (b"ISFT", "software"),
)


def info_chunk(tags: AudioMetadata) -> bytes:
    """Return the LIST INFO chunk of a WAV file, in UTF-8; no bytes when all fields are empty."""
    parts = b""
    for name, field in _INFO_NAMES:
        if text := getattr(tags, field):
            raw = text.encode() + b"\0"
            parts += struct.pack("<4sI", name, len(raw)) + raw + bytes(len(raw) % 2)
    return struct.pack("<4sI4s", b"LIST", 4 + len(parts), b"INFO") + parts if parts else b""
