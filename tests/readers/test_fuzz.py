"""Files that are damaged by chance: an error of one line, or the numbers that others read."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "fuzz"))

import target

MUTATIONS = 150

KINDS = tuple(target.FORMATS)

# Numbers at which programs break.
_ODD = [
    value.to_bytes(size, "little", signed=True)
    for size in (1, 2, 4, 8)
    for value in (-1, 0, 1, 127, -128, 2 ** (8 * size - 1) - 1, -(2 ** (8 * size - 1)))
]


def mutated(data: bytes, draw: random.Random) -> bytes:
    """The bytes with one to four changes."""
    changed = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(changed) + 1)
        match draw.randrange(6):
            case 0 if at < len(changed):
                changed[at] ^= 1 << draw.randrange(8)
            case 1:
                changed[at:at] = draw.randbytes(draw.randint(1, 9))
            case 2:
                del changed[at : at + draw.randint(1, 9)]
            case 3:
                odd = draw.choice(_ODD)
                changed[at : at + len(odd)] = odd
            case 4:
                changed[at:at] = changed[at : at + draw.randint(1, 99)]
            case _:
                del changed[at:]
    return bytes(changed)


def seeds(kind: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((target.CORPUS / kind).iterdir())]


@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_are_read_as_others_read_them(kind: str) -> None:
    assert any(target.check(kind, seed) for seed in seeds(kind))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files(kind: str) -> None:
    draw = random.Random(7)
    for _ in range(MUTATIONS):
        target.check(kind, mutated(draw.choice(seeds(kind)), draw))


@pytest.mark.parametrize("kind", KINDS)
def test_files_cut_short_anywhere(kind: str) -> None:
    for seed in seeds(kind):
        for end in range(0, len(seed), max(1, len(seed) // 60)):
            target.check(kind, seed[:end])


def test_any_words() -> None:
    draw = random.Random(8)
    for _ in range(60):
        target.check_command(mutated(draw.choice(seeds("command")), draw))
