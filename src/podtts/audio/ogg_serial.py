"""Sets the serial number of Ogg files to zero, so that the same audio gives the same bytes.

libsndfile draws a random serial number for every file, but only files of several streams need
different ones. Every page has a CRC over all its bytes (RFC 3533: polynomial 0x04c11db7, initial
value zero, not inverted). As a CRC is linear, removing the contribution of the four old bytes
corrects it without reading the page.
"""

from __future__ import annotations

import functools
from typing import BinaryIO

_HEADER_BYTES = 27  # of every page; the last byte is the number of segments
_SERIAL, _CHECKSUM = slice(14, 18), slice(22, 26)
_POLYNOMIAL, _TOP_BIT, _MASK = 0x04C11DB7, 0x80000000, 0xFFFFFFFF


def clear_serial_numbers(file: BinaryIO) -> None:
    """Set the serial number of every page to zero, in a complete Ogg file of one stream.

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
        # The contribution of the serial: its own CRC, with zeros in place of all that follows.
        checksum ^= _multiply(_crc(bytes(header[_SERIAL])), _shift(size - _SERIAL.stop))
        header[_SERIAL] = bytes(4)
        header[_CHECKSUM] = checksum.to_bytes(4, "little")
        file.seek(start)
        file.write(header)
        start += size


def _crc(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = _multiply_by_x(value)
    return value


def _multiply_by_x(value: int) -> int:
    """Return x times a polynomial over GF(2), modulo the CRC's polynomial."""
    return (value << 1 & _MASK) ^ (_POLYNOMIAL if value & _TOP_BIT else 0)


def _multiply(left: int, right: int) -> int:
    """Return the product of two polynomials over GF(2), modulo the CRC's polynomial."""
    product = 0
    while right:
        if right & 1:
            product ^= left
        left, right = _multiply_by_x(left), right >> 1
    return product


@functools.cache
def _shift(zero_bytes: int) -> int:
    """Return the factor on a CRC that appending zero bytes makes: x to the power of their bits."""
    if zero_bytes == 0:
        return 1
    half = _shift(zero_bytes // 2)
    square = _multiply(half, half)
    return _multiply(square, 1 << 8) if zero_bytes % 2 else square
