"""Randomly damaged files give an error of one line, or the numbers that other libraries read."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "fuzz"))

import target
from mutants import mutated, repeated

MUTATIONS = 150

KINDS = tuple(target.FORMATS)


def seeds(kind: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((target.CORPUS / kind).iterdir())]


@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_are_read_as_others_read_them(kind: str) -> None:
    assert any(target.check(kind, seed) for seed in seeds(kind))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files(kind: str) -> None:
    draw = random.Random(7)
    for _ in range(MUTATIONS):
        target.check(kind, mutated(draw.choice(seeds(kind)), draw))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_files_of_which_a_piece_repeats(kind: str) -> None:
    draw = random.Random(9)
    for _ in range(MUTATIONS // 10):
        target.check(kind, repeated(draw.choice(seeds(kind)), draw, 1 << 16))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_files_cut_short_anywhere(kind: str) -> None:
    for seed in seeds(kind):
        for end in range(0, len(seed), max(1, len(seed) // 60)):
            target.check(kind, seed[:end])


def test_any_words() -> None:
    draw = random.Random(8)
    for _ in range(60):
        target.check_command(mutated(draw.choice(seeds("command")), draw))
