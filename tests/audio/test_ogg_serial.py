import io

import numpy as np
import pytest
import soundfile

from podtts.audio.ogg_serial import clear_serial_numbers


def encoded(kind: str, seconds: float) -> bytes:
    file = io.BytesIO()
    wave = np.sin(np.arange(round(24_000 * seconds)) * 0.05) * 0.5
    soundfile.write(file, wave, 24_000, format="OGG", subtype=kind)
    return file.getvalue()


def without_serial_numbers(raw: bytes) -> bytes:
    file = io.BytesIO(raw)
    clear_serial_numbers(file)
    return file.getvalue()


def checksum_of(page: bytes) -> int:
    """The checksum of an Ogg page, computed bit by bit as in RFC 3533."""
    value = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x104C11DB7 if value & 0x80000000 else 0)
    return value


def pages(raw: bytes) -> list[bytes]:
    result = []
    while raw:
        count = raw[26]
        size = 27 + count + sum(raw[27 : 27 + count])
        result.append(raw[:size])
        raw = raw[size:]
    return result


@pytest.mark.parametrize("kind", ["VORBIS", "OPUS"])
def test_files_of_the_same_audio_are_equal(kind: str) -> None:
    first, second = (encoded(kind, 0.7) for _ in range(2))
    assert first != second
    assert without_serial_numbers(first) == without_serial_numbers(second)


@pytest.mark.parametrize(("kind", "seconds"), [("VORBIS", 8.0), ("OPUS", 20.0), ("OPUS", 0.01)])
def test_checksums_are_correct_and_the_audio_is_unchanged(kind: str, seconds: float) -> None:
    raw = encoded(kind, seconds)
    changed = without_serial_numbers(raw)
    all_pages = pages(changed)
    assert len(all_pages) == len(pages(raw)) >= 3
    for page in all_pages:
        assert page[14:18] == bytes(4)
        assert int.from_bytes(page[22:26], "little") == checksum_of(page)
    before, after = (soundfile.read(io.BytesIO(file))[0] for file in (raw, changed))
    assert np.array_equal(before, after)
