"""Write per-element losses to a file, through a temporary file that is renamed at the end.

The suffix determines the format. All formats write block by block.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from losscli.elements import Array, Elements
from losscli.errors import option_error
from losscli.report.atomic import AtomicFile
from losscli.report.elements import columns_of
from losscli.text import harmless_cell

# The number of rows to write at once. Readers of Parquet decode a whole row group.
_ROWS = 1 << 17


class Writer(Protocol):
    """Writes blocks of elements to an open file."""

    def elements(self, elements: Elements) -> None: ...

    def header(self, elements: Elements) -> None:
        """Write only the names and types of the columns of a block."""

    def finish(self, shape: tuple[int, ...]) -> None:
        """Write the header or the footer, which needs the shape of all losses."""

    def discard(self) -> None:
        """Stop writing."""


class Output:
    """A file of losses, which appears at its path when all losses are written.

    Creating an Output raises UsageError for an unknown suffix, and DataError if the file cannot be
    written. Without `finish`, the temporary file is removed.
    """

    def __init__(self, path: str) -> None:
        writer = _WRITERS.get(Path(path).suffix.lower())
        if writer is None:
            raise option_error("output", path, f"a file name with suffix {', '.join(_WRITERS)}")
        self._file = AtomicFile(path)
        self._writer = writer(self._file.file)

    def __enter__(self) -> Output:
        return self

    def __exit__(self, *error: object) -> None:
        with self._file:
            self._writer.discard()

    def header(self, elements: Elements) -> None:
        """Give a file without losses the columns that a block has."""
        self._writer.header(elements)

    def elements(self, elements: Elements) -> None:
        try:
            self._writer.elements(elements)
        except OSError as error:
            raise self._file.failed(error) from error

    def finish(self, shape: tuple[int, ...]) -> None:
        """Complete the file and rename it to its path. Raises DataError if that fails."""
        try:
            self._writer.finish(shape)
            self._file.commit()
        except OSError as error:
            raise self._file.failed(error) from error


class _Npy:
    """The losses as an array, with NaN for ignored elements. The header, which contains the shape,
    is written last."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._header_size = 0

    def header(self, elements: Elements) -> None:
        pass  # an array has no columns

    def elements(self, elements: Elements) -> None:
        losses = elements.losses.values
        if not self._header_size:
            self._reserve_header(losses.ndim)
        if elements.losses.ignored is not None:
            losses = np.where(elements.losses.ignored, np.nan, losses)
        self._file.write(np.ascontiguousarray(losses, "<f8").tobytes())

    def finish(self, shape: tuple[int, ...]) -> None:
        if not self._header_size:
            self._reserve_header(len(shape))
        header = {"descr": "<f8", "fortran_order": False, "shape": shape}
        text = str(header).encode("ascii")
        length = self._header_size - 10
        self._file.seek(0)
        self._file.write(b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little"))
        self._file.write(text.ljust(length - 1) + b"\n")

    def discard(self) -> None:
        pass

    def _reserve_header(self, rank: int) -> None:
        """Reserve space for any sizes. The size of a NumPy header is a multiple of 64 bytes."""
        self._header_size = math.ceil((80 + 22 * rank) / 64) * 64
        self._file.write(bytes(self._header_size))


class _Rows:
    """Columns of index, target, labels, weight and loss, several blocks at a time. The loss of an
    ignored element is missing."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._pending: list[Mapping[str, Array]] = []
        self._count = 0

    def header(self, elements: Elements) -> None:
        self._pending.append({name: column[:0] for name, column in columns_of(elements).items()})

    def elements(self, elements: Elements) -> None:
        columns = columns_of(elements)
        self._pending.append(columns)
        self._count += len(columns["loss"])
        if self._count >= _ROWS:
            self._write()

    def finish(self, shape: tuple[int, ...]) -> None:
        self._write()

    def discard(self) -> None:
        pass

    def _write(self) -> None:
        if self._pending:
            names = self._pending[0]
            self.write(
                {name: _concatenated([part[name] for part in self._pending]) for name in names}
            )
            self._pending, self._count = [], 0

    def write(self, columns: Mapping[str, Array]) -> None:
        raise NotImplementedError


def _concatenated(parts: Sequence[Array]) -> Array:
    """Concatenate arrays. The result is masked if any of the arrays is masked."""
    if any(isinstance(part, np.ma.MaskedArray) for part in parts):
        joined: Array = np.ma.concatenate(parts)  # type: ignore[no-untyped-call]
        return joined
    return np.concatenate(parts)


class _Jsonl(_Rows):
    def write(self, columns: Mapping[str, Array]) -> None:
        from losscli.json_text import dumps  # noqa: PLC0415 - only for this format

        values = (column.tolist() for column in columns.values())
        for row in zip(*values, strict=True):
            self._file.write(f"{dumps(dict(zip(columns, row, strict=True)))}\n".encode())


class _Arrow(_Rows):
    """Formats that pyarrow writes, with the schema of the first batch."""

    _writer: Any = None

    def write(self, columns: Mapping[str, Array]) -> None:
        import pyarrow as pa  # noqa: PLC0415 - only for these formats

        table = pa.table({name: _column(values) for name, values in columns.items()})
        if self._writer is None:
            self._writer = self.open_writer(table.schema)
        self._writer.write_table(table)

    def finish(self, shape: tuple[int, ...]) -> None:
        super().finish(shape)
        if self._writer is None:
            import pyarrow as pa  # noqa: PLC0415 - only for these formats

            self._writer = self.open_writer(pa.schema([("loss", pa.float64())]))
        self._writer.close()

    def open_writer(self, schema: Any) -> Any:
        raise NotImplementedError


def _column(values: Array) -> Any:
    """An Arrow array. Labels are text, so that the type does not depend on the first block."""
    import pyarrow as pa  # noqa: PLC0415 - only for these formats

    if values.dtype != object:
        return pa.array(values)
    texts = [None if label is None else str(label) for label in values.tolist()]
    return pa.array(texts, pa.string())


class _Csv(_Arrow):
    def write(self, columns: Mapping[str, Array]) -> None:
        super().write({harmless_cell(name): _harmless(column) for name, column in columns.items()})

    def open_writer(self, schema: Any) -> Any:
        from pyarrow import csv  # noqa: PLC0415 - only for this format

        return csv.CSVWriter(self._file, schema)


def _harmless(column: Array) -> Array:
    """The column, with labels that a spreadsheet would evaluate as formulas prefixed with `'`."""
    if column.dtype != object:
        return column
    cells = [None if label is None else harmless_cell(str(label)) for label in column.tolist()]
    return np.array(cells, dtype=object)


class _Parquet(_Arrow):
    def open_writer(self, schema: Any) -> Any:
        from pyarrow import parquet  # noqa: PLC0415 - only for this format

        return parquet.ParquetWriter(self._file, schema)

    def discard(self) -> None:
        """Keep pyarrow from writing the end of the file when the writer is deleted."""
        if self._writer is not None:
            self._writer.is_open = False


_WRITERS: dict[str, Callable[[IO[bytes]], Writer]] = {
    ".npy": _Npy,
    ".csv": _Csv,
    ".parquet": _Parquet,
    ".pq": _Parquet,
    ".jsonl": _Jsonl,
}
