"""Make the small files from which fuzzing starts: `python tests/fuzz/make_corpus.py`."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

CORPUS = Path(__file__).parent / "corpus"

X = np.array([[0.5, -1.25], [3.0, 1e-3], [-2.0, 7.5], [0.0, 0.25]])
TABLE = pa.table({"a": X[:, 0], "b": X[:, 1], "label": [0, 1, 1, 0]})
LISTS = pa.table({"x": X.tolist(), "name": ["cat", "dog", "dog", None]})

# Values that take much less space in a file than in memory.
ZEROS = np.zeros(50_000)
LONG = pa.DictionaryArray.from_arrays(pa.array(np.zeros(500, np.int8)), pa.array(["1" * 2000]))
CONSTANT = pa.table({"a": ZEROS, "b": ZEROS, "label": ZEROS.astype(np.int8)})
REPEATED = pa.table({"a": ZEROS[:500], "b": ZEROS[:500], "label": LONG})
NESTED = pa.table({"x": [[[0.5, 1.0]], [[2.0, 3.0]]] * 2, "name": [[{"a": 1}]] * 4})
VIEWS = pa.table({"a": [0.5, 1.0], "name": pa.array(["a" * 20, "b"], pa.string_view())})


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(save: Any) -> bytes:
    file = io.BytesIO()
    save(file, x=X, y=np.arange(4))
    return file.getvalue()


def parquet(table: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(table, file, **options)
    return file.getvalue()


def arrow(table: pa.Table, opening: Any, compression: str | None = None) -> bytes:
    file = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with opening(file, table.schema, options=options) as writer:
        writer.write_table(table)
    return file.getvalue()


def safetensors() -> bytes:
    header = {
        "x": {"dtype": "F64", "shape": [4, 2], "data_offsets": [0, 64]},
        "y": {"dtype": "I64", "shape": [4], "data_offsets": [64, 96]},
    }
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + X.tobytes() + np.arange(4).tobytes()


def lines(table: pa.Table) -> bytes:
    return "".join(f"{json.dumps(row)}\n" for row in table.to_pylist()).encode()


SEEDS: dict[str, list[bytes]] = {
    "npy": [npy(X), npy(np.asfortranarray(X.astype(">f4"))), npy(np.arange(4, dtype=np.int8))],
    "npz": [npz(np.savez), npz(np.savez_compressed)],
    "csv": [
        b"a,b,label\n0.5,1,0\n-1e3,nan,1\n",
        b'"a";"b"\r\n1;2\r\n3;NA\r\n',
        b"1 2\n3 4\n",
        b'\n"a\nb",c\n1,"2"\n\n3,"4\n"\n',
        b"x\n1\n\n3\n\n",
        b'a,b,label\n1,2,"' + b'""' * 300 + b'"\n',
        b",".join(b"c%d" % n for n in range(300)) + b"\n" + b",".join([b"1"] * 300) + b"\n",
    ],
    "tsv": [b"a\tb\n0.5\t1\n2\t3\n"],
    "parquet": [
        parquet(TABLE),
        parquet(LISTS, compression="none", use_dictionary=False),
        parquet(CONSTANT),
        parquet(REPEATED),
        parquet(NESTED, store_schema=False),
    ],
    "arrow": [
        arrow(TABLE, pa.ipc.new_file),
        arrow(LISTS, pa.ipc.new_stream),
        arrow(CONSTANT, pa.ipc.new_file, "zstd"),
        arrow(CONSTANT, pa.ipc.new_stream, "lz4"),
        arrow(REPEATED, pa.ipc.new_file),
        arrow(NESTED, pa.ipc.new_stream),
        arrow(VIEWS, pa.ipc.new_file),
    ],
    "jsonl": [
        lines(TABLE),
        lines(LISTS),
        b'{"a":1,"b":' + b"[" * 90 + b"]" * 90 + b"}\n",
        b'{"a":1,"b":2,"label":' + b'{"a":' * 90 + b"1" + b"}" * 90 + b"}\n",
    ],
    "safetensors": [safetensors()],
    "command": [
        b"mse\n1,2\n1,4",
        b"nll\n--from\nlogits\n1,2\n0",
        b"compare\nl1\n1\n2\n3",
        b"losses",
    ],
}


def main() -> None:
    for kind, seeds in SEEDS.items():
        (CORPUS / kind).mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds):
            (CORPUS / kind / f"seed-{number}").write_bytes(seed)


if __name__ == "__main__":
    main()
