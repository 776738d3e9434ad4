"""Several files as one: a directory, a glob or a list, end to end in natural order."""

from __future__ import annotations

import glob
import os
import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, count
from pathlib import Path

import numpy as np

from losscli.errors import DataError
from losscli.readers import Reading
from losscli.readers.container import Container
from losscli.readers.dtypes import common_dtype
from losscli.readers.fields import Offer
from losscli.readers.files.origin import STANDARD_INPUT
from losscli.readers.formats import known_format, open_file
from losscli.source import Box, Shape, Source, Values

_PART = re.compile(r"(?<![0-9])([0-9]{1,18})-of-([0-9]{1,18})(?![0-9])")


def open_files(patterns: Sequence[str], reading: Reading) -> Container:
    """The container of all files that paths, directories and globs name, in natural order."""
    names = sorted((name for pattern in patterns for name in files_of(pattern)), key=natural)
    if len(names) == 1:
        return open_file(names[0], reading)
    _require_all_parts(names)
    files = [open_file(name, reading) for name in names]
    return _joined(" ".join(patterns), files)


def _joined(name: str, files: Sequence[Container]) -> Container:
    """Tables are joined by their rows, before columns become arrays; arrays as they are."""
    _require_one_kind(files)
    tables = [one.table for one in files if one.table is not None]
    if not tables:
        return Shards(name, files)
    from losscli.readers.tables.joining import joined  # noqa: PLC0415 - pyarrow, for tables alone
    from losscli.readers.tables.table import Table  # noqa: PLC0415

    return Table(joined(name, [one.file for one in tables]))


def _require_one_kind(files: Sequence[Container]) -> None:
    """Raise DataError where some files are tables and others are not."""
    first = files[0]
    odd = next((one for one in files if one.is_table != first.is_table), None)
    if odd is not None:
        kinds = {True: "a table", False: "arrays"}
        raise DataError(
            f"{odd.name}: found {kinds[odd.is_table]}, and {kinds[first.is_table]} in "
            f"{first.name}; expected files of one format"
        )


def files_of(pattern: str) -> list[str]:
    """The files that one pattern means; a file's own name comes first."""
    if pattern == STANDARD_INPUT or os.path.isfile(pattern):
        return [pattern]
    if os.path.isdir(pattern):
        return _in_directory(Path(pattern))
    if is_there(pattern) or not glob.has_magic(pattern):
        return [pattern]  # opening it says what is wrong
    found = glob.glob(pattern, recursive=True)
    if not found:
        raise DataError(f"{pattern}: no file is called so")
    return found


def is_there(path: str) -> bool:
    """Whether something is there, be it only a folder in the way that one may not enter."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _in_directory(path: Path) -> list[str]:
    """The files of the one format that is there; descriptions, `.json` and hidden, are not data."""
    found: dict[str, list[str]] = {}
    for name in _files_in(path):
        kind = known_format(name)
        if kind and not name.endswith(".json") and name[0] not in "._":
            found.setdefault(kind, []).append(str(path / name))
    if not found:
        raise DataError(f"{path}: found no file in this directory that can be read")
    if len(found) > 1:
        raise DataError(
            f"{path}: found files of several formats, {', '.join(found)}; a glob chooses, such as "
            f"'{path}/*.{next(iter(found))}'"
        )
    return next(iter(found.values()))


def _files_in(path: Path) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [one.name for one in entries if one.is_file()]
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error


def natural(name: str) -> list[tuple[int, str]]:
    """A key to sort by in which `part-2` comes before `part-10`."""
    parts = re.split(r"([0-9]+)", name)
    return [_sized(part.lstrip("0")) if part.isdecimal() else (-1, part) for part in parts]


def _sized(digits: str) -> tuple[int, str]:
    """Digits as numbers are ordered, of which Python reads no more than a few thousand."""
    return len(digits), digits


def _require_all_parts(names: Sequence[str]) -> None:
    """Raise DataError if files are numbered as parts of so many, and some are not there."""
    parts = [match for name in names if (match := _PART.search(Path(name).name))]
    if not parts or len(parts) < len(names):
        return
    total, numbers = int(parts[0][2]), {int(part[1]) for part in parts}
    base = 0 if 0 in numbers else 1
    missing = next(number for number in count(base) if number not in numbers)
    if missing < total + base:
        part = f"{missing:0{len(parts[0][1])}d}-of-{parts[0][2]}"
        raise DataError(f"{names[0]}: found {len(numbers)} of {total} parts; {part} is missing")


class Shards(Container):
    """A container over files of arrays, which have the same ones."""

    def __init__(self, name: str, files: Sequence[Container]) -> None:
        self.name = name
        self._files = files

    @property
    def offer(self) -> Offer:
        """The arrays of the first file; the others are asked for the same."""
        offers = tuple(one.offer for one in self._files)
        return Offer(self.name, offers[0].fields, parts=offers, is_table=False)

    def array(self, columns: Sequence[str] | None, option: str) -> ShardedArray:
        """The array of that name of each file, end to end."""
        return ShardedArray(self.name, [one.array(columns, option) for one in self._files])

    def close(self) -> None:
        for one in self._files:
            one.close()


class ShardedArray(Source):
    """A source over the rows of several arrays, end to end."""

    def __init__(self, name: str, parts: Sequence[Source]) -> None:
        self.name = name
        self.bytes = sum(part.bytes for part in parts)
        self.columns = parts[0].columns
        self.files = tuple(part.name for part in parts)
        self.paths = tuple(path for part in parts for path in part.paths)
        self.concurrent = all(part.concurrent for part in parts)
        self._dtype = common_dtype([part.dtype for part in parts])
        self._parts = parts
        for part in parts:
            if not part.shape or part.shape[1:] != parts[0].shape[1:]:
                raise DataError(
                    f"{part.name}: found shape {part.shape}; {parts[0].name} has "
                    f"{parts[0].shape}, and only the first axis may differ"
                )
        self._starts = [0, *accumulate(part.count() for part in parts)]

    @property
    def shape(self) -> Shape:
        return (self.count(), *self._parts[0].shape[1:])

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self._dtype

    @property
    def starts(self) -> Sequence[int]:
        """The first row of each file."""
        return self._starts[:-1]

    def count(self) -> int:
        return self._starts[-1]

    def read(self, box: Box) -> Values:
        """The values in a box, from the one or more files that it is in."""
        start, stop, _ = box[0].indices(self.count())
        first = min(max(bisect_right(self._starts, start) - 1, 0), len(self._parts) - 1)
        blocks: list[Values] = []
        for part, begin in zip(self._parts[first:], self._starts[first:], strict=False):
            if blocks and begin >= stop:
                break
            rows = slice(max(start - begin, 0), max(stop - begin, 0))
            blocks.append(part.read((rows, *box[1:])).astype(self.dtype, copy=False))
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
