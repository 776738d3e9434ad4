"""Randomly damaged files: changed bytes, extreme numbers, and pieces that repeat many times.

A seeded generator makes the changes, so that the number of a mutant reproduces it.
"""

from __future__ import annotations

import gzip
import io
import random

# Numbers that often cause overflows.
ODD = [
    value.to_bytes(size, "little", signed=True)
    for size in (1, 2, 4, 8)
    for value in (-1, 0, 1, 127, -128, 2 ** (8 * size - 1) - 1, -(2 ** (8 * size - 1)))
]

# One of this many mutants repeats a piece, up to this many bytes, plain or compressed.
_REPEATED_ONE_OF, _MOST_PLAIN, _MOST_COMPRESSED = 100, 1 << 20, 1 << 27

# Numbers of values per row, or of rows, that a file may claim, as text.
_CLAIMS = (b"0", b"-1", b"65536", b"100000000", b"4294967296", b"9223372036854775807", b"1e308")


def mutated(data: bytes, draw: random.Random) -> bytes:
    """The bytes with one to four changes."""
    changed = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(changed) + 1)
        match draw.randrange(7):
            case 0 if at < len(changed):
                changed[at] ^= 1 << draw.randrange(8)
            case 1:
                changed[at:at] = draw.randbytes(draw.randint(1, 9))
            case 2:
                del changed[at : at + draw.randint(1, 9)]
            case 3:
                odd = draw.choice(ODD)
                changed[at : at + len(odd)] = odd
            case 4:
                changed[at:at] = changed[at : at + draw.randint(1, 99)]
            case 5:
                changed[at : at + draw.randint(0, 2)] = draw.choice(_CLAIMS)
            case _:
                del changed[at:]
    return bytes(changed)


def mutant(seeds: list[bytes], number: int) -> tuple[bytes, str]:
    """A file made from one of the given files, and its suffix after the suffix of the format."""
    draw = random.Random(number)
    data = mutated(draw.choice(seeds), draw)
    if draw.randrange(_REPEATED_ONE_OF):
        return (gzip.compress(data, 1), ".gz") if draw.randrange(10) == 0 else (data, "")
    if draw.randrange(2):
        return repeated(data, draw, _MOST_PLAIN), ""
    return _compressed(*_repetition(data, draw, _MOST_COMPRESSED)), ".gz"


def repeated(data: bytes, draw: random.Random, most: int) -> bytes:
    """The bytes with a piece repeated once for each power of two, up to the given number of
    bytes."""
    begin, piece, times, end = _repetition(data, draw, most)
    return begin + piece * times + end


def _repetition(data: bytes, draw: random.Random, most: int) -> tuple[bytes, bytes, int, bytes]:
    at = draw.randrange(len(data) + 1)
    piece = data[at : at + draw.choice((1, 1, 2, 5, 30))] or b"["
    times = min(most // len(piece), 1 << draw.randrange(most.bit_length()))
    return data[:at], piece, times, data[at:]


def _compressed(begin: bytes, piece: bytes, times: int, end: bytes) -> bytes:
    """The bytes compressed with gzip, without having all of them in memory."""
    result = io.BytesIO()
    part = min(times, 1 << 16)
    with gzip.GzipFile(fileobj=result, mode="wb", compresslevel=1) as file:
        file.write(begin)
        for _ in range(times // part if part else 0):
            file.write(piece * part)
        file.write(end)
    return result.getvalue()
