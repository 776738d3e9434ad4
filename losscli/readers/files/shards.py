"""Several files read as one: a directory, a glob or a list, concatenated in natural order."""

from __future__ import annotations

import glob
import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import partial
from itertools import accumulate, count
from pathlib import Path

import numpy as np

from losscli.errors import DataError
from losscli.readers import Reading
from losscli.readers.container import Container
from losscli.readers.dtypes import common_dtype
from losscli.readers.fields import Offer
from losscli.readers.files.origin import STANDARD_INPUT
from losscli.readers.files.store import matches, of_each
from losscli.readers.files.uri import has_wildcard, is_uri, local_path
from losscli.readers.formats import known_format, open_file
from losscli.source import Box, Shape, Source, Values

# The number of a shard in a file name, and the number of all shards.
_NUMBERED = re.compile(r"(?<![0-9])([0-9]{1,18})-of-([0-9]{1,18})(?![0-9])")


def open_files(patterns: Sequence[str], reading: Reading) -> Container:
    """Open the files that match the patterns as one container, in natural order."""
    found = (name for pattern in patterns for name in files_of(pattern, reading.anonymous))
    names = list(found) if reading.as_listed else sorted(found, key=natural)
    if len(names) == 1:
        return open_file(names[0], reading)
    if not reading.as_listed:
        _require_all_shards(names)
    files = of_each(partial(open_file, reading=reading), names, any(map(is_uri, names)))
    return _joined(" ".join(patterns), files)


def _joined(name: str, files: Sequence[Container]) -> Container:
    """Join tables into one table before columns become arrays, or other files array by array."""
    _require_one_kind(files)
    tables = [file.table for file in files if file.table is not None]
    if not tables:
        return Shards(name, files)
    from losscli.readers.tables.joining import joined  # noqa: PLC0415 - imports pyarrow, only for tables
    from losscli.readers.tables.table import Table  # noqa: PLC0415

    return Table(joined(name, [table.file for table in tables]))


def _require_one_kind(files: Sequence[Container]) -> None:
    """Raise DataError if only some of the files are tables."""
    first = files[0]
    odd = next((file for file in files if file.is_table != first.is_table), None)
    if odd is not None:
        kinds = {True: "a table", False: "arrays"}
        raise DataError(
            f"{odd.name}: expected files of one format, found {kinds[odd.is_table]}, but "
            f"{kinds[first.is_table]} in {first.name}"
        )


def files_of(pattern: str, anonymous: bool = False) -> list[str]:
    """Return the files or objects that a pattern matches. An existing path takes precedence over a
    glob."""
    pattern = local_path(pattern)
    if is_uri(pattern):
        return _objects_of(pattern, anonymous)
    if pattern == STANDARD_INPUT or os.path.isfile(pattern):
        return [pattern]
    if os.path.isdir(pattern):
        return _in_directory(Path(pattern))
    if exists(pattern) or not glob.has_magic(pattern):
        return [pattern]  # opening it raises the error
    matches = glob.glob(pattern, recursive=True)
    if not matches:
        raise DataError(f"{pattern}: no file matches")
    return matches


def _objects_of(uri: str, anonymous: bool) -> list[str]:
    """Return the objects that a URI matches: one, those of a folder, or those of a glob.

    A name with the suffix of a format is an object: asking the store would take time.
    """
    if known_format(uri) and not has_wildcard(uri):
        return [uri]
    names = matches(uri, anonymous)
    if names is None:
        return [uri]  # opening it raises the error
    if has_wildcard(uri):
        if not names:
            raise DataError(f"{uri}: no object matches")
        return names
    folder = uri.rstrip("/")
    return _data_files(folder, [name.rpartition("/")[2] for name in names])


def exists(path: str) -> bool:
    """Whether a path exists, or may exist inside a folder that cannot be entered, or in a store."""
    if is_uri(path):
        return True
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _in_directory(path: Path) -> list[str]:
    """Return the data files of a directory."""
    return _data_files(str(path), _files_in(path))


