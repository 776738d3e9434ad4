"""The loss of every element in a file, written beside it and renamed: it is never half there.

The suffix says the format; each writes blocks as they come.
"""

from __future__ import annotations

import math
import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from losscli.elements import Array, Elements
from losscli.errors import DataError, UsageError
from losscli.report.elements import columns_of
from losscli.text import harmless_cell

# Rows that are written at once: Parquet decodes a row group whole.
_ROWS = 1 << 17


class Writer(Protocol):
    """Writes blocks of elements to a file that is open."""

    def elements(self, elements: Elements) -> None: ...

    def finish(self, shape: tuple[int, ...]) -> None:
        """Write what can only be known at the end."""

    def discard(self) -> None:
        """Write nothing more, whatever is left."""


class Output:
    """A file that takes losses as they are computed, and is in its place once all are written.

    Opening it tries whether it can be written. Left without `finish`, it was never there.
    """

    def __init__(self, path: str) -> None:
        writer = _WRITERS.get(Path(path).suffix.lower())
        if writer is None:
            raise UsageError(f"--output is {path!r}; expected a name in {', '.join(_WRITERS)}")
        self._path = path
        self._file = _open_beside(path)
        self._writer = writer(self._file)

    def __enter__(self) -> Output:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._writer.discard()
            with suppress(OSError):  # what a full disk does not take is not wanted any more
                self._file.close()
        finally:
            Path(self._file.name).unlink(missing_ok=True)

    def elements(self, elements: Elements) -> None:
        try:
            self._writer.elements(elements)
        except OSError as error:
            raise self._failed(error) from error

    def finish(self, shape: tuple[int, ...]) -> None:
        """Put the file into its place."""
        try:
            self._writer.finish(shape)
            self._file.flush()
            os.fsync(self._file.fileno())
            os.replace(self._file.name, os.path.realpath(self._path))
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> DataError:
        return DataError(f"{self._path}: cannot write it: {error.strerror or error}")


@contextmanager
def undisturbed() -> Iterator[None]:
    """What ends the process waits for the end of this: a file that was just made is not forgotten
    before somebody knows that it has to go."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_ENDING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def _open_beside(path: str) -> Any:
    """A file in the same directory, with the rights that the one at `path` has or would get."""
    place = Path(os.path.realpath(path))
    try:
        if place.exists() and not place.is_file():
            raise DataError(f"{path}: cannot write it: it is no regular file")
        file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed by the output
            dir=place.parent, prefix=".losscli.", delete=False
        )
    except OSError as error:
        raise DataError(f"{path}: cannot write it: {error.strerror or error}") from error
    with suppress(OSError):  # some file systems have rights of their own
        mode = place.stat().st_mode if place.exists() else 0o666 & ~_umask()
        os.chmod(file.name, mode & 0o777)
    return file


def _umask() -> int:
    """The process's, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


class _Npy:
    """The losses alone, in the shape of `none`, NaN for ignored elements. The header, which holds
    the shape, is written last."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._room = 0

    def elements(self, elements: Elements) -> None:
        losses = elements.losses.values
        if not self._room:
            self._leave_room(losses.ndim)
        if elements.losses.ignored is not None:
            losses = np.where(elements.losses.ignored, np.nan, losses)
        self._file.write(np.ascontiguousarray(losses, "<f8").tobytes())

    def finish(self, shape: tuple[int, ...]) -> None:
        if not self._room:
            self._leave_room(len(shape))
        facts = {"descr": "<f8", "fortran_order": False, "shape": shape}
        text = str(facts).encode("ascii")
        length = self._room - 10
        self._file.seek(0)
        self._file.write(b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little"))
        self._file.write(text.ljust(length - 1) + b"\n")

    def discard(self) -> None:
        pass

    def _leave_room(self, rank: int) -> None:
        """Enough for any sizes; NumPy wants headers of a multiple of 64 bytes."""
        self._room = math.ceil((80 + 22 * rank) / 64) * 64
        self._file.write(bytes(self._room))


class _Rows:
    """Columns of index, target, labels, weight and loss, some blocks at a time. The loss of an
    ignored element is missing."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._held: list[Mapping[str, Array]] = []
        self._count = 0

    def elements(self, elements: Elements) -> None:
        columns = columns_of(elements)
        self._held.append(columns)
        self._count += len(columns["loss"])
        if self._count >= _ROWS:
            self._write()

    def finish(self, shape: tuple[int, ...]) -> None:
        self._write()

    def discard(self) -> None:
        pass

    def _write(self) -> None:
        if self._held:
            names = self._held[0]
            self.write({name: _end_to_end([one[name] for one in self._held]) for name in names})
            self._held, self._count = [], 0

    def write(self, columns: Mapping[str, Array]) -> None:
        raise NotImplementedError


