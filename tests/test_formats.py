"""The same predictions in every format, layout and number of files give the same loss."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import math
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest
from conftest import COMMAND, Run, run_command
from numpy.typing import NDArray

import losscli
from losscli import Wanted, evaluate
from losscli.cli import main
from losscli.errors import DataError
from losscli.readers.shards import natural

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
    """As its documentation says: the header's length, the header, the tensors."""
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


@pytest.mark.parametrize("name", FILES)
def test_one_file_with_everything_needs_no_flag(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name]())
    found = evaluate("ce", path)
    assert found.value == pytest.approx(EXPECTED, rel=1e-6)
    assert found.count == 40
    assert len(found.notes) == 1
    assert "input: took column" in found.notes[0]
    assert "; target: took column label" in found.notes[0]
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


@pytest.mark.parametrize("name", [*PIPED, "stream.arrow"])
def test_standard_input(name: str) -> None:
    """Without a stem columns have to be named: labels from a pipe cannot be read first."""
    data = FILES[name]()
    words = [*COMMAND, "ce", "-", "--quiet"]
    if name not in ("prefixed.csv", "stream.arrows", "lists.jsonl"):
        without = subprocess.run(words, input=data, capture_output=True, check=False)
        assert without.returncode == 1
        columns = re.search(r"Use (-i \S+) to take all of them", without.stderr.decode())
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
    assert b"plain files alone" in run.stderr or b"table of contents is last" in run.stderr


def test_a_fortran_array_cannot_be_piped() -> None:
    sink = io.BytesIO()
    np.save(sink, np.asfortranarray(X))
    run = subprocess.run(
        [*COMMAND, "ce", "-", "0"], input=sink.getvalue(), capture_output=True, check=False
    )
    assert run.returncode == 1
    assert b"numpy.ascontiguousarray(x) saves it in C order" in run.stderr


