"""Stdout: the number alone, losses, or rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SAMPLES

import losscli

PAIR = ["digits_log_probs.npy", "digits_labels.npy"]


SEGMENTATION = ["segmentation_logits.npy", "segmentation_labels.npy"]


pytestmark = pytest.mark.usefixtures("samples")


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
        assert err == "losscli: note: input: used column logits of digits.parquet\n"
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
        assert err.startswith("losscli: note: the mean is divided by the sum of the weights (")

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
            "| mse | mean | 9 | 1 | 0 | 1 | 1 |  |  |\n"
        )
        header, first, *_ = run(
            "ce", *SEGMENTATION, "--ignore-index", 255, "-r", "none", "-f", "csv"
        )[1].splitlines()
        assert (header, first) == ("index_0,index_1,index_2,target,loss", "0,0,0,255,")
