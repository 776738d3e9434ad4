"""Invalid options, and messages of one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from conftest import Run
from pyarrow import ipc, parquet

NAN = float("nan")


def write(path: Path, **columns: Any) -> Path:
    table = pa.table(columns)
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
    else:
        with ipc.new_file(path, table.schema) as file:
            file.write_table(table)
    return path


def refusal(run: Run, *words: object, code: int = 1) -> str:
    """The one line that the command prints as an error."""
    found, out, err = run(*words)
    assert (found, out) == (code, "")
    [line] = err.splitlines()
    assert "internal error" not in line
    assert "write the result" not in line
    return str(line.removeprefix("losscli: error: "))


class TestUsage:
    """Invalid usage is reported before a file is opened."""

    @pytest.mark.parametrize("option", ["--by", "--cluster", "--id", "--classes", "-i", "-t"])
    def test_an_option_that_is_empty(self, option: str, run: Run) -> None:
        line = refusal(run, "nll", "nowhere.csv", option, "", code=2)
        assert "is empty (is a shell variable unset?). Give a" in line

    @pytest.mark.parametrize("command", [["ce"], ["compare", "ce", "a.csv"]])
    def test_the_class_as_a_cluster(self, command: list[str], run: Run, tmp_path: Path) -> None:
        line = refusal(run, *command, "nowhere.csv", "-t", "y", "--cluster", "class", code=2)
        assert line.startswith(
            "--cluster class: the target's class cannot be a cluster. Use a column"
        )

    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("mae", "Use l1."),
            ("MAE", "Use l1."),
            (
                "log-loss",
                "Use nll --from probs for classes, or bce for the probability of one class.",
            ),
            (
                "log_loss",
                "Use nll --from probs for classes, or bce for the probability of one class.",
            ),
            (
                "logloss",
                "Use nll --from probs for classes, or bce for the probability of one class.",
            ),
            ("xent", "Use cross-entropy."),
            ("rmse", "Use mse, which also reports rmse."),
            ("perplexity", "Use nll or cross-entropy, which also report perplexity."),
        ],
    )
    @pytest.mark.parametrize("before", [[], ["compare"]])
    def test_a_name_that_a_loss_has_elsewhere(
        self, name: str, meant: str, before: list[str], run: Run
    ) -> None:
        for words in ([], ["x.npy", "y.npy", "-q"], ["--help"]):
            line = refusal(run, *before, name, *words, code=2)
            assert line == f"there is no command {name}. {meant}"

    def test_a_file_may_have_any_name(self, run: Run) -> None:
        assert "nowhere" in refusal(run, "l1", "nowhere", "mae")

    @pytest.mark.parametrize("option", ["--by", "--cluster", "--id"])
    def test_of_a_comparison(self, option: str, run: Run) -> None:
        line = refusal(run, "compare", "l1", "a.csv", "b.csv", "y.csv", option, "", code=2)
        assert line.startswith(f"{option} is empty (is a shell variable unset?). Give a")

    def test_quantiles_that_are_empty(self, run: Run) -> None:
        line = refusal(run, "l1", "nowhere.npy", "0", "--quantiles", "", code=2)
        assert line == "--quantiles: expected numbers from 0 to 1, found ''"

    def test_a_path_that_is_empty(self, run: Run) -> None:
        line = refusal(run, "inspect", "", code=2)
        assert line == "a path is empty (is a shell variable unset?). Give a file."

    @pytest.mark.parametrize("base", [2**63, -(2**63) - 1, 10**400])
    def test_a_class_base_beyond_64_bits(self, base: int, run: Run) -> None:
        line = refusal(run, "nll", "nowhere.npy", "y.npy", "--class-base", base, code=2)
        assert line == f"--class-base: expected a 64-bit integer, found {base}"

    @pytest.mark.parametrize("base", [2**63 - 1, -(2**63)])
    def test_a_class_base_of_64_bits(self, base: int, run: Run) -> None:
        line = refusal(run, "nll", "--class-base", base, "--", "-1,-2", "0", code=1)
        assert f"is 0.0; expected a class from {base} to " in line

    @pytest.mark.parametrize("command", ["ce", "nll", "mse"])
    def test_files_given_as_columns(self, command: str, run: Run) -> None:
        """New users often pass files to the options for columns."""
        line = refusal(run, command, "-i", "logits.npy", "-t", "labels.npy", code=2)
        assert line == (
            "--input-column takes column names, but 'logits.npy' is a file. Give files as "
            "arguments: logits.npy labels.npy"
        )

    def test_standard_input_for_an_array_and_the_names(self, run: Run) -> None:
        line = refusal(run, "nll", "-", "y.npy", "--classes", "-", code=2)
        assert line == "- (standard input) is given twice. Use it once."

    @pytest.mark.parametrize(
        "words",
        [["a.npy", "b.npy", "-"], ["-", "-", "y.npy"], ["a.npy", "b.npy", "0", "--weight", "-"]],
    )
    def test_standard_input_for_both_models(self, words: list[str], run: Run) -> None:
        line = refusal(run, "compare", "l1", *words, code=2)
        assert line.startswith("- (standard input) can be read only once, but compare needs it for")

    @pytest.mark.parametrize("option", ["--by", "--cluster"])
    @pytest.mark.parametrize("command", [["l1", "A"], ["compare", "l1", "A", "B"]])
    def test_labels_from_standard_input(self, command: list[str], option: str, run: Run) -> None:
        """The error does not need a file: none exists."""
        line = refusal(run, *command, "Y", option, "-", code=2)
        assert line == (
            f"{option}: labels cannot be read from standard input (-). Use a column or a file."
        )


class TestMessages:
    """Errors and warnings that misdescribed the data."""

    @pytest.mark.parametrize("loss", ["ce", "nll", "multi-margin", "multilabel-margin"])
    def test_an_axis_without_classes(self, loss: str, run: Run, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.zeros((3, 0)))
        np.save(tmp_path / "y.npy", np.zeros((3, 0) if loss == "multilabel-margin" else 3, int))
        line = refusal(run, loss, tmp_path / "x.npy", tmp_path / "y.npy")
        assert line.endswith("input has no classes along axis 1; its shape is (3, 0)")

    def test_sequences_without_classes(self, run: Run, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.zeros((2, 1, 0)))
        line = refusal(run, "ctc", tmp_path / "x.npy", "1", "2", "1")
        assert line.endswith("log_probs has no classes along axis 2; its shape is (2, 1, 0)")

    @pytest.mark.parametrize("base", [300, -1])
    def test_a_class_base_that_is_no_target(self, base: int, run: Run, tmp_path: Path) -> None:
        """Unsigned 8-bit targets can contain neither 300 nor -1."""
        np.save(tmp_path / "x.npy", np.zeros((2, 2)))
        np.save(tmp_path / "y.npy", np.array([7, 7], np.uint8))
        words = ["nll", tmp_path / "x.npy", tmp_path / "y.npy", "--class-base", base, "--no-check"]
        line = refusal(run, *words)
        assert f"target in row 0 is 7; expected a class from {base} to {base + 1}" in line
        assert run(*words, "--ignore-index", 7)[1] == "nan\n"

    def test_one_file_twice(self, run: Run, tmp_path: Path) -> None:
        """No option can distinguish two arrays of the same name in the same file."""
        np.save(tmp_path / "x.npy", np.array([0.5, 0.25]))
        code, _, err = run("inspect", tmp_path / "x.npy", tmp_path / "x.npy")
        assert (code, err) == (0, "")

    @pytest.mark.parametrize(
        ("values", "infinite"),
        [
            (np.array([[np.inf, -np.inf], [NAN, 1e308], [1e308, 1e308]]), 2),
            (np.array([["1e4000", "1"], ["2", "3"]], np.longdouble), 1),  # as 64-bit integers
        ],
        ids=["infinite", "long double"],
    )
    def test_infinities_are_looked_at(
        self, values: Any, infinite: int, run: Run, tmp_path: Path
    ) -> None:
        np.save(tmp_path / "x.npy", values)
        code, out, err = run("inspect", tmp_path / "x.npy", "-f", "json")
        [found] = json.loads(out)["arrays"]
        assert (code, err, found["infinite"]) == (0, "", infinite)

    @pytest.mark.parametrize(
        ("lengths", "said"),
        [
            ([1e300, 1.0], "contains 1e+300; expected lengths: whole numbers up to 2^62"),
            ([2**63 - 1, 1], "contains 9223372036854775807; expected lengths: whole numbers up to"),
            ([2**62, 2**62], "add up to 9.22337e+18; expected lengths with a sum up to 2^62"),
        ],
    )
    def test_lengths_that_no_file_has(
        self, lengths: list[float], said: str, run: Run, tmp_path: Path
    ) -> None:
        np.save(tmp_path / "x.npy", np.log(np.full((2, 2, 2), 0.5)))
        np.save(tmp_path / "n.npy", np.array(lengths))
        line = refusal(run, "ctc", tmp_path / "x.npy", "1,1", "2,2", tmp_path / "n.npy")
        assert f"n.npy: target_lengths {said}" in line


class TestLongWords:
    """Names and values from files may be longer than a line should be."""

    LONG = "begin" + "x" * 200_000 + "end"

    def message(self, run: Run, path: Path, *words: object) -> str:
        line = refusal(run, words[0], path, *words[1:])
        assert str(path) in line
        assert len(line) < len(str(path)) * 2 + 1000
        return line

    def test_a_cell_of_text(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_text(f"x,y\n.5,1\n{self.LONG},1\n")
        line = self.message(run, path, "l1", "-i", "x", "-t", "y")
        assert line.endswith(f"xxx...{'x' * 54}end'")
        assert "expected a number, found 'begin" + "x" * 52 + "..." in line

    def test_a_cell_of_a_table(self, run: Run, tmp_path: Path) -> None:
        path = write(tmp_path / "t.parquet", x=["0.5", self.LONG], y=[0.5, 0.5])
        assert "row 1, column 'x': expected a number, found 'begin" in self.message(
            run, path, "l1", "-i", "x", "-t", "y"
        )

    def test_a_name_of_a_class(self, run: Run, tmp_path: Path) -> None:
        path = write(tmp_path / "t.parquet", a=[0.5], b=[0.5], label=[self.LONG])
        line = self.message(run, path, "ce", "-i", "a", "-i", "b", "-t", "label")
        assert "expected one of a, b, found 'begin" in line
        assert line.endswith("xend'")

    def test_a_key(self, run: Run, tmp_path: Path) -> None:
        path = write(tmp_path / "t.parquet", id=[self.LONG] * 2, x=[0.5, 0.5])
        other = write(tmp_path / "u.parquet", id=["a", "b"], y=[0.5, 0.5])
        line = self.message(run, path, "l1", other, "-i", "x", "-t", "y", "--id", "id")
        assert "1 duplicate key (begin" in line

    @pytest.mark.parametrize("suffix", ["csv", "parquet", "npz"])
    def test_names_of_columns(self, suffix: str, run: Run, tmp_path: Path) -> None:
        path = tmp_path / f"t.{suffix}"
        names = [f"{k}{self.LONG[:60_000]}{k}" for k in range(20)]
        if suffix == "csv":
            path.write_text(",".join(names) + "\n" + ",".join("1" * 20) + "\n")
        elif suffix == "parquet":
            write(path, **{name: [0.5] for name in names})
        else:
            np.savez(path, **{name: [0.5] for name in names})  # type: ignore[arg-type]
        line = self.message(run, path, "l1", "-i", "x", "-t", "y")
        assert "the columns are 0begin" in line
        assert line.endswith("x19 (20).")

    def test_a_type_of_many_fields(self, run: Run, tmp_path: Path) -> None:
        record = {f"field {k}": k for k in range(1000)}
        path = write(tmp_path / "t.parquet", x=[record], y=[0.5])
        line = self.message(run, path, "l1", "-i", "x", "-t", "y")
        assert "column 'x': expected numbers, found struct<field 0" in line
        assert line.endswith("field 999: int64>")

    def test_a_key_of_json(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "t.jsonl"
        path.write_text(json.dumps({self.LONG: 1}) + "\n" + json.dumps({self.LONG: "a"}) + "\n")
        assert ":2: column 'begin" in self.message(run, path, "l1", "-i", "x", "-t", "y")