def _data_files(folder: str, names: Sequence[str]) -> list[str]:
    """Return the paths of the data files of a folder, which must have one format. `.json` files and
    hidden files are metadata and are skipped."""
    by_format: dict[str, list[str]] = {}
    for name in names:
        kind = known_format(name)
        if kind and not name.endswith(".json") and name[0] not in "._":
            by_format.setdefault(kind, []).append(f"{folder.rstrip('/')}/{name}")
    if not by_format:
        raise DataError(f"{folder}: the directory contains no file that losscli can read")
    if len(by_format) > 1:
        raise DataError(
            f"{folder}: the directory contains files of several formats: {', '.join(by_format)}. "
            f"Choose one with a glob, such as '{folder}/*.{next(iter(by_format))}'."
        )
    return next(iter(by_format.values()))


def _files_in(path: Path) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.is_file()]
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error


def natural(name: str) -> list[tuple[int, str]]:
    """Return a sort key that puts `part-2` before `part-10`."""
    parts = re.split(r"([0-9]+)", name)
    return [_sized(part.lstrip("0")) if part.isdecimal() else (-1, part) for part in parts]


def _sized(digits: str) -> tuple[int, str]:
    """Return a key that sorts digits as numbers, without int, which is limited to a few thousand
    digits."""
    return len(digits), digits


def _require_all_shards(names: Sequence[str]) -> None:
    """Raise DataError if files are numbered like `1-of-3` and some are missing."""
    matches = [match for name in names if (match := _NUMBERED.search(Path(name).name))]
    if not matches or len(matches) < len(names):
        return
    total, numbers = int(matches[0][2]), {int(match[1]) for match in matches}
    base = 0 if 0 in numbers else 1
    missing = next(number for number in count(base) if number not in numbers)
    if missing < total + base:
        shard = f"{missing:0{len(matches[0][1])}d}-of-{matches[0][2]}"
        raise DataError(f"{names[0]}: found {len(numbers)} of {total} shards; {shard} is missing")


class Shards(Container):
    """A container over files with the same arrays."""

    def __init__(self, name: str, files: Sequence[Container]) -> None:
        self.name = name
        self._files = files

    @property
    def offer(self) -> Offer:
        """The arrays of the first file. The other files need the same arrays."""
        offers = tuple(file.offer for file in self._files)
        return Offer(self.name, offers[0].fields, parts=offers, is_table=False)

    def array(self, columns: Sequence[str] | None, option: str) -> ShardedArray:
        """Return the concatenation of the arrays with this name."""
        return ShardedArray(self.name, [file.array(columns, option) for file in self._files])

    def close(self) -> None:
        for file in self._files:
            file.close()


class ShardedArray(Source):
    """A source over the concatenated rows of several arrays. Raises DataError if their shapes
    differ along other axes than the first."""

    def __init__(self, name: str, shards: Sequence[Source]) -> None:
        self.name = name
        self.bytes = sum(shard.bytes for shard in shards)
        self.columns = shards[0].columns
        self.files = tuple(shard.name for shard in shards)
        self.paths = tuple(path for shard in shards for path in shard.paths)
        self.concurrent = all(shard.concurrent for shard in shards)
        self._dtype = common_dtype([shard.dtype for shard in shards])
        self._shards = shards
        self._is_remote = any(map(is_uri, self.paths))
        for shard in shards:
            if not shard.shape or shard.shape[1:] != shards[0].shape[1:]:
                raise DataError(
                    f"{shard.name}: shape {shard.shape} does not fit {shards[0].shape} of "
                    f"{shards[0].name}; only the first axis may differ"
                )
        self._starts = [0, *accumulate(shard.count() for shard in shards)]

    @property
    def shape(self) -> Shape:
        return (self.count(), *self._shards[0].shape[1:])

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self._dtype

    @property
    def starts(self) -> Sequence[int]:
        """The first row of each file."""
        return self._starts[:-1]

    def count(self) -> int:
        return self._starts[-1]

    def require_same(self) -> None:
        of_each(lambda shard: shard.require_same(), self._shards, self._is_remote)

    def read(self, box: Box) -> Values:
        """Return the values in a box, from one or more files."""
        start, stop, _ = box[0].indices(self.count())
        first = min(max(bisect_right(self._starts, start) - 1, 0), len(self._shards) - 1)
        last = max(first + 1, bisect_left(self._starts, stop, hi=len(self._shards)))

        def read(number: int) -> Values:
            begin = self._starts[number]
            rows = slice(max(start - begin, 0), max(stop - begin, 0))
            return self._shards[number].read((rows, *box[1:])).astype(self.dtype, copy=False)

        blocks = of_each(read, range(first, last), self._is_remote)
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
