"""Labels with 64-bit offsets, the default of pandas since version 3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from conftest import Run

# Each type, and the type with 32-bit offsets.
KINDS = {
    "text": (pa.large_string(), pa.string()),
    "dictionary": (pa.dictionary(pa.int32(), pa.large_string()), pa.string()),
    "binary": (pa.large_binary(), pa.binary()),
}
WORDS = [
    ["--by", "site"],
    ["--cluster", "site", "-f", "json"],
    ["--keep", "site", "--top", "3"],
    ["--where", "site!=a", "--by", "site"],
    ["--id", "site,number", "--by", "site"],
]


def table(kind: pa.DataType) -> Any:
    rng = np.random.default_rng(0)
    numbers = {name: rng.normal(size=300) for name in ("x", "y")}
    site = pa.array(["a", "b", "c"] * 100).cast(kind)
    return pa.table({**numbers, "site": site, "number": np.arange(300)})


@pytest.mark.parametrize("words", WORDS, ids=lambda words: words[0])
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_the_same_as_other_text(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, name: str, words: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    printed = []
    for kind in KINDS[name]:
        path = f"t{suffix}"
        if suffix == ".parquet":
            pyarrow.parquet.write_table(table(kind), path, row_group_size=100)
        else:
            pyarrow.feather.write_feather(table(kind), path, compression="uncompressed")
        code, out, err = run("mse", path, "-i", "x", *words, "-q")
        assert code == 0, err
        printed.append(_without_bytes(out))
    assert printed[0] == printed[1]


def _without_bytes(text: str) -> str:
    """The output without the size of the file."""
    return "\n".join(line for line in text.splitlines() if '"bytes"' not in line)
