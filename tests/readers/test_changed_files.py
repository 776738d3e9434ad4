"""Files that another process changes while losscli reads them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tables import save_table

from losscli import evaluate
from losscli.errors import DataError
from losscli.evaluation import model
from losscli.readers.tables import keys

ROWS = 20_000
TABLE = pa.table({"id": np.arange(ROWS), "x": np.arange(ROWS) / 7, "y": np.ones(ROWS)})


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(path.read_bytes()[:500])


def replace(path: Path) -> None:
    path.write_text("nothing that a reader knows\n" * 100)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


CHANGES = [truncate, append, replace, replace_by_folder, Path.unlink]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "arrow", "arrows"])
def test_between_the_keys_and_the_rows(
    suffix: str,
    change: Callable[[Path], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file that grew between two passes caused an internal error."""
    path, other = tmp_path / f"a.{suffix}", tmp_path / "b.parquet"
    save_table(path, TABLE)
    save_table(other, TABLE.take(np.random.default_rng(0).permutation(ROWS)))
    matched = keys.matched

    def matched_and_changed(files: list[keys.Keys], inner: bool) -> keys.Match:
        change(path)
        return matched(files, inner)

    monkeypatch.setattr("losscli.readers.tables.keys.matched", matched_and_changed)
    with pytest.raises(DataError, match=rf"^{path}: "):
        evaluate("l1", input=path, target=other, input_column="x", target_column="y", id="id")


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "arrow", "arrows"])
def test_between_the_columns_and_the_rows(
    suffix: str,
    change: Callable[[Path], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / f"a.{suffix}"
    save_table(path, TABLE)
    opened = model.open_model

    def open_and_change(*arguments: object, **options: object) -> object:
        found = opened(*arguments, **options)  # type: ignore[arg-type]
        change(path)
        return found

    monkeypatch.setattr("losscli.evaluation.evaluate.open_model", open_and_change)
    with pytest.raises(DataError, match=rf"^{path}: "):
        evaluate("l1", path, input_column="x", target_column="y")