def _end_to_end(parts: Sequence[Array]) -> Array:
    """Arrays joined, masked if one of them is."""
    if any(isinstance(one, np.ma.MaskedArray) for one in parts):
        joined: Array = np.ma.concatenate(parts)  # type: ignore[no-untyped-call]
        return joined
    return np.concatenate(parts)


class _Jsonl(_Rows):
    def write(self, columns: Mapping[str, Array]) -> None:
        from losscli.report.json_text import dumps  # noqa: PLC0415 - beside this format alone

        values = (column.tolist() for column in columns.values())
        for row in zip(*values, strict=True):
            self._file.write(f"{dumps(dict(zip(columns, row, strict=True)))}\n".encode())


class _Arrow(_Rows):
    """What pyarrow writes: record batches of a schema that the first of them has."""

    _writer: Any = None

    def write(self, columns: Mapping[str, Array]) -> None:
        import pyarrow as pa  # noqa: PLC0415 - beside these formats alone

        table = pa.table({name: _column(values) for name, values in columns.items()})
        if self._writer is None:
            self._writer = self.open_writer(table.schema)
        self._writer.write_table(table)

    def finish(self, shape: tuple[int, ...]) -> None:
        super().finish(shape)
        if self._writer is None:
            import pyarrow as pa  # noqa: PLC0415 - beside these formats alone

            self._writer = self.open_writer(pa.schema([("loss", pa.float64())]))
        self._writer.close()

    def open_writer(self, schema: Any) -> Any:
        raise NotImplementedError


def _column(values: Array) -> Any:
    """An Arrow array; labels are text, so that a first block without any does not fix the type."""
    import pyarrow as pa  # noqa: PLC0415 - beside these formats alone

    if values.dtype != object:
        return pa.array(values)
    return pa.array([None if one is None else str(one) for one in values.tolist()], pa.string())


class _Csv(_Arrow):
    def write(self, columns: Mapping[str, Array]) -> None:
        super().write({harmless_cell(name): _harmless(column) for name, column in columns.items()})

    def open_writer(self, schema: Any) -> Any:
        from pyarrow import csv  # noqa: PLC0415 - beside this format alone

        return csv.CSVWriter(self._file, schema)


def _harmless(column: Array) -> Array:
    """Labels that no spreadsheet computes."""
    if column.dtype != object:
        return column
    cells = [None if one is None else harmless_cell(str(one)) for one in column.tolist()]
    return np.array(cells, dtype=object)


class _Parquet(_Arrow):
    def open_writer(self, schema: Any) -> Any:
        from pyarrow import parquet  # noqa: PLC0415 - beside this format alone

        return parquet.ParquetWriter(self._file, schema)

    def discard(self) -> None:
        """Else pyarrow writes the end of the file as the writer is forgotten."""
        if self._writer is not None:
            self._writer.is_open = False


_WRITERS: dict[str, Callable[[IO[bytes]], Writer]] = {
    ".npy": _Npy,
    ".csv": _Csv,
    ".parquet": _Parquet,
    ".pq": _Parquet,
    ".jsonl": _Jsonl,
}
