"""The bitrates that formats can have; imports nothing."""

# Lowest and highest in kbit/s. MP3 has others at rates from 32 kHz (MPEG-1) than below (MPEG-2).
_MPEG_1_HZ = 32_000
_MP3_MPEG_1, _MP3_MPEG_2 = (32, 320), (8, 160)
_OTHERS = {"opus": (6, 256), "m4a": (16, 256), "m4b": (16, 256)}


def bitrates(kind: str, rate_hz: int) -> tuple[int, int] | None:
    """Return the lowest and the highest bitrate in kbit/s; None for a format without a choice."""
    if kind == "mp3":
        return _MP3_MPEG_1 if rate_hz >= _MPEG_1_HZ else _MP3_MPEG_2
    return _OTHERS.get(kind)
