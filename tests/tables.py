"""Tables for tests: files in several formats, and the losses as plain formulas."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import ipc, parquet

Numbers = NDArray[Any]
Columns = dict[str, Any]


def write_file(path: Path, content: Any) -> None:
    """Write text, an array, or named columns in the format of the suffix."""
    path.parent.mkdir(exist_ok=True)
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    elif path.suffix == ".npy":
        np.save(path, content)
    elif path.suffix == ".npz":
        np.savez(path, **content)
    elif path.suffix == ".parquet":
        parquet.write_table(pa.table({name: as_list(one) for name, one in content.items()}), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in _rows(content)))
    else:
        _write_csv(path, content)


def save_table(path: Path, table: pa.Table) -> None:
    """Write a table in the format of the suffix; of `arrows` as a stream."""
    if path.suffix in (".csv", ".jsonl"):
        write_file(path, table.to_pydict())
        return
    with path.open("wb") as file:
        if path.suffix == ".parquet":
            parquet.write_table(table, file)
            return
        new = {".arrow": ipc.new_file, ".arrows": ipc.new_stream}[path.suffix]
        with new(file, table.schema) as writer:
            writer.write_table(table)


def _write_csv(path: Path, columns: Columns) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(row.values() for row in _rows(columns))


def _rows(columns: Columns) -> list[dict[str, Any]]:
    cells = zip(*map(as_list, columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in cells]


def as_list(column: Any) -> list[Any]:
    return column.tolist() if isinstance(column, np.ndarray) else list(column)


def cross_entropy(logits: Numbers, labels: Numbers) -> float:
    """mean of log(sum(exp(x))) - x[y]"""
    sums = np.log(np.exp(logits).sum(axis=1))
    return float(np.mean(sums - logits[np.arange(len(labels)), labels]))


def log_loss(probabilities: Numbers, labels: Numbers) -> float:
    """mean of -log(p[y])"""
    return float(-np.log(probabilities[np.arange(len(labels)), labels]).mean())


def binary(probabilities: Numbers, targets: Numbers) -> float:
    """mean of -(y log x + (1 - y) log(1 - x))"""
    terms = targets * np.log(probabilities) + (1 - targets) * np.log(1 - probabilities)
    return float(-terms.mean())


def brier(probabilities: Numbers, labels: Numbers) -> float:
    """mean of sum((p - one-hot y)²), halved for two classes"""
    classes = probabilities.shape[1]
    sums = np.square(probabilities - np.eye(classes)[labels]).sum(axis=1)
    return float(sums.mean() * (0.5 if classes == 2 else 1.0))


def squared(inputs: Numbers, targets: Numbers) -> float:
    return float(np.mean((inputs - targets) ** 2))


def absolute(inputs: Numbers, targets: Numbers) -> float:
    return float(np.mean(np.abs(inputs - targets)))


def divergence(log_probabilities: Numbers, targets: Numbers) -> float:
    """mean of p (log p - x) over all elements"""
    return float(np.mean(targets * (np.log(targets) - log_probabilities)))


def softmax(logits: Numbers) -> Numbers:
    powers: Numbers = np.exp(logits)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
