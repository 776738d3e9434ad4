"""Labels and keys of every type, which are distinguished by every digit."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import json
import math
import os
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from conftest import Run
from pyarrow import ipc, parquet

from losscli import Wanted, evaluate

NAN = float("nan")


def write(path: Path, **columns: Any) -> Path:
    table = pa.table(columns)
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
    else:
        with ipc.new_file(path, table.schema) as file:
            file.write_table(table)
    return path


def groups(run: Run, *words: object) -> dict[str, float]:
    """The loss of each group, read from CSV output."""
    code, out, err = run(*words, "-f", "csv")
    assert (code, err) == (0, "")
    lines = list(csv.reader(io.StringIO(out)))
    _, *rows = lines[lines.index([]) + 1 :]  # the rows after the loss
    found = {row[0]: float(row[1]) for row in rows}
    assert len(found) == len(rows)
    return found


def refusal(run: Run, *words: object, code: int = 1) -> str:
    """The one line that the command prints as an error."""
    found, out, err = run(*words)
    assert (found, out) == (code, "")
    [line] = err.splitlines()
    assert "internal error" not in line
    assert "write the result" not in line
    return str(line.removeprefix("losscli: error: "))


class TestNanAsLabel:
    """NaN is unequal to itself, but all NaN are the same label."""

    ROWS = 400_000  # several batches

    def labels(self) -> Any:
        return np.where(np.arange(self.ROWS) % 2, NAN, 1.0)

    def test_one_group(self, run: Run, tmp_path: Path) -> None:
        x = np.where(np.arange(self.ROWS) % 2, 3.0, 1.0)
        path = tmp_path / "t.parquet"
        table = pa.table({"x": x, "y": np.zeros(self.ROWS), "g": self.labels()})
        parquet.write_table(table, path, use_dictionary=False, compression="none")
        assert groups(run, "l1", path, "-i", "x", "-t", "y", "--by", "g") == {"nan": 3.0, "1": 1.0}
        words = ["l1", path, "-i", "x", "-t", "y", "--cluster", "g", "-f", "json"]
        assert json.loads(run(*words)[1])["samples"] == 2

    def test_one_group_of_a_file_of_labels(self, run: Run, tmp_path: Path) -> None:
        x, g = tmp_path / "x.npy", tmp_path / "g.npy"
        np.save(x, np.where(np.arange(self.ROWS) % 2, 5.0, 3.0))
        np.save(g, self.labels())
        y = tmp_path / "y.npy"
        np.save(y, np.zeros(self.ROWS))
        assert groups(run, "l1", x, y, "--by", g) == {"nan": 5.0, "1": 3.0}


class TestDigits:
    """Neither labels nor keys are converted to float64, which has 15 digits."""

    BIG = (2**53, 2**53 + 1)
    HUGE = (2**64 - 1, 2**64 - 2)

    def two(self, tmp_path: Path, one: Any, other: Any) -> list[object]:
        """A command that pairs two tables by keys."""
        a = write(tmp_path / "a.parquet", id=one, x=[1.0, 2.0])
        b = write(tmp_path / "b.parquet", id=other, x=[5.0, 7.0])
        return ["l1", a, b, "-i", "x", "-t", "x", "--id", "id", "-r", "none"]

    def test_keys_of_csv_are_text(self, run: Run, tmp_path: Path) -> None:
        a, b = tmp_path / "a.csv", tmp_path / "b.csv"
        words = ["l1", a, b, "-i", "x", "-t", "x", "--id", "id", "-r", "none"]
        a.write_text(f"id,x\n{self.HUGE[0]},1\n{self.HUGE[1]},2\n")
        b.write_text(f"id,x\n{self.HUGE[1]},5\n{self.HUGE[0]},7\n")
        assert run(*words)[1] == "6.0\n3.0\n"
        b.write_text(f"id,x\n{self.HUGE[1]},5\n{self.HUGE[1] - 1},7\n")
        assert f"no row for 1 key of {a} ({self.HUGE[0]})." in refusal(run, *words)

    def test_a_key_of_csv_keeps_its_zeros(self, run: Run, tmp_path: Path) -> None:
        a, b = tmp_path / "a.csv", tmp_path / "b.csv"
        a.write_text("id,x\n007,1\n")
        b.write_text("id,x\n7,1\n")
        words = ["l1", a, b, "-i", "x", "-t", "x", "--id", "id"]
        assert f"no row for 1 key of {a} (007)." in refusal(run, *words)

    def test_keys_of_csv_meet_those_of_parquet(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("id,x\n8,1\n7,2\n")
        b = write(tmp_path / "b.parquet", id=[7, 8], x=[5.0, 9.0])
        words = ["l1", tmp_path / "a.csv", b, "-i", "x", "-t", "x", "--id", "id", "-r", "none"]
        assert run(*words)[1] == "8.0\n3.0\n"

    def test_decimal_keys(self, run: Run, tmp_path: Path) -> None:
        keys = [Decimal(one) for one in self.BIG]
        assert run(*self.two(tmp_path, keys, keys[::-1]))[1] == "6.0\n3.0\n"
        words = self.two(tmp_path, keys, [keys[0], keys[1] + 1])
        assert "(9007199254740993)" in refusal(run, *words)

    @pytest.mark.parametrize(
        "others",
        [
            pa.array([Decimal("2.5000"), Decimal("2")], pa.decimal128(9, 4)),
            pa.array([2.5, 2.0]),
            pa.array(["2.5", "2"]),
        ],
    )
    def test_decimal_keys_meet_others(self, others: pa.Array, run: Run, tmp_path: Path) -> None:
        keys = pa.array([Decimal("2.00"), Decimal("2.50")], pa.decimal128(9, 2))
        assert run(*self.two(tmp_path, keys, others))[1] == "6.0\n3.0\n"

    def test_keys_that_are_no_text(self, run: Run, tmp_path: Path) -> None:
        line = refusal(run, *self.two(tmp_path, [b"\xff", b"a"], [1, 2]))
        assert "a.parquet: the type of the keys, binary, does not match the other file" in line

    def test_decimal_labels(self, run: Run, tmp_path: Path) -> None:
        labels = [Decimal(one) for one in (*self.BIG, self.BIG[0])]
        path = write(tmp_path / "t.parquet", g=labels, x=[1.0, 2.0, 4.0], y=[0.0] * 3)
        expected = {"9007199254740992": 2.5, "9007199254740993": 2.0}
        assert groups(run, "l1", path, "-i", "x", "-t", "y", "--by", "g") == expected
        words = ["l1", path, "-i", "x", "-t", "y", "--cluster", "g", "-f", "json"]
        assert json.loads(run(*words)[1])["samples"] == 2

    def test_decimal_labels_that_are_the_target_as_well(self, run: Run, tmp_path: Path) -> None:
        labels = [Decimal(one) for one in self.BIG]
        path = write(tmp_path / "t.parquet", g=labels, x=[1.0, 2.0])
        found = groups(run, "l1", path, "-i", "x", "-t", "g", "--by", "g")
        assert sorted(found) == ["9007199254740992", "9007199254740993"]

    def test_labels_of_csv_that_are_the_target_as_well(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "t.csv").write_text("g,x\n007,1.0\n7,2.0\n 7,4.0\n")
        words = ["l1", tmp_path / "t.csv", "-i", "x", "-t", "g", "--by", "g"]
        assert groups(run, *words) == {"007": 6.0, "7": 5.0, " 7": 3.0}
        (tmp_path / "t.csv").write_text("g,x\n007,1.0\ncat,2.0\n")
        assert refusal(run, *words).endswith("column 'g': expected a number, found 'cat'")

    def test_yes_and_no_of_csv_that_are_the_target_as_well(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_text("g,x\ntrue,0.5\nfalse,0.25\n")
        words = ["l1", path, "-i", "x", "-t", "g", "--by", "g"]
        assert groups(run, *words) == {"true": 0.5, "false": 0.25}
        path.write_text("g,x\ntrue,0.5\n" + "false,0.25\n" * 300_000 + "maybe,1.0\n")
        assert "column 'g': expected true or false, found 'maybe'" in refusal(run, *words)

    def test_labels_of_json_that_are_the_target_as_well(self, run: Run, tmp_path: Path) -> None:
        rows = [{"g": one, "x": float(2**53)} for one in self.BIG]
        path = tmp_path / "t.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        found = groups(run, "l1", path, "-i", "x", "-t", "g", "--by", "g")
        assert found == dict.fromkeys(map(str, self.BIG), 0.0)  # the target is a float64

    def test_decimals_in_every_output(self, run: Run, tmp_path: Path) -> None:
        labels = pa.array([Decimal("1.50"), Decimal("20.00"), None], pa.decimal128(9, 2))
        path = write(tmp_path / "t.parquet", g=labels, x=[1.0, 2.0, 4.0], y=[0.0] * 3)
        words = ["l1", path, "-i", "x", "-t", "y", "--by", "g", "-q", "-o"]
        assert run(*words, tmp_path / "o.jsonl")[0] == 0
        lines = (tmp_path / "o.jsonl").read_text().splitlines()
        assert [json.loads(line)["g"] for line in lines] == ["1.5", "20", None]

    def test_labels_of_bytes_in_json_lines(self, run: Run, tmp_path: Path) -> None:
        path = write(tmp_path / "t.parquet", g=[b"a", b"\xff"], x=[1.0, 2.0], y=[0.0] * 2)
        words = ["l1", path, "-i", "x", "-t", "y", "--by", "g", "-q", "-o", tmp_path / "o.jsonl"]
        assert run(*words)[0] == 0
        lines = (tmp_path / "o.jsonl").read_text().splitlines()
        assert [json.loads(line)["g"] for line in lines] == ["b'a'", r"b'\xff'"]

    @pytest.mark.parametrize("option", ["--by", "--cluster"])
    def test_labels_of_json_that_are_too_long(self, option: str, run: Run, tmp_path: Path) -> None:
        rows = [{"id": one, "x": 1.0, "y": 0.0} for one in (7, *self.HUGE)]
        path = tmp_path / "t.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        line = refusal(run, "l1", path, "-i", "x", "-t", "y", option, "id")
        expected = "the floating-point label 1.8446744073709552e+19 may be the rounding of several"
        assert line.startswith(f"{path}:2: column 'id': {expected}")

    def test_keys_of_json_that_are_too_long(self, run: Run, tmp_path: Path) -> None:
        for name in ("a", "b"):
            (tmp_path / f"{name}.jsonl").write_text(f'{{"id": {self.HUGE[0]}, "x": 1.0}}\n')
        a, b = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
        line = refusal(run, "l1", a, b, "-i", "x", "-t", "x", "--id", "id")
        expected = "the floating-point label 1.8446744073709552e+19 may be the rounding of several"
        assert line.startswith(f"{a}:1: column 'id': {expected}")

    def test_labels_of_floating_point(self, run: Run, tmp_path: Path) -> None:
        labels = [2.0**53 - 1, -np.inf, 0.5]
        path = write(tmp_path / "t.parquet", g=labels, x=[1.0, 2.0, 4.0], y=[0.0] * 3)
        expected = {"9007199254740991": 1.0, "-inf": 2.0, "0.5": 4.0}
        found = groups(run, "l1", path, "-i", "x", "-t", "y", "--by", "g")
        assert {one.lstrip("'"): value for one, value in found.items()} == expected


MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
TIMES = {
    "duration": (pa.array([1, 2], pa.duration("ns")), {"1": 1.0, "2": 2.0}),
    "time": (
        pa.array([1, 10**9], pa.time64("ns")),
        {"00:00:00.000000001": 1.0, "00:00:01.000000000": 2.0},
    ),
    "nanoseconds": (
        pa.array([1, 2], pa.timestamp("ns")),
        {"1970-01-01 00:00:00.000000001": 1.0, "1970-01-01 00:00:00.000000002": 2.0},
    ),
    "zone": (
        pa.array([MOMENT, MOMENT + datetime.timedelta(1)], pa.timestamp("s", "Africa/Algiers")),
        {"2020-01-02 04:04:05+0100": 1.0, "2020-01-03 04:04:05+0100": 2.0},
    ),
    "date": (pa.array([0, 1], pa.date32()), {"1970-01-01": 1.0, "1970-01-02": 2.0}),
    "far": (
        pa.array([2**62, 0], pa.timestamp("s")),
        {"<value out of range: 4611686018427387904>": 1.0, "1970-01-01 00:00:00": 2.0},
    ),
}


NO_LABELS = {
    "list": pa.array([[1], [2]]),
    "struct": pa.array([{"a": 1}, {"a": 2}]),
    "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
    "interval": pa.array([(1, 2, 3), (1, 2, 4)], pa.month_day_nano_interval()),
}


class TestWordsForMissingValues:
    """In CSV columns of numbers, NA and similar words are missing values. In columns of text they
    are text."""

    WORDS: ClassVar = ["NA", "None", "N/A", "null", "NULL", "#N/A"]

    def csv(self, tmp_path: Path) -> Path:
        rows = [f"{k},0,{word},{word}" for k, word in enumerate([*self.WORDS, "", "NA"], 1)]
        path = tmp_path / "t.csv"
        path.write_text("\n".join(["x,y,g,label", *rows, ""]))
        return path

    def test_are_labels_of_their_own(self, run: Run, tmp_path: Path) -> None:
        found = groups(
            run, "l1", self.csv(tmp_path), "-i", "x", "-t", "y", "--by", "g", "--cluster", "label"
        )
        # An empty cell is not a label.
        expected = {"NA": 4.5, "None": 2.0, "N/A": 3.0, "null": 4.0, "NULL": 5.0, "#N/A": 6.0}
        assert found == {**expected, "": 7.0}
        wanted = Wanted(cluster="g")
        result = evaluate(
            "l1", self.csv(tmp_path), input_column="x", target_column="y", wanted=wanted
        )
        assert result.samples == 7

    def test_are_keys(self, tmp_path: Path) -> None:
        x, y = tmp_path / "x.csv", tmp_path / "y.csv"
        x.write_text("id,x\nNA,1.5\nNone,2.5\nnull,4.5\n")
        y.write_text("id,y\nnull,0.5\nNA,0.5\nNone,0.5\n")
        found = evaluate("l1", x, y, input_column="x", target_column="y", id="id", reduction="none")
        assert (found.values == [1.0, 2.0, 4.0]).all()

    @pytest.mark.parametrize("skip", [False, True])
    def test_are_names_of_classes(self, skip: bool, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_text("p_NA,p_None,p_cat,label\n.5,.25,.25,None\n.5,.25,.25,NA\n.5,.25,.25,cat\n")
        arguments: Any = {"target_column": "label", "from_": "probs", "skip_missing": skip}
        found = evaluate("nll", path, input_column="p_*", **arguments)
        assert (found.count, found.value) == (3, pytest.approx(5 / 3 * math.log(2), rel=1e-14))

    def test_are_missing_where_no_class_is_called_so(self, run: Run, tmp_path: Path) -> None:
        """R writes a factor without a value as NA."""
        path = tmp_path / "t.csv"
        path.write_text("p_dog,p_cat,label\n.5,.5,cat\n.25,.75,NA\n.25,.75,\n")
        words = ("nll", path, "-i", "p_*", "-t", "label", "--from", "probs")
        assert (
            "t.csv:3: column 'label': expected one of dog, cat, found 'NA'. Use --skip-missing"
            in (refusal(run, *words))
        )
        code, out, _ = run(*words, "--skip-missing", "-f", "json")
        assert (code, json.loads(out)["count"]) == (0, 1)

    @pytest.mark.parametrize("gap", ["NA", ""])
    @pytest.mark.parametrize("gaps", [1, 5, 3000])
    def test_before_the_first_name(self, gap: str, gaps: int, tmp_path: Path) -> None:
        """The first label shows whether labels are column names with or without their prefix."""
        path = tmp_path / "t.csv"
        path.write_text("p_dog,p_cat,label\n" + f".5,.5,{gap}\n" * gaps + ".25,.75,cat\n")
        found = evaluate(
            "nll", path, input_column="p_*", target_column="label", from_="probs", skip_missing=True
        )
        assert (found.count, found.value) == (1, pytest.approx(math.log(4 / 3), rel=1e-14))

    def test_are_missing_numbers_beside_labels(self, run: Run, tmp_path: Path) -> None:
        """In a column that is both target and group, NA is a missing number."""
        path = tmp_path / "t.csv"
        path.write_text("x,y\n1.5,1\n2.5,NA\n3.5,2\n")
        found = groups(run, "l1", path, "-i", "x", "-t", "y", "--by", "y", "--skip-missing")
        assert found == {"1": 0.5, "2": 1.5}


class TestTypesOfLabels:
    """Every type that distinguishes rows can be a label. Errors about other types name the type."""

    def words(self, tmp_path: Path, labels: pa.Array) -> list[object]:
        path = write(tmp_path / "t.arrow", g=labels, x=[1.0, 2.0], y=[0.0, 0.0])
        return ["l1", path, "-i", "x", "-t", "y"]

    @pytest.mark.parametrize("name", TIMES)
    def test_times_are_told_as_text(self, name: str, run: Run, tmp_path: Path) -> None:
        labels, expected = TIMES[name]
        assert groups(run, *self.words(tmp_path, labels), "--by", "g") == expected

    @pytest.mark.parametrize("option", ["--by", "--cluster"])
    @pytest.mark.parametrize("name", NO_LABELS)
    def test_no_labels(self, name: str, option: str, run: Run, tmp_path: Path) -> None:
        labels = NO_LABELS[name]
        line = refusal(run, *self.words(tmp_path, labels), option, "g")
        expected = f"expected labels (numbers, text, times or booleans), found {labels.type}"
        assert f"t.arrow: column 'g': {expected}" in line

    @pytest.mark.parametrize("name", NO_LABELS)
    def test_no_keys(self, name: str, run: Run, tmp_path: Path) -> None:
        labels = NO_LABELS[name]
        a, b = (write(tmp_path / f"{one}.arrow", id=labels, x=[1.0, 2.0]) for one in "ab")
        line = refusal(run, "l1", a, b, "-i", "x", "-t", "x", "--id", "id")
        expected = f"expected labels (numbers, text, times or booleans), found {labels.type}"
        assert line == f"{a}: column 'id': {expected}"

    def test_no_keys_in_no_rows(self, run: Run, tmp_path: Path) -> None:
        nothing = pa.array([], pa.list_(pa.int64()))
        a, b = (write(tmp_path / f"{one}.arrow", id=nothing, x=pa.array([], "f8")) for one in "ab")
        line = refusal(run, "l1", a, b, "-i", "x", "-t", "x", "--id", "id")
        assert "expected labels" in line

    def test_a_zone_that_is_nowhere(self, run: Run, tmp_path: Path) -> None:
        labels = pa.array([1, 2], pa.timestamp("us", "Nowhere/X"))
        line = refusal(run, *self.words(tmp_path, labels), "--by", "g")
        assert "column 'g': cannot convert timestamp[us, tz=Nowhere/X] to text: " in line

    def test_labels_of_steps(self, run: Run, tmp_path: Path) -> None:
        """If rows are sequences, a list contains the labels of the steps."""
        kind = pa.list_(pa.list_(pa.float64()))
        path = write(
            tmp_path / "t.arrow",
            x=pa.array([[[1.0, 0.0], [3.0, 0.0]], [[5.0, 0.0]]], kind),
            y=[[0, 1], [1]],
            g=pa.array([[1, 2], [2]], pa.list_(pa.timestamp("ns"))),
        )
        found = groups(run, "nll", path, "-i", "x", "-t", "y", "--by", "g", "--no-check")
        assert found == {"1970-01-01 00:00:00.000000001": -1.0, "1970-01-01 00:00:00.000000002": 0}

    def test_a_column_that_is_there_twice(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "t.csv").write_text("x,y,g,g\n1,0,a,b\n")
        line = refusal(run, "l1", tmp_path / "t.csv", "-i", "x", "-t", "y", "--by", "g")
        assert line.endswith("several columns are named 'g'")


@pytest.mark.parametrize("found", [" 3 ", "\n3", "\t3.0", "3 "])
def test_blanks_around_numbers_in_text(found: str, run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", x=[found, "1"], y=[0.0, 0.0])
    assert run("l1", path, "-i", "x", "-t", "y")[1] == "2.0\n"


class TestClasses:
    """--classes reads a file like other files, up to a maximum size."""

    def words(self, tmp_path: Path, classes: object) -> list[object]:
        (tmp_path / "t.csv").write_text("a,b,y\n0.5,0.5,dog\n0.25,0.75,cat\n")
        names = ["-i", "a,b", "-t", "y", "--from", "probs", "--classes", classes]
        return ["nll", tmp_path / "t.csv", *names]

    def test_names_in_a_compressed_file(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "names.gz").write_bytes(gzip.compress(b"cat\n\n dog \n"))
        code, out, _ = run(*self.words(tmp_path, tmp_path / "names.gz"), "-r", "sum")
        assert (code, float(out)) == (0, pytest.approx(-math.log(0.5 * 0.25), rel=1e-15))

    def test_a_pipe(self, run: Run, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "names")
        line = refusal(run, *self.words(tmp_path, tmp_path / "names"))
        assert line.startswith(f"{tmp_path / 'names'}: not a regular file")

    @pytest.mark.parametrize("device", ["/dev/zero", "/dev/full"])
    def test_a_device(self, device: str, run: Run, tmp_path: Path) -> None:
        assert refusal(run, *self.words(tmp_path, device)).startswith(f"{device}: not a regular")

    def test_a_file_of_something_else(self, run: Run, tmp_path: Path) -> None:
        with (tmp_path / "names").open("wb") as file:
            file.truncate(1 << 40)  # a hole
        line = refusal(run, *self.words(tmp_path, tmp_path / "names"))
        assert line.endswith("expected class names, one per line, found more than 16 MiB")


class TestGapsBesideKeys:
    def test_what_is_missing_is_left_out_of_the_row_with_its_key(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("id,x\n1,1\n2,2\n")
        (tmp_path / "b.csv").write_text("id,y\n2,\n1,5\n")
        files = {"input": str(tmp_path / "a.csv"), "target": str(tmp_path / "b.csv")}
        options: dict[str, Any] = {"id": "id", "skip_missing": True}
        found = evaluate("l1", **files, input_column="x", target_column="y", **options)
        assert (found.value, found.count) == (4.0, 1)

    def test_of_more_rows_than_are_kept_at_once(self, tmp_path: Path) -> None:
        """Two arrays, labels and missing values of one file with 300,000 rows, compared with
        NumPy."""
        rng, n = np.random.default_rng(0), 300_000
        ids, x, y, part = (
            rng.permutation(n),
            rng.normal(size=n),
            rng.normal(size=n),
            rng.integers(3, size=n),
        )
        gaps = ids % 1000 == 7
        table = {"id": ids, "y": pa.array(y[ids], mask=gaps), "part": part[ids]}
        parquet.write_table(pa.table({"id": np.arange(n), "x": x}), tmp_path / "x.parquet")
        parquet.write_table(pa.table(table), tmp_path / "y.parquet")
        files = {"input": str(tmp_path / "x.parquet"), "target": str(tmp_path / "y.parquet")}
        found = evaluate(
            "l1",
            **files,
            input_column="x",
            target_column="y",
            id="id",
            skip_missing=True,
            wanted=Wanted(by=("part",)),
        )
        present = np.arange(n) % 1000 != 7
        for group in found.groups or ():
            own = np.abs(x - y)[present & (part == group.labels[0])]
            assert group.value == pytest.approx(own.mean(), rel=1e-12)
            assert group.count == len(own)

    def test_sequences_are_not_paired(self, tmp_path: Path, run: Run) -> None:
        row = '{"id": 1, "x": [[0.5, 1.0], [2.0, 0.0]], "y": [0, 1]}\n'
        for name in ("a.jsonl", "b.jsonl"):
            (tmp_path / name).write_text(row)
        words = ["-i", "x", "-t", "y", "--id", "id"]
        files = ["--input", tmp_path / "a.jsonl", "--target", tmp_path / "b.jsonl"]
        line = refusal(run, "ce", *files, *words, code=1)
        assert line.endswith("--id cannot pair rows that are sequences")
