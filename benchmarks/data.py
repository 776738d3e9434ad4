"""Make the data of the benchmarks from fixed seeds: python data.py FOLDER."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

LOSSES = [
    "nll",
    "cross-entropy",
    "bce",
    "bce-with-logits",
    "l1",
    "mse",
    "smooth-l1",
    "huber",
    "kl-div",
    "poisson-nll",
    "gaussian-nll",
    "soft-margin",
    "hinge-embedding",
    "margin-ranking",
    "cosine-embedding",
    "triplet-margin",
    "multi-margin",
    "multilabel-margin",
    "multilabel-soft-margin",
    "ctc",
]

# The number of rows, each with 100 values.
SIZES = {"small": 100, "large": 500_000}


@dataclass(frozen=True)
class Files:
    """The paths of the files in a folder, by name and by loss."""

    folder: Path

    def __getitem__(self, name: str) -> Path:
        return self.folder / (name if "." in name else f"{name}.npy")

    def of_loss(self, loss: str, size: str) -> list[Path]:
        """The paths of the inputs of a loss, in the order of its signature."""
        return [self.folder / size / f"{name}.npy" for name in INPUTS[loss]]


INPUTS = {
    "nll": ("log_probs", "labels"),
    "cross-entropy": ("logits", "labels"),
    "bce": ("probs", "yes_or_no"),
    "bce-with-logits": ("logits", "yes_or_no"),
    "l1": ("logits", "values"),
    "mse": ("logits", "values"),
    "smooth-l1": ("logits", "values"),
    "huber": ("logits", "values"),
    "kl-div": ("log_probs", "probs"),
    "poisson-nll": ("values", "yes_or_no"),
    "gaussian-nll": ("logits", "values", "probs"),
    "soft-margin": ("logits", "signs"),
    "hinge-embedding": ("logits", "signs"),
    "margin-ranking": ("logits", "values", "signs"),
    "cosine-embedding": ("logits", "values", "row_signs"),
    "triplet-margin": ("logits", "values", "probs"),
    "multi-margin": ("logits", "labels"),
    "multilabel-margin": ("logits", "label_rows"),
    "multilabel-soft-margin": ("logits", "yes_or_no"),
    "ctc": ("steps", "sequences", "step_counts", "sequence_lengths"),
}


def make(folder: Path) -> None:
    """Write the files that do not exist yet."""
    files = Files(folder)
    for size, rows in SIZES.items():
        (folder / size).mkdir(parents=True, exist_ok=True)
        for name, array in of_losses(rows):
            _save(folder / size / f"{name}.npy", array)
    for name, shape in {"logits": (100_000, 1000), "wide": (4096, 65536)}.items():
        rng = np.random.default_rng(1)
        if not files[name].exists():
            np.save(files[name], rng.standard_normal(shape, dtype=np.float32))
            labels = rng.integers(shape[1], size=shape[0])
            np.save(files["labels" if name == "logits" else f"{name}_labels"], labels)
    if not files["half"].exists():
        logits = np.load(files["logits"])
        np.save(files["half"], logits.astype(np.float16))
        odds = np.exp(logits)
        np.save(files["probs"], odds / odds.sum(axis=1, keepdims=True))
    _make_tables(files)


def of_losses(rows: int) -> Iterator[tuple[str, Any]]:
    """Yield the name and the values of every array that `INPUTS` names."""
    rng = np.random.default_rng(0)
    shape = (rows, 100)
    logits = rng.standard_normal(shape, dtype=np.float32)
    yield "logits", logits
    odds = np.exp(logits)
    probs = odds / odds.sum(axis=1, keepdims=True)
    yield "probs", probs
    yield "log_probs", np.log(probs)
    yield "values", rng.standard_normal(shape, dtype=np.float32)
    yield "labels", rng.integers(100, size=rows)
    yes = rng.random(shape, dtype=np.float32) < 0.3
    yield "yes_or_no", yes.astype(np.float32)
    yield "signs", np.where(yes, 1, -1).astype(np.float32)
    yield "row_signs", np.where(rng.random(rows) < 0.5, 1, -1)
    listed = np.full(shape, -1, dtype=np.int64)
    listed[:, :3] = np.argsort(rng.random((rows, 20)), axis=1)[:, :3]
    yield "label_rows", listed
    samples = max(rows // 1000, 4)
    steps = rng.standard_normal((200, samples, 50), dtype=np.float32)
    steps -= np.log(np.exp(steps).sum(axis=2, keepdims=True))
    yield "steps", steps
    yield "sequences", rng.integers(1, 50, size=(samples, 30))
    yield "step_counts", np.full(samples, 200)
    yield "sequence_lengths", np.full(samples, 30)


def _save(path: Path, array: NDArray[Any]) -> None:
    if not path.exists():
        np.save(path, array)


def _make_tables(files: Files) -> None:
    """Write tables with 10 columns of logits and a column of labels, as Parquet and CSV."""
    if files["table.csv"].exists():
        return
    rng = np.random.default_rng(2)
    columns = {f"c{i}": rng.standard_normal(5_000_000, dtype=np.float32) for i in range(10)}
    table = pa.table({**columns, "label": rng.integers(10, size=5_000_000)})
    pa.parquet.write_table(table, files["table.parquet"])
    pa.csv.write_csv(table, files["table.csv"])


if __name__ == "__main__":
    make(Path(sys.argv[1]))
