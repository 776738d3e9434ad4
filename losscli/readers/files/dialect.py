"""The dialect of a text file: its delimiter, its header and the names of its columns."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import PurePath

from losscli.errors import DataError, quoted
from losscli.readers import Reading, budget
from losscli.readers.files.lines import whole_rows
from losscli.readers.files.origin import Origin

_DELIMITERS = ",\t;|"

# A row that is not blank. Quoted text in it may contain line breaks.
_ROW = re.compile(rb'(?:"[^"]*+"|[^"\r\n]++|")++')

_NUMBER = re.compile(r"(?ai)\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*|[+-]?(nan|inf)")
_WHOLE = re.compile(r"(?a)\s*[+-]?\d+\s*")


@dataclass(frozen=True)
class Dialect:
    """The delimiter, the names of the columns, and the number of lines before the first row."""

    delimiter: str
    names: tuple[str, ...]
    lines_before: int

    def whole_rows(self, text: bytes) -> int:
        return whole_rows(text, self.delimiter.encode())

    @property
    def is_blank_missing(self) -> bool:
        """Whether a blank line is a row with a missing value."""
        return len(self.names) == 1


def is_number(cell: str) -> bool:
    """Whether a cell is a number, NaN or infinity."""
    return _NUMBER.fullmatch(cell) is not None


def dialect_of(origin: Origin, reading: Reading, head: bytes) -> tuple[Dialect, tuple[str, ...]]:
    """Detect the dialect of a text from its first bytes. Returns the dialect, and notes on the
    choices. Raises DataError if the header is ambiguous."""
    begin = head.decode("utf-8-sig", "surrogateescape")
    first = len(begin) if b"\n" not in head else head.index(b"\n")
    budget.require(origin.name, first, budget.MOST_FIRST_LINE, "bytes in the first line")
    delimiter = delimiter_of(origin, reading, head)
    cells_in_row = _outside_quotes(head).count(delimiter) + 1
    budget.require(origin.name, cells_in_row, budget.MOST_COLUMNS, "columns")
    rows = csv.reader(io.StringIO(begin, newline=""), delimiter=delimiter)
    cells = next(row for row in rows if row)
    lines_before = rows.line_num
    header, notes = reading.header, tuple[str, ...]()
    if header is None:
        header, notes = _find_header(origin.name, cells, rows)
    if not header:
        return Dialect(delimiter, tuple(map(str, range(len(cells)))), 0), notes
    try:
        "".join(cells).encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{origin.name}: a column name is not UTF-8. Convert the file with iconv -t UTF-8."
        ) from error
    return Dialect(delimiter, _names(cells), lines_before), notes


def _names(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns; unnamed columns get the names that pandas gives them."""
    names, taken = list(cells), set(cells)
    for position, cell in enumerate(cells):
        if cell:
            continue
        name = f"Unnamed: {position}"
        others = (f"{name}.{number}" for number in count(1))
        names[position] = next(free for free in chain([name], others) if free not in taken)
        taken.add(names[position])
    return tuple(names)


def delimiter_of(origin: Origin, reading: Reading, head: bytes) -> str:
    """Return the delimiter of the settings if there is one, and a tab for `.tsv`.

    Otherwise return the most frequent delimiter in the first row. If the row has none, return a
    space if there are spaces between cells, as numpy.savetxt writes, or else a comma.
    """
    if reading.delimiter:
        return reading.delimiter
    if ".tsv" in PurePath(origin.name).suffixes:
        return "\t"
    outside_quotes = _outside_quotes(head)
    most = max(_DELIMITERS, key=outside_quotes.count)
    if most in outside_quotes:
        return most
    return " " if " " in outside_quotes.strip() else ","


def _outside_quotes(head: bytes) -> str:
    """Return the first row that is not blank, without quoted text."""
    row = _ROW.search(head[: budget.MOST_FIRST_LINE].removeprefix(codecs.BOM_UTF8))
    return re.sub(rb'"[^"]*"', b"", row[0] if row else b"").decode("latin-1")


def _find_header(
    name: str, cells: Sequence[str], rows: Iterator[list[str]]
) -> tuple[bool, tuple[str, ...]]:
    """Return whether the first line is a header, and a note if the line contains only numbers.

    `cells` are the cells of the line. pandas writes 0, 1, 2, ... above unnamed columns. Such a line
    is a header if the rows below contain fractions. Otherwise it may be data, and raises DataError.
    """
    if not all(is_number(cell) for cell in cells):
        _require_names(name, cells, rows)
        return True, ()
    if list(cells) != [str(k) for k in range(len(cells))]:
        return False, (f"{name}: the first line contains only numbers and is read as data",)
    line = ",".join(cells) if len(cells) < 6 else f"0,1,...,{cells[-1]}"
    numbers = (cell for row in rows for cell in row if is_number(cell))
    fraction = next((cell for cell in numbers if not _WHOLE.fullmatch(cell)), None)
    if fraction is None:
        raise DataError(
            f"{name}: the first line, {line}, may be column names or values. Use --header or "
            "--no-header."
        )
    reason = f"the rows contain {quoted(fraction)}, which is not a whole number"
    return True, (
        f"{name}: read the first line, {line}, as column names, since {reason}. Use --no-header to "
        "read it as data.",
    )


def _are_counted(cells: Sequence[str]) -> bool:
    """Whether there are several numbers and they are consecutive, as class numbers are."""
    numbers = [float(cell) for cell in cells]
    return len(numbers) > 1 and numbers == [numbers[0] + k for k in range(len(numbers))]


def _require_names(name: str, cells: Sequence[str], rows: Iterator[list[str]]) -> None:
    """Raise DataError if a first line with words also has numbers that may be values.

    Such numbers are fractions, and whole numbers that are not consecutive and have only whole
    numbers below.
    """
    numbers = {position: cell for position, cell in enumerate(cells) if is_number(cell)}
    odd = next((cell for cell in numbers.values() if not float(cell).is_integer()), None)
    if odd is None and numbers and not _are_counted(list(numbers.values())):
        below = (row[k] for row in rows for k in numbers if k < len(row))
        if all(_WHOLE.fullmatch(cell) for cell in below if is_number(cell)):
            odd = next(iter(numbers.values()))
    if odd is not None:
        raise DataError(
            f"{name}: the first line contains words and {quoted(odd)}, so it may be column names "
            "or values. Use --header or --no-header."
        )