def test_the_format_can_be_said(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(FILES["t.parquet"]())
    assert evaluate("ce", path, input_format="parquet").value == pytest.approx(EXPECTED, rel=1e-6)


def test_bfloat16(tmp_path: Path) -> None:
    """The upper half of a float32: 1.0 is 0x3f80, and 1 + 2^-7 is 0x3f81."""
    path = tmp_path / "t.safetensors"
    path.write_bytes(safetensors(x=np.array([0x3F80, 0x3F81, 0xC000], dtype=np.uint16)))
    found = evaluate("l1", path, [0.0, 0.0, 0.0], input_column="x", reduction="none")
    np.testing.assert_array_equal(found.values, [1.0, 1.0078125, 2.0])
    assert found.inputs[0].dtype == "bfloat16"
    # 4.0078125 is between the bfloat16s 4.0 and 4.03125.
    total = evaluate("l1", path, [0.0, 0.0, 0.0], input_column="x", reduction="sum")
    assert total.value == 4.0078125
    assert total.warnings[0].startswith("computed from bfloat16 in float64;")
    assert total.warnings[0].endswith("rounded to that type, 4")


def test_bfloat16_in_shards(tmp_path: Path) -> None:
    for number, values in enumerate([[0x3F80, 0x3F81], [0xC000]]):
        shard = safetensors(x=np.array(values, dtype=np.uint16))
        (tmp_path / f"x-{number}.safetensors").write_bytes(shard)
    found = evaluate("l1", tmp_path, [0.0, 0.0, 0.0], input_column="x", reduction="sum")
    assert (found.value, found.inputs[0].dtype) == (4.0078125, "bfloat16")
    assert "|dtype:bfloat16+float64|" in found.signature
    assert found.warnings[0].startswith("computed from bfloat16 in float64;")
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
        ("m.pkl", 'for k, v in x.items()})" m.pkl m.npz, if you trust where it comes from'),
        ("m.h5", "['NAME'][()])\" m.h5 m.npy, where NAME is a data set in it"),
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
    """Of an array, or of the dictionary or tuple of them that such files hold."""
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


def test_columns_left_out_are_told(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,c0,c1,label\nhello,0.5,1.5,1\n")
    [note] = evaluate("ce", tmp_path / "t.csv").notes
    assert note.endswith("left out: text")


class TestCsv:
    def write(self, path: Path, text: str) -> Path:
        path.write_text(text)
        return path

    def test_without_a_header(self, tmp_path: Path) -> None:
        np.savetxt(tmp_path / "x.txt", X)
        np.savetxt(tmp_path / "y.csv", Y + 1, fmt="%d")
        found = evaluate("ce", tmp_path / "x.txt", tmp_path / "y.csv", class_base=1)
        assert found.value == pytest.approx(EXPECTED, rel=1e-6)
        assert found.count == 40
        assert "x.txt: the first line holds numbers, so it is taken as data" in found.notes[0]
        assert found.inputs[0].columns == ("0", "1", "2")

    def test_names_that_pandas_gives(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "x.csv", "0,1\n0.5,1.5\n")
        found = evaluate("ce", path, [1])
        assert found.count == 1
        assert found.notes[0] == (
            f"{path}: took the first line, 0,1, as column names, since the rows hold '0.5', which "
            "is not a whole number. Use --no-header to read it as data."
        )
        assert evaluate("ce", path, [1, 0], header=False).count == 2

    @pytest.mark.parametrize("fraction", ["1.0", "1e3", "nan", "-inf", ".5"])
    @pytest.mark.parametrize("before", ["", "2,3\n" * 5000])
    def test_numbers_written_by_pandas(self, fraction: str, before: str, tmp_path: Path) -> None:
        """Above an array of floats, of which the first block holds one that says so."""
        path = self.write(tmp_path / "x.csv", f"0,1\n{before}{fraction},4\n")
        found = evaluate("l1", path, 0.0, input_column="0,1")
        assert found.shape == (before.count("\n") + 1, 2)

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("0,1\n2,3\n", "0,1"),
            ("0,1\n2,\n,NA\n", "0,1"),
            ("0,1,2\n7,cat,3\n", "0,1,2"),
            ("0,1\n", "0,1"),
            (",".join(map(str, range(300))) + "\n" + ",".join(["5"] * 300), "0,1,...,299"),
        ],
    )
    def test_names_that_may_be_a_row_are_asked_about(
        self, text: str, line: str, run: Run, tmp_path: Path
    ) -> None:
        path = self.write(tmp_path / "x.csv", text)
        code, out, err = run("mse", path, "1")
        assert (code, out) == (1, "")
        assert err == (
            f"losscli: error: {path}: the first line, {line}, may be column names or values. Use "
            "--header or --no-header.\n"
        )

    def test_other_numbers_in_the_first_line_are_data(self, tmp_path: Path) -> None:
        for first in ("1,2", "0,2", "0.0,1.0", "1,0", "0,1.5"):
            path = self.write(tmp_path / "x.csv", f"{first}\n0.5,0.5\n")
            found = evaluate("l1", path, np.zeros((2, 2)))
            assert (found.count, found.notes[0].endswith("so it is taken as data")) == (4, True), (
                first
            )

    def test_columns_without_a_name_are_called_as_pandas_calls_them(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "t.csv", ",x,,Unnamed: 2\n7,1.5,0.5,9\n")
        for column, value in {
            "Unnamed: 0": 7,
            "x": 1.5,
            "Unnamed: 2.1": 0.5,
            "Unnamed: 2": 9,
        }.items():
            assert evaluate("l1", path, [0.0], input_column=column).value == value
        found = evaluate("l1", path, [0.0], input_column="x", wanted=Wanted(by=("Unnamed: 0",)))
        assert [one.labels for one in found.groups or ()] == [("7",)]

    def test_an_index_column_of_pandas_is_not_taken(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "x.csv", ",c0,c1,label\n0,0.5,1.5,1\n1,2.5,0.5,0\n")
        assert evaluate("ce", path).inputs[0].columns == ("c0", "c1")

    def test_one_0_may_be_either(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "y.csv", "0\n1\n")
        with pytest.raises(
            DataError, match="line, 0, may be column names or values. Use --header or --no"
        ):
            evaluate("l1", [0.0, 0.0], path)
        assert evaluate("l1", [0.0, 0.0], path, header=False).value == 0.5
        assert evaluate("l1", [0.0], path, header=True).value == 1.0

    def test_a_delimiter_that_is_said(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "x.csv", "a:b\n1.5:0\n")
        found = evaluate("l1", path, input_column="a", target_column="b", delimiter=":")
        assert found.value == 1.5

    def test_thousands_of_columns(self, tmp_path: Path) -> None:
        wide = np.random.default_rng(0).normal(size=(3, 5000))
        header = ",".join(f"c{i}" for i in range(5000))
        path = tmp_path / "x.csv"
        np.savetxt(path, wide, delimiter=",", header=header, comments="")
        found = evaluate("ce", path, [1, 2, 3], reduction="none")
        expected = losscli.cross_entropy(wide, [1, 2, 3], reduction="none")
        np.testing.assert_allclose(found.values, expected, rtol=1e-12)

    def test_utf_16_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_text("a,b\n1,2\n", encoding="utf-16")
        with pytest.raises(DataError, match=r"x.csv: found no text in UTF-8; iconv"):
            evaluate("l1", tmp_path / "x.csv", [0])


