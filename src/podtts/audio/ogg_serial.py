"""Ogg files that repeat byte for byte: the stream's random serial number is put to nought.

libsndfile draws one for every file. Only files of several streams need different ones. Pages carry
a checksum over all of their bytes; being linear, it is corrected by what the four changed ones add
to it, without reading the page (RFC 3533: polynomial 0x04c11db7, from nought, not inverted).
"""

from __future__ import annotations

import functools
from typing import BinaryIO

_HEADER_BYTES = 27  # of every page; the last of them counts its segments
_SERIAL, _CHECKSUM = slice(14, 18), slice(22, 26)
_POLYNOMIAL, _TOP, _MASK = 0x04C11DB7, 0x80000000, 0xFFFFFFFF


def without_serial(file: BinaryIO) -> None:
    """Put nought in place of the serial number of every page of a whole Ogg file of one stream.

    file: open for reading and writing. Raises OSError.
    """
    start = 0
    while True:
        file.seek(start)
        header = bytearray(file.read(_HEADER_BYTES))
        if len(header) < _HEADER_BYTES:
            return
        segments = file.read(header[-1])
        size = _HEADER_BYTES + len(segments) + sum(segments)
        checksum = int.from_bytes(header[_CHECKSUM], "little")
        # What the serial adds to the checksum: its own, with all that follows taken for noughts.
        checksum ^= _times(_checksum(bytes(header[_SERIAL])), _power(size - _SERIAL.stop))
        header[_SERIAL] = bytes(4)
        header[_CHECKSUM] = checksum.to_bytes(4, "little")
        file.seek(start)
        file.write(header)
        start += size


def _checksum(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = _doubled(value)
    return value


def _doubled(value: int) -> int:
    """A remainder, times x."""
    return (value << 1 & _MASK) ^ (_POLYNOMIAL if value & _TOP else 0)


def _times(one: int, other: int) -> int:
    """The product of two remainders."""
    product = 0
    while other:
        if other & 1:
            product ^= one
        one, other = _doubled(one), other >> 1
    return product


@functools.cache
def _power(noughts: int) -> int:
    """What so many bytes of noughts multiply a checksum by: x to the power of their bits."""
    if noughts == 0:
        return 1
    half = _power(noughts // 2)
    square = _times(half, half)
    return _times(square, 1 << 8) if noughts % 2 else square
