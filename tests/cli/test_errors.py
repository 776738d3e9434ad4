"""Errors and warnings are one line on stderr, and set the exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

PAIR = ["digits_log_probs.npy", "digits_labels.npy"]


SEGMENTATION = ["segmentation_logits.npy", "segmentation_labels.npy"]


pytestmark = pytest.mark.usefixtures("samples")


class TestErrors:
    """One line on stderr and nothing on stdout. The exit code is 1 for data and 2 for usage."""

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            (
                ["ce", *SEGMENTATION],
                "segmentation_labels.npy: target at [0, 0, 0] is 255; expected a class from 0 to "
                "2. Use --ignore-index 255 to ignore it.",
            ),
            (["nll", "none.npy", PAIR[1]], "none.npy: No such file or directory"),
            (
                ["nll", "digits_logits.npy", "segmentation_labels.npy"],
                "segmentation_labels.npy: target has shape (24, 8, 8); an input of shape "
                "(450, 10) takes class indices of shape (450,)",
            ),
            (
                ["ce", *PAIR, "-w", "1,2"],
                "weight has shape (2,); expected (10,), one number per class of the input",
            ),
            (
                ["ce", "digits.csv", "-t", "class"],
                "digits.csv: no column 'class' for -t; the columns are logit_0, "
                "logit_1, logit_2, ..., label (11)",
            ),
            (
                ["bce", "breast_cancer.csv", "-i", "logit", "-t", "label"],
                "breast_cancer.csv: input in line 2 is 3.46",
            ),
            (
                ["mse", "1,2,3", "1,2"],
                "target has shape (2,), which does not broadcast with the input's shape (3,)",
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
            (["nl"], "there is no command nl. Did you mean nll?"),
            (["nll", "--wieght", "1"], "there is no option --"),
            (["nll"], "INPUT is missing. Give a file."),
            (
                ["nll", "none.npy"],
                "TARGET is missing. Give a file, or use --target-column to choose a column of "
                "INPUT.",
            ),
            (["nll", "a", "b", "c"], "found 3 inputs, expected 2 (input, target). To read"),
            (["nll", "a", "--target", "c", "--input", "b"], "found 1 input, expected 0. "),
            (["nll", "a", "b", "-r", "median"], "--reduction: 'median' is not one of"),
            (
                ["ce", "a", "b", "--label-smoothing", "2"],
                "--label-smoothing: expected a number from 0 to 1, found 2.0",
            ),
            (["huber", "a", "b", "--delta", "0"], "--delta: expected a number above 0, found 0.0"),
            (
                ["mse", "1,2", "b", "-i", "x"],
                "--input-column needs a file with columns, but input is given",
            ),
            (
                ["mse", "1,2", "-t", "y"],
                "--target-column needs a file with columns, but input is given",
            ),
            (["mse", "-", "-"], "- (standard input) is given twice. Use it once."),
            (["mse", "-", "b", "--id", "k"], "--id reads files twice, but - (standard input)"),
            (
                ["mse", "a", "b", "--input-format", "xml"],
                "--input-format: expected one of",
            ),
            (["mse", "", "b"], "a path is empty"),
            (["mse", "a", "b", "-j", "0"], "--threads: expected at least 1, found 0"),
            (
                ["mse", "a", "b", "--delimiter", "::"],
                "--delimiter: expected one ASCII character",
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

        monkeypatch.setattr("losscli.cli.actions.outcome_of", fail)
        code, out, err = run("nll", *PAIR)
        assert (code, out) == (1, "")
        assert err.startswith("losscli: error: internal error: RuntimeError")

    def test_an_interrupt(self, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(*arguments: object, **parameters: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("losscli.cli.actions.outcome_of", interrupt)
        assert run("nll", *PAIR) == (130, "", "losscli: error: interrupted\n")

    def test_an_interrupt_while_losses_are_written(
        self, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*arguments: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("losscli.report.output.Output.elements", interrupt)
        code, out, err = run("l1", "1,3", "0,0", "-o", tmp_path / "o.csv")
        assert (code, out) == (130, "")
        assert err == "losscli: error: interrupted after 2 elements; their mean is 2\n"
        assert not list(tmp_path.iterdir())

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
        assert err.endswith("they are broadcast to (2, 2) (--strict)\n")

    def test_quiet_keeps_warnings(self, run: Any) -> None:
        assert "warning" in run("ce", "--ignore-index", "0", "-q", "--", "1,2", "0")[2]

    def test_broadcasting_beyond_both_has_to_be_asked_for(self, run: Any, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", [[0.0], [1.0]])
        code, out, err = run("mse", tmp_path / "x.npy", "0,1,0,1")
        assert (code, out) == (1, "")
        assert "target has shape (4,) and the input (2, 1); they are broadcast to (2, 4)" in err
        assert "Use --broadcast to allow it." in err
        code, out, err = run("mse", tmp_path / "x.npy", "0,1,0,1", "--broadcast")
        assert (code, out) == (0, "0.5\n")
        assert err.startswith("losscli: warning: target has shape (4,) and the input (2, 1)")

    def test_an_axis_of_size_1_is_left_out_unless_asked_for(self, run: Any, tmp_path: Path) -> None:
        """By rows: (0 - 0)², (1 - 1)². With broadcasting, two of four pairs differ by 1."""
        np.save(tmp_path / "x.npy", [[0.0], [1.0]])
        code, out, err = run("mse", tmp_path / "x.npy", "0,1")
        assert (code, out) == (0, "0.0\n")
        assert "note: input: treated shape (2, 1) as (2,). Use --broadcast to keep the axis." in err
        code, out, err = run("mse", tmp_path / "x.npy", "0,1", "--broadcast")
        assert (code, out) == (0, "0.5\n")

    def test_broadcasting_to_one_of_them_is_said(self, run: Any, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", [[0.0, 1.0], [1.0, 1.0]])
        code, out, err = run("mse", tmp_path / "x.npy", "0,1")
        assert (code, out) == (0, "0.25\n")
        assert err.startswith("losscli: warning: target has shape (2,) and the input (2, 2)")
