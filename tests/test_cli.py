"""The contract of the command line: what goes to stdout, to stderr, and the exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import COMMAND, SAMPLES, run_command

import losscli

PAIR = ["digits_log_probs.npy", "digits_labels.npy"]
SEGMENTATION = ["segmentation_logits.npy", "segmentation_labels.npy"]


pytestmark = pytest.mark.usefixtures("samples")


def strict_json(text: str) -> Any:
    """Parse, and refuse the NaN and Infinity that Python lets through."""

    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


class TestStdout:
    def test_the_installed_command_prints_the_number_alone(self) -> None:
        command = Path(sys.executable).with_name("losscli")
        run = subprocess.run(
            [command, "nll", *PAIR], cwd=SAMPLES, capture_output=True, text=True, check=True
        )
        x, y = (np.load(SAMPLES / name) for name in PAIR)
        expected = -np.mean(x[np.arange(len(y)), y].astype(float))
        assert float(run.stdout) == pytest.approx(expected, rel=1e-13)
        assert run.stdout == f"{float(run.stdout)!r}\n"
        assert run.stderr == ""

    def test_one_loss_a_line(self, run: Any) -> None:
        code, out, err = run("nll", *PAIR, "-r", "none")
        expected = losscli.nll(*map(np.load, PAIR), reduction="none")
        assert (code, err) == (0, "")
        assert out == "".join(f"{loss!r}\n" for loss in expected.tolist())

    def test_options_and_arguments_in_any_order(self, run: Any) -> None:
        expected = run("nll", *PAIR, "--reduction", "sum")
        assert run("nll", "--reduction", "sum", *PAIR) == expected
        assert run("nll", PAIR[0], "-r", "sum", PAIR[1]) == expected
        assert run("nll", "--target", PAIR[1], PAIR[0], "-r", "sum") == expected
        assert run("nll", PAIR[1], "--input", PAIR[0], "-r", "sum") == expected

    def test_lists_of_numbers(self, run: Any) -> None:
        assert run("mse", "1,2,3", "1,2.5,4e0") == (0, f"{1.25 / 3!r}\n", "")
        assert run("nll", *PAIR, "--weight", "1,1,1,1,1,1,1,1,1,1") == run("nll", *PAIR)

    def test_what_looks_like_a_number_can_be_a_path(self, run: Any, tmp_path: Path) -> None:
        code, _, err = run("mse", "./1", "1")
        assert (code, err) == (1, "losscli: error: 1: No such file or directory\n")

    def test_the_alias(self, run: Any) -> None:
        assert run("ce", *PAIR) == run("cross-entropy", *PAIR)

    def test_the_target_from_the_same_table(self, run: Any) -> None:
        code, out, err = run("ce", "digits.parquet", "-t", "label")
        assert (code, out) == run("ce", "digits_logits.npy", "digits_labels.npy")[:2]
        assert err == "losscli: note: input: took column logits of digits.parquet\n"
        assert run("ce", "digits.parquet", "-t", "label", "--quiet") == (0, out, "")
        assert run("ce", "digits.parquet", "-i", "logits", "-t", "label") == (0, out, "")

    def test_formats_mix(self, run: Any) -> None:
        expected = run("ce", "digits_logits.npy", "digits_labels.npy")
        assert run("ce", "digits_logits.npy", "digits.csv", "-t", "label") == expected

    def test_weights_and_several_ignored_indices(self, run: Any) -> None:
        words = ["--ignore-index", "255", "--ignore-index", "1", "-w", "1,2,3"]
        code, out, err = run("ce", *SEGMENTATION, *words)
        x, y = map(np.load, SEGMENTATION)
        kept = losscli.cross_entropy(
            x, np.where(y == 1, 255, y), ignore_index=255, weight=[1, 2, 3]
        )
        assert (code, float(out)) == (0, kept)
        assert err.startswith("losscli: warning: the mean is divided by the sum of the weights, ")

    def test_rows_for_spreadsheets(self, run: Any) -> None:
        x, y = "-1.5,-0.25", "1"
        assert run("nll", "-f", "csv", "--", x, y)[1] == (
            "loss,reduction,value,count,ignored,weight_sum,samples,ci_low,ci_high\n"
            "nll,mean,0.25,1,0,1.0,1,,\n"
        )
        assert run("mse", "1,2", "1,4", "-r", "none", "-f", "csv")[1] == (
            "index,target,loss\n0,1.0,0.0\n1,4.0,4.0\n"
        )
        assert run("mse", "1,2", "1,4", "-r", "none", "-f", "markdown")[1] == (
            "| index | target | loss |\n| --- | --- | --- |\n| 0 | 1.0 | 0.0 |\n| 1 | 4.0 | 4.0 |\n"
        )
        assert run("mse", "1", "4", "-f", "markdown")[1] == (
            "| loss | reduction | value | count | ignored | weight_sum | samples | ci_low "
            "| ci_high |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
            "| mse | mean | 9.0 | 1 | 0 | 1.0 | 1 |  |  |\n"
        )
        header, first, *_ = run(
            "ce", *SEGMENTATION, "--ignore-index", 255, "-r", "none", "-f", "csv"
        )[1].splitlines()
        assert (header, first) == ("index_0,index_1,index_2,target,loss", "0,0,0,255,")


class TestJson:
    def test_all_that_is_promised(self, run: Any) -> None:
        words = ["--ignore-index", "255", "--label-smoothing", "0.1", "-w", "1,2,3", "-f", "json"]
        code, out, _ = run("ce", *SEGMENTATION, *words)
        found = strict_json(out)
        x, y = map(np.load, SEGMENTATION)
        value = losscli.cross_entropy(x, y, ignore_index=255, label_smoothing=0.1, weight=[1, 2, 3])
        inner = y[y != 255]
        assert code == 0
        low, high = found.pop("ci")
        assert (low + high) / 2 == pytest.approx(value, rel=1e-14)
        assert found == {
            "loss": "cross-entropy",
            "reduction": "mean",
            "value": value,
            "perplexity": None,
            "rmse": None,
            "bits": None,
            "reference": None,
            "shape": [24, 8, 8],
            "count": inner.size,
            "ignored": y.size - inner.size,
            "skipped": 0,
            "samples": 24,
            "weight_sum": float(np.array([1.0, 2.0, 3.0])[inner].sum()),
            "options": {
                "ignore_index": [255],
                "label_smoothing": 0.1,
                "from": "logits",
                "clip": None,
                "class_base": 0,
                "class_axis": None,
                "shift": False,
            },
            "inputs": [
                {
                    "role": "input",
                    "path": "segmentation_logits.npy",
                    "bytes": (SAMPLES / "segmentation_logits.npy").stat().st_size,
                    "shape": [24, 3, 8, 8],
                    "dtype": "float32",
                    "columns": None,
                    "files": [],
                    "sha256": None,
                },
                {
                    "role": "target",
                    "path": "segmentation_labels.npy",
                    "bytes": (SAMPLES / "segmentation_labels.npy").stat().st_size,
                    "shape": [24, 8, 8],
                    "dtype": "uint8",
                    "columns": None,
                    "files": [],
                    "sha256": None,
                },
                {
                    "role": "weight",
                    "path": None,
                    "bytes": 24,
                    "shape": [3],
                    "dtype": "float64",
                    "columns": None,
                    "files": [],
                    "sha256": None,
                },
            ],
            "pairing": "position",
            "classes": None,
            "notes": [],
            "warnings": [
                "the mean is divided by the sum of the weights, "
                f"{np.array([1, 2, 3])[inner].sum()}, and not by the {inner.size} elements"
            ],
            "signature": "loss:cross-entropy|reduction:mean|ignore-index:255|label-smoothing:0.1|"
            f"weight:(3,)|count:864|ignored:672|dtype:float32+uint8|losscli:{losscli.__version__}",
            "version": losscli.__version__,
        }

    def test_columns_are_listed(self, run: Any) -> None:
        found = strict_json(run("mse", "diabetes.csv", "-t", "measured", "-f", "json")[1])
        assert [one["columns"] for one in found["inputs"]] == [["predicted"], ["measured"]]

    def test_losses_in_c_order_beside_their_shape(self, run: Any) -> None:
        words = ["--ignore-index", "255", "-r", "none"]
        found = strict_json(run("ce", *SEGMENTATION, *words, "-f", "json")[1])
        expected = losscli.cross_entropy(
            *map(np.load, SEGMENTATION), ignore_index=255, reduction="none"
        )
        assert found["value"] is None
        assert found["shape"] == [24, 8, 8]
        np.testing.assert_array_equal(np.reshape(found["values"], found["shape"]), expected)

    def test_numbers_that_json_has_no_word_for(self, run: Any, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", [np.nan, np.inf, -np.inf, 1.0])
        found = strict_json(
            run("bce-with-logits", tmp_path / "x.npy", "1,0,1,1", "-r", "none", "-f", "json")[1]
        )
        assert found["values"][:3] == ["NaN", "Infinity", "NaN"]
        found = strict_json(run("mse", tmp_path / "x.npy", "0,0,0,0", "-f", "json")[1])
        assert found["value"] == "NaN"
        assert found["warnings"] == [
            "the result is NaN: the loss of 1 element is, first at [0]",
            "the loss of 2 elements is infinite, first at [1]",
        ]

    def test_no_losses_at_all(self, run: Any, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.zeros((0, 3)))
        np.save(tmp_path / "y.npy", np.zeros(0, dtype=int))
        words = [tmp_path / "x.npy", tmp_path / "y.npy", "-f", "json"]
        assert strict_json(run("nll", *words, "-r", "none")[1])["values"] == []
        assert strict_json(run("nll", *words)[1])["value"] == "NaN"
        assert run("nll", *words[:2], "-r", "none") == (0, "", "")


class TestErrors:
    """One line on stderr, nothing on stdout, 1 for the data and 2 for the call."""

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            (
                ["ce", *SEGMENTATION],
                "segmentation_labels.npy: target at [0, 0, 0] is 255; expected a class from 0 to "
                "2; --ignore-index 255 leaves it out",
            ),
            (["nll", "none.npy", PAIR[1]], "none.npy: No such file or directory"),
            (
                ["nll", "digits_logits.npy", "segmentation_labels.npy"],
                "segmentation_labels.npy: target has shape (24, 8, 8); an input of shape "
                "(450, 10) takes class indices of shape (450,)",
            ),
            (
                ["ce", *PAIR, "-w", "1,2"],
                "weight has shape (2,); expected 10 numbers, one for each of the input's 10 "
                "classes",
            ),
            (
                ["ce", "digits.csv", "-t", "class"],
                "digits.csv: found no column 'class' for -t; the columns are logit_0, "
                "logit_1, logit_2, ..., label (11)",
            ),
            (
                ["bce", "breast_cancer.csv", "-i", "logit", "-t", "label"],
                "breast_cancer.csv: input in row 0 is 3.46",
            ),
            (
                ["mse", "1,2,3", "1,2"],
                "target has shape (2,), which does not broadcast with the input's, (3,)",
            ),
        ],
    )
    def test_of_the_data(self, run: Any, words: list[str], expected: str) -> None:
        code, out, err = run(*words)
        assert (code, out) == (1, "")
        assert err.startswith(f"losscli: error: {expected}")
        assert err.count("\n") == 1

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            (["nl"], "No such command 'nl'. Did you mean 'nll'?"),
            (["nll", "--wieght", "1"], "No such option"),
            (["nll"], "INPUT is missing; give a file"),
            (
                ["nll", "none.npy"],
                "TARGET is missing; give a file, or --target-column for a column of INPUT",
            ),
            (["nll", "a", "b", "c"], "found 3 inputs, expected 2 (input, target); several files"),
            (["nll", "a", "--target", "c", "--input", "b"], "found 1 inputs, expected 0"),
            (["nll", "a", "b", "-r", "median"], "Invalid value for '--reduction'"),
            (
                ["ce", "a", "b", "--label-smoothing", "2"],
                "label_smoothing is 2.0; expected",
            ),
            (["huber", "a", "b", "--delta", "0"], "delta is 0.0; expected a value above 0"),
            (
                ["mse", "1,2", "b", "-i", "x"],
                "--input-column names columns of a file, and input is given",
            ),
            (["mse", "-", "-"], "- (standard input) is given twice; expected once"),
            (["mse", "-", "b", "--id", "k"], "--id reads files twice, which - (standard input)"),
            (["mse", "a", "b", "--input-format", "xml"], "input_format is 'xml'; expected one of"),
            (["mse", "", "b"], "a path is empty"),
            (["mse", "a", "b", "-j", "0"], "--threads is 0; expected at least 1"),
            (
                ["mse", "a", "b", "--delimiter", "::"],
                "delimiter is '::'; expected one character of ASCII",
            ),
        ],
    )
    def test_of_the_call(self, run: Any, words: list[str], expected: str) -> None:
        code, out, err = run(*words)
        assert (code, out) == (2, "")
        assert err.startswith(f"losscli: error: {expected}")
        assert err.count("\n") == 1

    def test_nothing_said_shows_the_help(self, run: Any) -> None:
        code, out, err = run()
        assert code == 2
        assert "Usage: losscli" in out + err
        assert "error" not in err

    def test_a_bug_is_one_line_too(self, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*arguments: object, **parameters: object) -> None:
            raise RuntimeError("boom")

        monkeypatch.setattr("losscli.cli.actions.evaluate_request", fail)
        code, out, err = run("nll", *PAIR)
        assert (code, out) == (1, "")
        assert err.startswith("losscli: error: internal error, please report it: RuntimeError")

    def test_an_interrupt(self, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(*arguments: object, **parameters: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("losscli.cli.actions.evaluate_request", interrupt)
        assert run("nll", *PAIR) == (130, "", "losscli: error: interrupted\n")

    def test_an_interrupt_while_the_words_are_read(
        self, run: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(value: bool) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("losscli.cli.commands._VERSION.callback", interrupt)
        assert run("nll", *PAIR) == (130, "", "losscli: error: interrupted\n")


class TestWarnings:
    def test_a_nan_is_answered_with_a_warning(self, run: Any) -> None:
        code, out, err = run("ce", "--ignore-index", "0", "--", "1,2", "0")
        assert (code, out) == (0, "nan\n")
        assert err == "losscli: warning: the result is NaN: every element is ignored\n"

    def test_strict_makes_it_an_error(self, run: Any) -> None:
        code, out, err = run("ce", "--ignore-index", "0", "--strict", "--", "1,2", "0")
        assert (code, out) == (1, "")
        assert err == "losscli: error: the result is NaN: every element is ignored (--strict)\n"

    def test_strict_says_so_before_the_first_loss(self, run: Any, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", [[0.0, 1.0], [1.0, 1.0]])
        code, out, err = run("mse", tmp_path / "x.npy", "0,1", "-r", "none", "--strict")
        assert (code, out) == (1, "")
        assert err.endswith("they were broadcast to (2, 2) (--strict)\n")

    def test_quiet_keeps_warnings(self, run: Any) -> None:
        assert "warning" in run("ce", "--ignore-index", "0", "-q", "--", "1,2", "0")[2]

    def test_broadcasting_beyond_both_has_to_be_asked_for(self, run: Any, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", [[0.0], [1.0]])
        code, out, err = run("mse", tmp_path / "x.npy", "0,1,0,1")
        assert (code, out) == (1, "")
        assert "target has shape (4,) and input (2, 1): they were broadcast to (2, 4)" in err
        assert "--broadcast allows it" in err
        code, out, err = run("mse", tmp_path / "x.npy", "0,1,0,1", "--broadcast")
        assert (code, out) == (0, "0.5\n")
        assert err.startswith("losscli: warning: target has shape (4,) and input (2, 1)")

    def test_an_axis_of_size_1_is_left_out_unless_asked_for(self, run: Any, tmp_path: Path) -> None:
        """(0 - 0)², (1 - 1)² by rows; broadcast, two of four pairs differ by 1."""
        np.save(tmp_path / "x.npy", [[0.0], [1.0]])
        code, out, err = run("mse", tmp_path / "x.npy", "0,1")
        assert (code, out) == (0, "0.0\n")
        assert "note: input: shape (2, 1) is taken as (2,); --broadcast keeps the axis" in err
        code, out, err = run("mse", tmp_path / "x.npy", "0,1", "--broadcast")
        assert (code, out) == (0, "0.5\n")

    def test_broadcasting_to_one_of_them_is_said(self, run: Any, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", [[0.0, 1.0], [1.0, 1.0]])
        code, out, err = run("mse", tmp_path / "x.npy", "0,1")
        assert (code, out) == (0, "0.25\n")
        assert err.startswith("losscli: warning: target has shape (2,) and input (2, 2)")


class TestPipes:
    def test_a_reader_that_leaves_ends_it_quietly(self, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.zeros(1_000_000))
        words = " ".join(COMMAND)
        run = subprocess.run(
            f"{words} mse x.npy x.npy -r none | head -1",
            shell=True,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (run.stdout, run.stderr) == ("0.0\n", "")

    def test_a_full_disk(self) -> None:
        with Path("/dev/full").open("w") as full:
            run = subprocess.run(
                [*COMMAND, "nll", *PAIR],
                cwd=SAMPLES,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert run.returncode == 1
        assert run.stderr == ("losscli: error: cannot write the result: No space left on device\n")

    def test_a_closed_stdout(self) -> None:
        words = " ".join([*COMMAND, "nll", *PAIR])
        run = subprocess.run(
            f"{words} >&-", shell=True, cwd=SAMPLES, capture_output=True, text=True, check=False
        )
        assert run.returncode == 1
        assert run.stderr == (
            "losscli: error: cannot write the result: standard output is closed\n"
        )

    def test_a_closed_stderr(self) -> None:
        """What is said there must not land on stdout."""
        words = " ".join([*COMMAND, "ce", "digits.parquet"])
        run = subprocess.run(
            f"{words} 2>&-", shell=True, cwd=SAMPLES, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0
        assert run.stdout == f"{float(run.stdout)!r}\n"

    def test_a_list_into_a_closed_stdout(self) -> None:
        words = " ".join([*COMMAND, "losses"])
        run = subprocess.run(
            f"{words} >&-", shell=True, capture_output=True, text=True, check=False
        )
        assert (run.returncode, run.stderr.count("\n")) == (1, 1)
        assert "standard output is closed" in run.stderr

    @pytest.mark.parametrize(
        ("arguments", "absent"),
        [
            (["--help"], {"pyarrow", "numpy"}),
            (["nll", *PAIR], {"pyarrow", "rich", "losscli.losses.regression"}),
            (["ce", "digits.csv", "-t", "label"], {"rich", "pandas"}),
            (["ce", "digits.parquet", "-t", "label"], {"rich", "pandas"}),
        ],
    )
    def test_heavy_modules_are_loaded_only_where_used(
        self, arguments: list[str], absent: set[str]
    ) -> None:
        program = (
            "import sys; from losscli.cli.main import main; main(sys.argv[1:]); "
            "print(*sys.modules, file=sys.stderr)"
        )
        run = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=SAMPLES,
            capture_output=True,
            text=True,
            check=True,
        )
        assert absent.isdisjoint(run.stderr.split())


def test_version() -> None:
    run = run_command("--version")
    assert (run.returncode, run.stdout) == (0, f"losscli {losscli.__version__}\n")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("gauss", ["gaussian-nll"]),
        ("ce --fr", ["--from"]),
        ("compare hub", ["huber"]),
        ("compare ce --fail-if-w", ["--fail-if-worse"]),
    ],
)
def test_completion(typed: str, offered: list[str]) -> None:
    words = f"losscli {typed}"
    asked = {"_LOSSCLI_COMPLETE": "complete_bash", "COMP_WORDS": words}
    environment = {**os.environ, **asked, "COMP_CWORD": str(words.count(" "))}
    command = Path(sys.executable).with_name("losscli")
    found = subprocess.run([command], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.split() == offered
