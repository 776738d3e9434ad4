"""Fuzz a reader: any bytes give an error of one line, or the values that another library reads.

    pip install atheris
    python tests/fuzz/target.py FORMAT [libFuzzer's options] tests/fuzz/corpus/FORMAT

This lets atheris search for bytes that break a reader, guided by code coverage. FORMAT is a format
of losscli, or `command` for the words of the command line. The operating system limits the memory.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import resource
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from mutants import repeated
from numpy.typing import NDArray

from losscli.cli.main import main as losscli
from losscli.errors import LosscliError
from losscli.readers import Reading
from losscli.readers.formats import FORMATS, open_file

Arrays = Mapping[str, NDArray[Any]]

# The memory of a process that reads damaged files.
MOST_BYTES = 1 << 30

# One of this many changes repeats a piece of the file many times.
_REPEATED_ONE_OF = 50

# The number of rows read at a time, so that small files have several blocks.
_ROWS = 3

# The most values to read, since a few bytes may claim to contain far more.
_MOST_ROWS = 1 << 12

# The most columns to read. Each is read on its own, which takes time in proportion to their square.
_MOST_COLUMNS = 200

CORPUS = Path(__file__).parent / "corpus"

_SHARED_MEMORY = Path("/dev/shm")


def check(kind: str, data: bytes) -> bool:
    """Read the bytes as a file of that format, and return whether losscli and the reference could
    both read it. Raises for anything but an error of one line, and for numbers that differ from the
    reference."""
    with tempfile.NamedTemporaryFile(dir=_directory(), suffix=f".{kind}") as file:
        file.write(data)
        file.flush()
        try:
            ours = contents(file.name, kind)
        except LosscliError:
            return False
        try:
            with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
                warnings.simplefilter("ignore")
                theirs = _REFERENCES[kind](file.name)
        except Exception:  # noqa: BLE001 - what it cannot read, it has no word on
            return False
    compare(ours, theirs)
    return True


def contents(path: str, kind: str) -> dict[str, NDArray[Any]]:
    """All arrays of numbers in a file, as losscli reads them."""
    with contextlib.closing(open_file(path, Reading(kind, None, None))) as container:
        arrays = {name: one for name, one in list(_arrays(container)) if _is_readable(one)}
        blocks: dict[str, list[NDArray[Any]]] = {name: [] for name in arrays}
        for start in range(0, _MOST_ROWS, _ROWS):
            box = slice(start, start + _ROWS)
            for name, array in arrays.items():
                rest = [slice(None)] * (len(array.shape) - 1)
                blocks[name].append(array.read((box, *rest)[: len(array.shape)]))
            if all(one[-1].ndim == 0 or len(one[-1]) < _ROWS for one in blocks.values()):
                break
        return {
            name: parts[0] if parts[0].ndim == 0 else np.concatenate(parts)
            for name, parts in blocks.items()
        }


def _arrays(container: Any) -> Iterator[tuple[str, Any]]:
    """Open all arrays before the first is read."""
    names = container.offer.names
    for name in islice(dict.fromkeys(names) or ("",), _MOST_COLUMNS):
        with contextlib.suppress(LosscliError):
            yield name, container.array([name] if names else None, "--input-column")


def _is_readable(array: Any) -> bool:
    """Whether the array contains numbers, and its rows are short enough for a loss."""
    is_numbers = not (array.is_text or array.is_nested)
    return is_numbers and np.prod(array.shape[1:], dtype=float) < 1e6


def compare(ours: Arrays, theirs: Arrays) -> None:
    for name, array in ours.items():
        if name in theirs:
            expected = theirs[name]
            if array.ndim and len(expected) > _MOST_ROWS:
                expected = expected[: len(array)]
            if array.size == expected.size == 0:  # lists without rows have no length
                continue
            np.testing.assert_array_equal(array.astype(float), expected.astype(float), name)


def _npy(path: str) -> Arrays:
    return {"": np.load(path, allow_pickle=False)}


def _npz(path: str) -> Arrays:
    with np.load(path, allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


def _csv(path: str, delimiter: str = ",") -> Arrays:
    import csv

    with open(path, newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file, delimiter=delimiter)
    if any(_is_number(cell) for cell in header):
        raise ValueError("a line of names and a line of numbers are told apart by more than this")
    cells = dict(zip(header, zip(*rows, strict=True), strict=True))
    return _numbers({name: cells[name] for name in header if header.count(name) == 1})


def _numbers(columns: Mapping[str, Sequence[Any]]) -> Arrays:
    """The columns that contain only numbers."""
    found = {}
    for name, cells in columns.items():
        with contextlib.suppress(ValueError, TypeError):
            found[name] = np.array(cells, float)
    return found


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _jsonl(path: str) -> Arrays:
    import json

    rows = [json.loads(line) for line in Path(path).read_text("utf-8").splitlines() if line]
    shared = [name for name in rows[0] if all(name in row for row in rows)]
    return _numbers({name: [row[name] for row in rows] for name in shared})


def _parquet(path: str) -> Arrays:
    import pyarrow.parquet

    return _columns(pyarrow.parquet.read_table(path))


def _arrow(path: str) -> Arrays:
    import pyarrow as pa

    with pa.OSFile(path) as file:
        is_file = file.read(6) == b"ARROW1"
        file.seek(0)
        opening = pa.ipc.open_file if is_file else pa.ipc.open_stream
        with opening(file) as reader:
            table = reader.read_all()
    table.validate(full=True)
    return _columns(table)


def _columns(table: Any) -> Arrays:
    plain = [name for name in table.column_names if table.column_names.count(name) == 1]
    return {
        name: np.array(table.column(name).to_pylist(), float)
        for name in plain
        if not table.column(name).null_count
    }


def _safetensors(path: str) -> Arrays:
    import json

    data = Path(path).read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header, kinds = json.loads(data[8:end]), {"F64": "<f8", "F32": "<f4", "I64": "<i8"}
    found = {}
    for name, one in header.items():
        if name != "__metadata__" and one["dtype"] in kinds:
            begin, stop = one["data_offsets"]
            array = np.frombuffer(data[end + begin : end + stop], kinds[one["dtype"]])
            found[name] = array.reshape(one["shape"])
    return found


_REFERENCES: dict[str, Callable[[str], Arrays]] = {
    "npy": _npy,
    "npz": _npz,
    "csv": _csv,
    "tsv": lambda path: _csv(path, "\t"),
    "jsonl": _jsonl,
    "parquet": _parquet,
    "arrow": _arrow,
    "safetensors": _safetensors,
}


def check_command(data: bytes) -> None:
    """Any words must give a known exit code and no traceback."""
    words = data.decode("utf-8", "replace").replace("\0", "").split("\n")
    if any(word.startswith(("-o", "--o", "--install", "--show")) for word in words):
        return  # these options write to any path
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = losscli(words)
    assert code in (0, 1, 2, 3), code
    assert "internal error" not in err.getvalue(), err.getvalue()
    assert "Traceback" not in err.getvalue(), err.getvalue()


def _directory() -> Path | None:
    return _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else None


def main() -> None:
    import atheris

    kind = sys.argv.pop(1)
    if kind not in (*FORMATS, "command"):
        sys.exit(f"expected one of {', '.join(FORMATS)}, command; found {kind}")
    target = check_command if kind == "command" else lambda data: check(kind, data) and None
    atheris.instrument_all()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        draw = random.Random(seed)
        if draw.randrange(_REPEATED_ONE_OF):
            return bytes(atheris.Mutate(data, most))
        return repeated(data, draw, max(1, most - len(data)))[:most]

    atheris.Setup(sys.argv, target, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