def test_a_word_among_numbers_does_not_leave_its_column_out(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("c0,c1,c2,y\n1.5,2.5,3.5,0\n4.5,oops,6.5,1\n")
    with pytest.raises(DataError, match="line 3, column 'c1': found 'oops', expected a number"):
        evaluate("ce", tmp_path / "t.csv")


def test_names_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"p\xe9,label\n0.5,1\n")
    with pytest.raises(DataError, match="found a name that is no UTF-8"):
        evaluate("bce", tmp_path / "t.csv")


class TestMissing:
    ROWS = "c0,c1,label\n0.5,1.5,1\nNA,0.5,0\n2.5,,1\n1.5,0.5,0\n"

    def test_a_row_is_named_or_left_out(self, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_text(self.ROWS)
        with pytest.raises(DataError, match="row 1, column .c0.: found no value.*--skip-missing"):
            evaluate("ce", path)
        found = evaluate("ce", path, skip_missing=True)
        assert found.value == losscli.cross_entropy([[0.5, 1.5], [1.5, 0.5]], [1, 0])
        assert (found.count, found.ignored) == (2, 2)

    def test_a_row_that_another_file_lacks(self, tmp_path: Path) -> None:
        pa.parquet.write_table(
            pa.table({"x": [[1.0, 2.0], None, [3.0, None], [4.0, 0.0]]}), tmp_path / "x.parquet"
        )
        pa.parquet.write_table(pa.table({"y": [0, 1, 1, None]}), tmp_path / "y.parquet")
        found = evaluate("ce", tmp_path / "x.parquet", tmp_path / "y.parquet", skip_missing=True)
        assert found.value == losscli.cross_entropy([[1.0, 2.0]], [0])
        assert (found.count, found.ignored) == (1, 3)


class TestClassNames:
    def test_unknown_ones_are_named_with_their_row(self, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_text("p_cat,p_dog,label\n0.5,1.5,dog\n0.5,1.5,cow\n")
        with pytest.raises(DataError, match="row 1, column 'label': found 'cow', expected one of"):
            evaluate("ce", path)

    @pytest.mark.parametrize("as_file", [False, True])
    def test_given_beside_an_array(self, as_file: bool, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", X)
        (tmp_path / "t.csv").write_bytes(FILES["names.csv"]())
        classes = ",".join(NAMES)
        if as_file:
            (tmp_path / "names.txt").write_text("\n".join(NAMES))
            classes = str(tmp_path / "names.txt")
        words = [tmp_path / "x.npy", tmp_path / "t.csv"]
        found = evaluate("ce", *words, target_column="label", classes=classes)
        assert found.value == EXPECTED
        assert found.classes == tuple(NAMES)
        with pytest.raises(DataError, match="holds names, expected class indices; --classes"):
            evaluate("ce", *words, target_column="label")

    def test_they_are_shown(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "t.csv"
        path.write_text("cat,dog,label\n0,0,dog\n0,0,cat\n")
        assert main(["ce", str(path), "-i", "cat,dog", "-r", "none", "-f", "csv"]) == 0
        half = float(np.log(2))
        assert capsys.readouterr().out == f"index,target,loss\n0,dog,{half}\n1,cat,{half}\n"

    def test_numbers_elsewhere_are_no_names(self, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_text("a,b,label\n0.5,x,1\n")
        with pytest.raises(DataError, match="line 2, column 'b': found 'x', expected a number"):
            evaluate("ce", path, input_column="a,b")


class TestPairing:
    def test_by_key_in_any_order(self, tmp_path: Path) -> None:
        order = np.random.default_rng(0).permutation(40)
        keys = [f"k{i}" for i in range(40)]
        inputs = columns().drop_columns("label").append_column("id", pa.array(keys))
        pa.parquet.write_table(inputs, tmp_path / "x.parquet")
        table = pa.table({"id": [keys[i] for i in order], "label": Y[order]})
        pa.csv.write_csv(table, tmp_path / "y.csv")
        paths = tmp_path / "x.parquet", tmp_path / "y.csv"
        found = evaluate("ce", *paths, id="id")
        assert found.value == pytest.approx(EXPECTED, rel=1e-12)
        assert found.pairing == "id id"
        with pytest.raises(DataError, match="row 0, column 'id': .* Use --id id to pair"):
            evaluate("ce", *paths)
        unpaired = evaluate("ce", *paths, pair="position")
        assert unpaired.value != found.value
        assert unpaired.pairing == "position"

    @pytest.mark.parametrize(
        ("keys", "expected"),
        [
            ([0, 1, 1], r"y.csv: 1 duplicate key \(1\)"),
            ([0, 1, 7], r"y.csv: found no row for 1 key of .*x.csv \(2\)"),
            ([0, 1], r"y.csv: found no row for 1 key of .*x.csv \(2\)"),
            ([0, 1, 2, 3, 4], r"x.csv: found no row for 2 keys of .*y.csv \(3, 4\)"),
        ],
    )
    def test_keys_that_do_not_pair(self, keys: list[int], expected: str, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_text("k,x\n0,1.5\n1,2.5\n2,3.5\n")
        rows = "".join(f"{key},0\n" for key in keys)
        (tmp_path / "y.csv").write_text(f"k,label\n{rows}")
        with pytest.raises(DataError, match=expected):
            evaluate(
                "l1",
                tmp_path / "x.csv",
                tmp_path / "y.csv",
                input_column="x",
                target_column="label",
                id="k",
            )

    def test_large_rows_wait_on_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("losscli.readers.pairing._HELD_BYTES", 10)
        x = pa.table({"k": [0, 1, 2], "x": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]})
        y = pa.table({"k": [2, 0, 1], "y": [[5.0, 6.0], [1.0, 2.0], [3.0, 5.0]]})
        pa.parquet.write_table(x, tmp_path / "x.parquet")
        pa.parquet.write_table(y, tmp_path / "y.parquet")
        found = evaluate(
            "l1",
            tmp_path / "x.parquet",
            tmp_path / "y.parquet",
            id="k",
            input_column="x",
            target_column="y",
            reduction="none",
        )
        np.testing.assert_array_equal(found.values, [[0, 0], [0, 1], [0, 0]])


class TestShards:
    def write(self, folder: Path, pattern: str, array: NDArray[Any], parts: int) -> None:
        for number, part in enumerate(np.array_split(array, parts)):
            np.save(folder / pattern.format(number), part)

    def test_natural_order(self) -> None:
        names = ["part-10", "part-2", "part-1", "b", "a-3-x", "a-20-x"]
        assert sorted(names, key=natural) == ["a-3-x", "a-20-x", "b", "part-1", "part-2", "part-10"]

    def test_inputs_and_targets_cut_differently(self, tmp_path: Path) -> None:
        self.write(tmp_path, "x-{}.npy", X, 12)
        self.write(tmp_path, "y-{}.npy", Y, 5)
        globs = str(tmp_path / "x-*.npy"), str(tmp_path / "y-*.npy")
        assert evaluate("ce", *globs).value == EXPECTED
        inputs = [str(path) for path in tmp_path.glob("x-*.npy")]
        assert evaluate("ce", inputs, globs[1]).value == EXPECTED
        targets = [f"--target={path}" for path in tmp_path.glob("y-*.npy")]
        run = run_command("ce", *inputs, *targets)
        assert float(run.stdout) == EXPECTED
        found = evaluate("ce", *globs)
        assert len(found.inputs[0].files) == 12
        assert found.inputs[0].files[-1].endswith("x-11.npy")

    @pytest.mark.parametrize("suffix", ["csv", "parquet"])
    def test_a_directory(self, suffix: str, tmp_path: Path) -> None:
        for number, rows in enumerate(np.array_split(np.arange(40), 11)):
            part = columns().take(pa.array(rows))
            write = pa.csv.write_csv if suffix == "csv" else pa.parquet.write_table
            write(part, tmp_path / f"part-{number}.{suffix}")
        (tmp_path / "dataset_info.json").write_text("{}")
        (tmp_path / "_SUCCESS").write_text("")
        found = evaluate("ce", tmp_path)
        assert found.value == pytest.approx(EXPECTED, rel=1e-6)
        assert found.count == 40

    def test_a_gap(self, tmp_path: Path) -> None:
        self.write(tmp_path, "x-{:05d}-of-00004.npy", X, 4)
        assert evaluate("ce", str(tmp_path / "x-*.npy"), Y).value == EXPECTED
        (tmp_path / "x-00002-of-00004.npy").unlink()
        with pytest.raises(DataError, match="found 3 of 4 parts; 00002-of-00004 is missing"):
            evaluate("ce", str(tmp_path / "x-*.npy"), Y)

    def test_parts_that_differ(self, tmp_path: Path) -> None:
        np.save(tmp_path / "x-0.npy", np.zeros((2, 3)))
        np.save(tmp_path / "x-1.npy", np.zeros((2, 4)))
        with pytest.raises(DataError, match=r"x-1.npy: found shape \(2, 4\); .*x-0.npy has"):
            evaluate("ce", str(tmp_path / "x-*.npy"), [0, 0, 0, 0])

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="no file is called so"):
            evaluate("ce", str(tmp_path / "x-*.npy"), [0])
        with pytest.raises(DataError, match="found no file in this directory"):
            evaluate("ce", tmp_path, [0])

    def test_several_formats(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("a\n1\n")
        np.save(tmp_path / "b.npy", X)
        with pytest.raises(DataError, match="several formats, .*a glob chooses"):
            evaluate("ce", tmp_path, [0])


class TestSequences:
    LENGTHS = (3, 1, 5, 2)

    def sequences(self) -> tuple[list[Any], list[Any]]:
        rng = np.random.default_rng(1)
        logits = [rng.normal(size=(size, 4)) for size in self.LENGTHS]
        return logits, [rng.integers(4, size=size) for size in self.LENGTHS]

    def table(self) -> pa.Table:
        logits, labels = self.sequences()
        nested = pa.array([row.tolist() for row in logits], pa.list_(pa.list_(pa.float64())))
        return pa.table({"logits": nested, "labels": [list(row) for row in labels]})

    @pytest.mark.parametrize("write", [parquet, json_lines])
    def test_steps_are_elements_and_rows_samples(self, write: Any, tmp_path: Path) -> None:
        suffix = "parquet" if write is parquet else "jsonl"
        path = tmp_path / f"t.{suffix}"
        path.write_bytes(write(self.table()))
        logits, labels = map(np.concatenate, self.sequences())
        found = evaluate("ce", path, reduction="none")
        expected = losscli.cross_entropy(logits, labels, reduction="none")
        np.testing.assert_allclose(found.values, expected, rtol=1e-13)
        assert (found.count, found.samples) == (11, 4)

    def test_shifted(self, tmp_path: Path) -> None:
        path = tmp_path / "t.parquet"
        path.write_bytes(parquet(self.table()))
        logits, labels = self.sequences()
        expected = losscli.cross_entropy(
            np.concatenate([row[:-1] for row in logits]),
            np.concatenate([row[1:] for row in labels]),
            reduction="none",
        )
        found = evaluate("ce", path, shift=True, reduction="none")
        np.testing.assert_allclose(found.values, expected, rtol=1e-13)

    def test_in_two_files(self, tmp_path: Path) -> None:
        table = self.table()
        pa.parquet.write_table(table.select(["logits"]), tmp_path / "x.parquet")
        pa.parquet.write_table(table.select(["labels"]), tmp_path / "y.parquet")
        paths = tmp_path / "x.parquet", tmp_path / "y.parquet"
        assert evaluate("ce", *paths).value == pytest.approx(
            losscli.cross_entropy(*map(np.concatenate, self.sequences())), rel=1e-13
        )
        labels = [list(row) for row in self.sequences()[1]]
        labels[1], labels[3] = labels[3], labels[1]  # as many steps, in other rows
        pa.parquet.write_table(pa.table({"labels": labels}), tmp_path / "y.parquet")
        with pytest.raises(DataError, match="row 1: input and target have sequences of differing"):
            evaluate("ce", *paths)

    def test_rows_that_disagree(self, tmp_path: Path) -> None:
        labels = [list(row) for row in self.sequences()[1]]
        labels[2] = labels[2][:-1]
        table = self.table().set_column(1, "labels", pa.array(labels))
        pa.parquet.write_table(table, tmp_path / "t.parquet")
        with pytest.raises(DataError, match="row 2: column 'logits' has 5 steps and .* 4 steps"):
            evaluate("ce", tmp_path / "t.parquet")


class TestShift:
    def test_of_an_array(self) -> None:
        x = np.random.default_rng(0).normal(size=(3, 6, 4))
        y = np.random.default_rng(1).integers(4, size=(3, 6))
        expected = losscli.cross_entropy(
            x[:, :-1].reshape(-1, 4), y[:, 1:].ravel(), reduction="none"
        ).reshape(3, 5)
        found = losscli.cross_entropy(x, y, class_axis=-1, shift=True, reduction="none")
        np.testing.assert_allclose(found, expected, rtol=1e-14)
        mask = np.random.default_rng(2).integers(2, size=(3, 6))
        kept = losscli.cross_entropy(x, y, class_axis=-1, shift=True, mask=mask, reduction="sum")
        assert kept == pytest.approx(expected[mask[:, 1:] == 1].sum(), rel=1e-14)

    def test_a_bad_target_is_named_where_it_stands(self) -> None:
        y = np.zeros((2, 4), dtype=int)
        y[1, 3] = 9
        with pytest.raises(DataError, match=r"target at \[1, 3\] is 9"):
            losscli.cross_entropy(np.zeros((2, 4, 3)), y, class_axis=-1, shift=True)

    def test_without_steps(self) -> None:
        with pytest.raises(DataError, match="has no axis of steps"):
            losscli.cross_entropy([1.0, 2.0], 0, shift=True)


class TestOneRow:
    """Tables whose number of rows is known only at their end, beside arrays of one row."""

    ONE = pa.table({"x": [1.0], "y": [3], "w": [2.0]})
    FIVE = pa.concat_tables([ONE] * 5)
    UNCOUNTED: ClassVar = {
        "csv": csv_text,
        "tsv": partial(csv_text, delimiter="\t"),
        "jsonl": json_lines,
        "arrows": partial(arrow, new=pa.ipc.new_stream),
    }

    @pytest.fixture(params=UNCOUNTED)
    def files(self, request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
        """A file of one row, and one of five."""
        write = self.UNCOUNTED[request.param]
        one, five = (tmp_path / f"{name}.{request.param}" for name in ("one", "five"))
        one.write_bytes(write(self.ONE))
        five.write_bytes(write(self.FIVE))
        return one, five

    def test_with_a_weight(self, files: tuple[Path, Path]) -> None:
        one, five = files
        for weight in ([2.0], one):
            more = {"weight": weight} | ({"weight_column": "w"} if weight is one else {})
            assert evaluate("mse", one, [3.0], input_column="x", **more).value == 4.0
            assert evaluate("mse", [1.0], one, target_column="y", **more).value == 4.0
            with pytest.raises(DataError, match=r"input has 5 rows, target has 1 rows"):
                evaluate("mse", five, [3.0], input_column="x", **more)
            with pytest.raises(DataError, match=r"input has 1 rows, target has 5 rows"):
                evaluate("mse", [1.0], five, target_column="y", **more)

    @pytest.mark.parametrize("loss", ["cross-entropy", "multi-margin"])
    def test_as_the_target_of_one_row_of_classes(self, loss: str, files: tuple[Path, Path]) -> None:
        one, five = files
        x = [0.5, -1.0, 0.25, 2.0]
        expected = getattr(losscli, loss.replace("-", "_"))(x, 3)
        assert evaluate(loss, x, one, target_column="y").value == expected
        with pytest.raises(DataError, match=r"five\.\w+: target has 5 rows; expected 1"):
            evaluate(loss, x, five, target_column="y")

    def test_as_the_target_of_one_pair_of_vectors(self, files: tuple[Path, Path]) -> None:
        one, five = files
        pair = ([1.0, 0.0], [0.0, 1.0])
        assert evaluate("cosine-embedding", *pair, one, target_column="x").value == 1.0
        with pytest.raises(DataError, match="target has 5 rows; expected 1"):
            evaluate("cosine-embedding", *pair, five, target_column="x")

    def test_as_the_mask_of_a_single_element(self, files: tuple[Path, Path]) -> None:
        one, five = files
        found = evaluate("ce", [0.0, 0.0], 1, mask=one, mask_column="x")
        assert found.value == pytest.approx(math.log(2), rel=1e-15)
        with pytest.raises(DataError, match="mask has 5 rows; expected 1"):
            evaluate("ce", [0.0, 0.0], 1, mask=five, mask_column="x")

    @pytest.mark.parametrize("suffix", ["npz", "safetensors"])
    def test_of_classes_in_a_file_of_arrays(self, suffix: str, tmp_path: Path) -> None:
        """-log softmax of [0, log 3] is [log 4, log 4/3]; torch takes (C) and (C) likewise."""
        arrays = {
            "x": np.array([0.0, math.log(3)]),
            "y": np.array(1),
            "q": np.array([0.25, 0.75]),
            "x1": np.array([1.5]),
            "q1": np.array([0.5]),
        }
        path = tmp_path / f"t.{suffix}"
        if suffix == "npz":
            np.savez(path, **arrays)
        else:
            path.write_bytes(safetensors(**arrays))

        def ce(x: str, y: str) -> float | None:
            return evaluate("ce", path, path, input_column=x, target_column=y).value

        assert ce("x", "y") == pytest.approx(math.log(4 / 3), rel=1e-14)
        assert ce("x", "q") == pytest.approx(math.log(4) / 4 + 3 * math.log(4 / 3) / 4, rel=1e-14)
        assert ce("x1", "q1") == 0.0

    @pytest.mark.parametrize("suffix", ["jsonl", "arrows", "parquet"])
    def test_sequences_of_one_step_have_none_left_to_judge(
        self, suffix: str, tmp_path: Path
    ) -> None:
        table = pa.table({"x": [[[1.0, 2.0]], [[1.0, 3.0]]], "y": [[1], [0]]})
        write = {**self.UNCOUNTED, "parquet": parquet}[suffix]
        path = tmp_path / f"t.{suffix}"
        path.write_bytes(write(table))
        found = evaluate("ce", path, input_column="x", target_column="y", shift=True)
        assert (found.count, found.shape) == (0, (0,))
        assert found.warnings == ("the result is NaN: the input is empty",)


def test_targets_without_a_usual_name(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,kind\n0.5,1.5,0\n")
    with pytest.raises(DataError, match="no column with a usual name for the target.*Use -t"):
        evaluate("ce", tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("a,b,label,target\n0.5,1.5,0,1\n")
    with pytest.raises(DataError, match="label, target could be the target. Use -t label or"):
        evaluate("ce", tmp_path / "t.csv")


def test_further_arrays_are_found_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("mean,target,var\n0.5,1.5,4\n")
    found = evaluate("gaussian-nll", tmp_path / "t.csv", input_column="mean")
    assert found.value == losscli.gaussian_nll([0.5], [1.5], [4.0])
