"""The same predictions and labels as files of every format and layout."""

from __future__ import annotations

import bz2
import gzip
import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
from numpy.typing import NDArray

import losscli

NAMES = ["cat", "dog", "bird"]
X = np.random.default_rng(3).normal(size=(40, 3)).astype(np.float32)
Y = np.arange(40) % 3
EXPECTED = losscli.cross_entropy(X, Y)


def columns() -> pa.Table:
    return pa.table({**{name: X[:, i] for i, name in enumerate(NAMES)}, "label": Y})


def lists(kind: pa.DataType) -> pa.Table:
    return pa.table({"logits": pa.array(list(X), kind), "label": Y})


def csv_text(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pa.csv.write_csv(table, sink, pa.csv.WriteOptions(**options))
    return sink.getvalue()


def json_lines(table: pa.Table) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in table.to_pylist()).encode()


def arrow(table: pa.Table, new: Callable[..., Any]) -> bytes:
    sink = io.BytesIO()
    with new(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)
    return sink.getvalue()


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pa.parquet.write_table(table, sink, **options)
    return sink.getvalue()


def npz(save: Callable[..., None], order: Any) -> bytes:
    sink = io.BytesIO()
    save(sink, logits=np.asarray(X, order=order), labels=Y)
    return sink.getvalue()


def feather(table: pa.Table, compression: str) -> bytes:
    sink = io.BytesIO()
    pa.feather.write_feather(table, sink, compression=compression)
    return sink.getvalue()


def decimals() -> pa.Table:
    exact = [[Decimal(float(x)).quantize(Decimal("1e-12")) for x in row] for row in X.T]
    kind = pa.decimal128(20, 12)
    return pa.table(
        {**{n: pa.array(col, kind) for n, col in zip(NAMES, exact, strict=True)}, "label": Y}
    )


def safetensors(**arrays: NDArray[Any]) -> bytes:
    """The tensors in the format that safetensors documents: length of the header, header,
    tensors."""
    kinds = {"float32": "F32", "float64": "F64", "int64": "I64", "uint16": "BF16"}
    header, data = {}, b""
    for name, array in arrays.items():
        raw = array.tobytes()
        header[name] = {
            "dtype": kinds[str(array.dtype)],
            "shape": array.shape,
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps({**header, "__metadata__": {"format": "np"}}).encode()
    return len(text).to_bytes(8, "little") + text + data


def named() -> pa.Table:
    return columns().set_column(3, "label", pa.array([NAMES[i] for i in Y]))


FILES: dict[str, Callable[[], bytes]] = {
    "t.csv": lambda: csv_text(columns()),
    "quoted.csv": lambda: csv_text(columns(), quoting_style="all_valid"),
    "blank_lines.csv": lambda: csv_text(columns()).replace(b"\n", b"\n\n"),
    "semicolons.csv": lambda: csv_text(columns(), delimiter=";"),
    "bars.txt": lambda: csv_text(columns(), delimiter="|"),
    "t.tsv": lambda: csv_text(columns(), delimiter="\t"),
    "t.csv.gz": lambda: gzip.compress(csv_text(columns())),
    "t.csv.bz2": lambda: bz2.compress(csv_text(columns())),
    "t.csv.zst": lambda: pa.compress(csv_text(columns()), "zstd", asbytes=True),
    "misnamed_gzip.csv": lambda: gzip.compress(csv_text(columns())),
    "names.csv": lambda: csv_text(named()),
    "prefixed.csv": lambda: csv_text(
        named().rename_columns(["prob_cat", "prob_dog", "prob_bird", "label"])
    ),
    "t.parquet": lambda: parquet(columns()),
    "many_groups.pq": lambda: parquet(columns(), row_group_size=7, compression="zstd"),
    "lists.parquet": lambda: parquet(lists(pa.list_(pa.float32()))),
    "large_lists.parquet": lambda: parquet(lists(pa.large_list(pa.float64()))),
    "fixed_lists.parquet": lambda: parquet(lists(pa.list_(pa.float32(), 3))),
    "names.parquet": lambda: parquet(named()),
    "dictionary.parquet": lambda: parquet(
        named().set_column(3, "label", named()["label"].dictionary_encode())
    ),
    "decimals.parquet": lambda: parquet(decimals()),
    "t.arrow": lambda: arrow(columns(), pa.ipc.new_file),
    "t.feather": lambda: feather(columns(), "lz4"),
    "plain.ipc": lambda: feather(columns(), "uncompressed"),
    "stream.arrow": lambda: arrow(columns(), pa.ipc.new_stream),
    "stream.arrows": lambda: arrow(lists(pa.list_(pa.float32())), pa.ipc.new_stream),
    "t.jsonl": lambda: json_lines(columns()),
    "lists.jsonl": lambda: json_lines(lists(pa.list_(pa.float32()))),
    "t.jsonl.gz": lambda: gzip.compress(json_lines(columns())),
    "names.ndjson": lambda: json_lines(named()),
    "stored.npz": lambda: npz(np.savez, "C"),
    "fortran.npz": lambda: npz(np.savez, "F"),
    "deflated.npz": lambda: npz(np.savez_compressed, "C"),
    "deflated_fortran.npz": lambda: npz(np.savez_compressed, "F"),
    "t.safetensors": lambda: safetensors(logits=X, labels=Y),
}
