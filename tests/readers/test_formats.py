"""The same predictions give the same loss in every format and layout."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import COMMAND, Run
from predictions import (
    EXPECTED,
    FILES,
    X,
    Y,
    safetensors,
)

import losscli
from losscli import evaluate
from losscli.errors import DataError


@pytest.mark.parametrize("name", FILES)
def test_one_file_with_everything_needs_no_flag(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name]())
    found = evaluate("ce", path)
    assert found.value == pytest.approx(EXPECTED, rel=1e-6)
    assert found.count == 40
    assert len(found.notes) == 1
    assert "input: used column" in found.notes[0]
    assert "; target: used column label" in found.notes[0]
    each = evaluate("ce", path, reduction="none").values
    np.testing.assert_allclose(each, losscli.cross_entropy(X, Y, reduction="none"), rtol=2e-6)


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("misnamed")])
def test_without_a_suffix_the_first_bytes_decide(name: str, tmp_path: Path) -> None:
    path = tmp_path / "predictions"
    path.write_bytes(FILES[name]())
    assert evaluate("ce", path).value == pytest.approx(EXPECTED, rel=1e-6)


PIPED = [
    name for name in FILES if Path(name).suffix in {".csv", ".tsv", ".arrows", ".jsonl", ".gz"}
]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PIPED, "stream.arrow"])
def test_standard_input(name: str) -> None:
    """Without a common stem, the columns must be named, because labels from a pipe cannot be read
    first."""
    data = FILES[name]()
    words = [*COMMAND, "ce", "-", "--quiet"]
    if name not in ("prefixed.csv", "stream.arrows", "lists.jsonl"):
        without = subprocess.run(words, input=data, capture_output=True, check=False)
        assert without.returncode == 1
        columns = re.search(r"Use (-i \S+) to use all of them", without.stderr.decode())
        assert columns is not None
        words += columns[1].split()
    run = subprocess.run(words, input=data, capture_output=True, check=True)
    assert float(run.stdout) == pytest.approx(EXPECTED, rel=1e-6)
    assert run.stderr == b""


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_npy_on_standard_input(pack: Any, tmp_path: Path) -> None:
    sink = io.BytesIO()
    np.save(sink, X)
    np.save(tmp_path / "y.npy", Y)
    run = subprocess.run(
        [*COMMAND, "ce", "-", tmp_path / "y.npy"],
        input=pack(sink.getvalue()),
        capture_output=True,
        check=True,
    )
    assert float(run.stdout) == EXPECTED


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "stored.npz"])
def test_what_cannot_be_piped_says_so(name: str) -> None:
    run = subprocess.run(
        [*COMMAND, "ce", "-"], input=FILES[name](), capture_output=True, check=False
    )
    assert run.returncode == 1
    assert run.stderr.count(b"\n") == 1
    assert re.search(rb"can't read \S.* from (a pipe|standard input)", run.stderr)


def test_a_fortran_array_cannot_be_piped() -> None:
    sink = io.BytesIO()
    np.save(sink, np.asfortranarray(X))
    run = subprocess.run(
        [*COMMAND, "ce", "-", "0"], input=sink.getvalue(), capture_output=True, check=False
    )
    assert run.returncode == 1
    assert b"Save numpy.ascontiguousarray(x) instead." in run.stderr


def test_the_format_can_be_said(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(FILES["t.parquet"]())
    assert evaluate("ce", path, input_format="parquet").value == pytest.approx(EXPECTED, rel=1e-6)


def test_bfloat16(tmp_path: Path) -> None:
    """bfloat16 is the upper half of a float32: 1.0 is 0x3f80, and 1 + 2^-7 is 0x3f81."""
    path = tmp_path / "t.safetensors"
    path.write_bytes(safetensors(x=np.array([0x3F80, 0x3F81, 0xC000], dtype=np.uint16)))
    found = evaluate("l1", path, [0.0, 0.0, 0.0], input_column="x", reduction="none")
    np.testing.assert_array_equal(found.values, [1.0, 1.0078125, 2.0])
    assert found.inputs[0].dtype == "bfloat16"
    # 4.0078125 is between the bfloat16s 4.0 and 4.03125.
    total = evaluate("l1", path, [0.0, 0.0, 0.0], input_column="x", reduction="sum")
    assert total.value == 4.0078125
    assert total.notes[-1].startswith("the input is bfloat16;")
    assert total.notes[-1].endswith("PyTorch would round the result to that dtype: 4")


def test_bfloat16_in_shards(tmp_path: Path) -> None:
    for number, values in enumerate([[0x3F80, 0x3F81], [0xC000]]):
        shard = safetensors(x=np.array(values, dtype=np.uint16))
        (tmp_path / f"x-{number}.safetensors").write_bytes(shard)
    found = evaluate("l1", tmp_path, [0.0, 0.0, 0.0], input_column="x", reduction="sum")
    assert (found.value, found.inputs[0].dtype) == (4.0078125, "bfloat16")
    assert "|dtype:bfloat16+float64|" in found.signature
    assert found.notes[-1].startswith("the input is bfloat16;")
    wide = safetensors(x=np.array([1.0], np.float32))
    (tmp_path / "x-2.safetensors").write_bytes(wide)
    found = evaluate("l1", tmp_path, np.zeros(4), input_column="x", reduction="sum")
    assert (found.value, found.inputs[0].dtype, found.warnings) == (5.0078125, "float32", ())


@pytest.mark.parametrize("shards", [1, 2])
def test_the_byte_order_is_not_in_the_signature(shards: int, tmp_path: Path) -> None:
    found = []
    for order in "<>":
        folder = tmp_path / ("little" if order == "<" else "big")
        folder.mkdir()
        for number, part in enumerate(np.array_split(X, shards)):
            np.save(folder / f"{number}.npy", part.astype(f"{order}f4"))
        found.append(evaluate("ce", folder, Y.astype(f"{order}i8")))
    assert found[0].signature == found[1].signature
    assert [one.dtype for one in found[1].inputs] == ["float32", "int64"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("m.pt", 'x.items() if t.is_tensor(v)})" m.pt m.npz'),
        ("m.pkl", 'for k, v in x.items()})" m.pkl m.npz, if you trust its source'),
        ("m.h5", "['NAME'][()])\" m.h5 m.npy, where NAME is a data set in the file"),
        ("$(touch PWN).xlsx", "'$(touch PWN).xlsx' '$(touch PWN).csv'"),
        ("it's.xls", """'it'"'"'s.xls' 'it'"'"'s.csv'"""),
    ],
)
def test_what_is_not_read_comes_with_the_line_that_converts_it(
    name: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(b"anything")
    with pytest.raises(DataError) as error:
        evaluate("ce", name, [0])
    assert expected in str(error.value)


@pytest.mark.parametrize("kind", ["pt", "pkl"])
@pytest.mark.parametrize("form", ["one", "dictionary", "tuple"])
def test_the_line_that_converts_a_file_does(
    kind: str, form: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files contain an array, or a dictionary or tuple of arrays."""
    monkeypatch.chdir(tmp_path)
    name = f"$(touch PWN) it's.{kind}"
    values: list[Any] = [X, Y]
    if kind == "pt":
        torch = pytest.importorskip("torch")
        values = [torch.from_numpy(X).requires_grad_(), torch.from_numpy(Y)]
    held = {
        "one": values[0],
        "dictionary": dict(zip("xy", values, strict=True)),
        "tuple": tuple(values),
    }[form]
    if kind == "pt":
        torch.save({**held, "epoch": 3} if form == "dictionary" else held, name)
    else:
        Path(name).write_bytes(pickle.dumps(held))
    code, _, err = run("ce", name, "-i", "x", "-t", "y")
    line = err[err.index("python -c") :].removesuffix("\n").partition(", if you trust")[0]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["sh", "-c", line], check=True, env={**os.environ, "PATH": path})
    assert (code, Path("PWN").exists()) == (1, False)
    made = "$(touch PWN) it's.npz"
    columns = {"one": ["x"], "dictionary": ["x", "y"], "tuple": ["x0", "x1"]}[form]
    more = ["-t", columns[1]] if form != "one" else [",".join(map(str, Y))]
    assert float(run("ce", made, "-i", columns[0], *more, "-q")[1]) == pytest.approx(
        EXPECTED, rel=1e-6
    )


def test_a_damaged_member_of_npz(tmp_path: Path) -> None:
    sink = io.BytesIO()
    noise = np.random.default_rng(0).normal(size=(2000, 3))
    np.savez_compressed(sink, logits=noise, label=np.zeros(2000, dtype=int))
    content = bytearray(sink.getvalue())
    content[9000:9100] = bytes(100)
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"x.npz.logits.: "):
        evaluate("ce", tmp_path / "x.npz")
    (tmp_path / "x.npz").write_bytes(sink.getvalue()[:5000])
    with pytest.raises(DataError, match="not a readable .npz file"):
        evaluate("ce", tmp_path / "x.npz")
