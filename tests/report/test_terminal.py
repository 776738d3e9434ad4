"""The output on a pseudo-terminal of 80 and of 120 columns."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
from conftest import COMMAND, run_on_terminal

from losscli.cli.main import main

SEGMENTATION = ["ce", "segmentation_logits.npy", "segmentation_labels.npy", "--ignore-index", "255"]


def screen(*arguments: str, columns: int = 80, lines: int = 24, **settings: Path) -> list[str]:
    text = run_on_terminal([*COMMAND, *arguments], columns, lines, **settings)
    return [line.rstrip() for line in text.splitlines()]


def test_a_reduced_result() -> None:
    assert screen(*SEGMENTATION, "-w", "1,2,3", "--signature", columns=160) == [
        "cross-entropy  0.3112   95% CI 0.2700-0.3525   n = 24",
        "perplexity     1.365    (0.4490 bits)",
        "baseline       0.9687   guessing label frequencies; loss is 68% lower",
        "reduction      mean of 864 elements in 24 samples, divided by the sum of weights (1791)",
        "ignored        672 elements",
        "options        --ignore-index 255",
        "input          segmentation_logits.npy   24 x 3 x 8 x 8 float32",
        "target         segmentation_labels.npy   24 x 8 x 8 uint8",
        "weight         given                     3 float64",
        "signature      loss:cross-entropy|reduction:mean|ignore-index:255|weight:(3,)|count:864|"
        "ignored:672|dtype:float32+uint8|losscli:0.1.0",
        "losscli: note: the mean is divided by the sum of the weights (1791), not by the "
        "number of elements (864)",
    ]


def test_nothing_is_wider_than_the_screen() -> None:
    """Except for lines of text and notes, which the terminal wraps, so that copied text is
    complete."""
    words = [*SEGMENTATION, "-w", "1,2,3", "--by", "class", "--histogram", "--signature"]
    lines = screen(*words)
    whole = [line for line in lines if line.startswith(("reduction", "signature", "losscli:"))]
    assert len(whole) == 3
    assert max(len(line) for line in lines if line not in whole) <= 80
    assert lines[0] == "cross-entropy  0.3112   95% CI 0.2700-0.3525   n = 24"


def test_losses_that_fill_more_than_a_screen_are_cut_and_said_to_be() -> None:
    lines = screen("nll", "digits_log_probs.npy", "digits_labels.npy", "-r", "none", lines=12)
    header, *rows, cut = lines
    assert header.split() == ["index", "target", "loss"]
    assert [row.split()[0] for row in rows] == ["0", "1", "2", "3", "4", "5"]
    assert cut == "the first 6 of 450. Use --format plain or a pipe to see all."


def test_losses_that_fit_are_all_there() -> None:
    lines = screen("mse", "1,2,3", "1,2,5", "-r", "none")
    assert [line.split() for line in lines] == [
        ["index", "target", "loss"],
        ["0", "1", "0"],
        ["1", "2", "0"],
        ["2", "5", "4"],
    ]


def test_losses_on_a_narrow_screen_keep_their_columns() -> None:
    lines = screen("mse", "1,2", "1,7", "-r", "none", columns=20)
    assert lines == [
        "       targe",
        "index      t  loss",
        "    0      1     0",
        "    1      7    25",
    ]


def test_a_comparison_on_a_narrow_screen_keeps_its_digits() -> None:
    lines = screen("compare", "mse", "0.125,0.25", "1,2", "0,0", columns=24)
    assert lines[2:9] == [
        "             95%",
        "mse   loss    CI  wins",
        "A     0.03  -0.2  100.",
        "       906   587    0%",
        "              to",
        "            0.33",
        "              69",
    ]


def test_losses_over_many_blocks_have_one_header_and_straight_columns(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((2, 200_000)))
    lines = screen("mse", "x.npy", "x.npy", "-r", "none", lines=10, cwd=tmp_path)
    assert len(lines) == 6
    assert lines[-1] == "the first 4 of 400000. Use --format plain or a pipe to see all."
    assert len({len(line) for line in lines[:-1]}) == 1


def test_many_losses_as_a_table_take_steps_in_proportion(tmp_path: Path) -> None:
    """Twice as many rows take about twice as many calls."""
    calls = [_calls_to_show(tmp_path, rows) for rows in (10, 1000, 20_000, 40_000)]
    # The first run imports the modules that all runs need.
    assert calls[3] - calls[2] < 1.1 * (calls[2] - calls[1]) * 20 / 19


def _calls_to_show(folder: Path, rows: int) -> int:
    np.save(folder / "x.npy", np.arange(float(rows)))
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        with redirect_stdout(io.StringIO()):
            code = main(["mse", f"{folder}/x.npy", "0", "--broadcast", "-r", "none", "-f", "table"])
    finally:
        sys.setprofile(None)
    assert code == 0
    return calls


def test_a_chosen_format_is_kept_to_on_a_terminal() -> None:
    assert screen("mse", "1,2", "1,4", "-f", "plain") == ["2.0"]


def test_an_error_is_one_line() -> None:
    assert screen("nll", "none.npy", "none.npy", columns=40) == [
        "losscli: error: none.npy: No such file or directory"
    ]


def test_brackets_in_a_name_are_no_markup(tmp_path: Path) -> None:
    np.save(tmp_path / "[red]x.npy", [1.0])
    assert "input   [red]x.npy   1 float64" in screen("l1", "[red]x.npy", "1", cwd=tmp_path)


def test_the_root_of_a_mean_squared_error() -> None:
    lines = screen("mse", "3,4", "0,0")
    assert "rmse    3.536" in lines  # sqrt((9 + 16) / 2)
    assert not any(line.startswith("rmse") for line in screen("mse", "3,4", "0,0", "-r", "sum"))


def test_the_formula_of_a_loss() -> None:
    """The formula comes from the docstring. An explanation of its symbols follows."""
    lines = screen("losses", "ce")
    assert lines[:10] == [
        "cross-entropy, ce",
        "",
        "Cross-entropy of logits, for class indices or class probabilities.",
        "",
        "  class y: -(1-ε) · weight[y] · log p[y] - ε/C · Σ_c weight[c] · log p[c]",
        "  probabilities q: -Σ_c weight[c] · ((1-ε) · q[c] + ε/C) · log p[c]",
        "",
        "Where p = softmax(x) of a row x of the input and ε is the label smoothing. The",
        "mean divides by the sum of weight[y] for class indices, smoothed or not, and by",
        "the number of elements for class probabilities, which need not sum to 1.",
    ]


def test_a_table_in_a_pipe_is_never_cut_to_a_width(tmp_path: Path) -> None:
    name = "a" * 200 + ".npy"
    np.save(tmp_path / name, [1.0])
    words = [*COMMAND, "l1", name, "1", "--format", "table"]
    piped = run_on_terminal(["sh", "-c", f"{' '.join(words)} | cat"], cwd=tmp_path)
    assert f"input   {name}   1 float64" in piped
