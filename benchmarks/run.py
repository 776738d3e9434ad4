"""Compare the time and the memory of losscli with other programs.

    python benchmarks/run.py [--data DIR] [--rounds 5] [--write]

This needs torch, scikit-learn and duckdb, and 4 GB of disk for the data, which is made once from
fixed seeds. Every round runs all commands of a row one after the other, so that other load on the
machine affects all of them. Ratios are ratios of medians. `--write` writes RESULTS.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import data
import throughput

HERE = Path(__file__).parent
LOSSCLI = str(Path(sys.executable).with_name("losscli"))

Command = list[str]

# A command whose time is the start-up time of losscli.
NOTHING = [LOSSCLI, "mse", "1", "1"]


@dataclass(frozen=True)
class Row:
    """A comparison of two commands.

    Args:
        what: the work, for the table
        ours: the command of losscli
        other_name: the name of the other program
        other: the command of the other program
        at_most: the largest ratio of our time to the other time that is aimed for
        past_start: whether the start-up time of losscli is subtracted from its time
    """

    what: str
    ours: Command
    other_name: str
    other: Command
    at_most: float
    past_start: bool = False


@dataclass(frozen=True)
class Figure:
    """The time in seconds and the peak memory in MiB of every round."""

    seconds: list[float]
    peaks: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        return f"{self.median:.3f} ({min(self.seconds):.3f}-{max(self.seconds):.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "losscli-data")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="write RESULTS.md")
    arguments = parser.parse_args()
    # Another process makes the data: the peak memory of a child is at least that of its parent.
    subprocess.run([sys.executable, HERE / "data.py", arguments.data], check=True)
    files = data.Files(arguments.data)
    sections = [
        _machine(),
        "## Whole processes\n\n" + _table(rows(files), arguments.rounds),
        "## Inside the process\n\n" + throughput.by_loss(arguments.rounds),
        "## By size and by threads\n\n" + throughput.curves(files, arguments.rounds),
    ]
    text = "# Results\n\n" + "\n\n".join(sections) + "\n"
    print(text)
    if arguments.write:
        (HERE / "RESULTS.md").write_text(text, encoding="utf-8")


def rows(files: data.Files) -> list[Row]:
    """All comparisons of whole processes."""

    def losscli(loss: str, *arguments: Any) -> Command:
        return [LOSSCLI, loss, "--no-check", "--quiet", *map(str, arguments)]

    def script(name: str, *arguments: Any) -> Command:
        return [sys.executable, str(HERE / f"{name}_script.py"), *map(str, arguments)]

    def cat(*paths: Path) -> Command:
        return ["sh", "-c", f"cat {' '.join(map(str, paths))} > /dev/null"]

    def small_and_large(loss: str, size: str) -> Row:
        inputs = files.of_loss(loss, size)
        aim = 1.0 if (loss, size) == ("ctc", "large") else 0.25
        ours, theirs = losscli(loss, *inputs), script("torch", loss, *inputs)
        return Row(f"`{loss}`, {size} `.npy`", ours, "PyTorch script", theirs, aim)

    def with_cat(what: str, loss: str, names: tuple[str, str], aim: float) -> Row:
        x, y = (files[name] for name in names)
        return Row(f"{what}, past start", losscli(loss, x, y), "cat", cat(x), aim, past_start=True)

    def in_sql(suffix: str) -> Row:
        table = files[f"table.{suffix}"]
        ours, theirs = losscli("ce", table), script("duckdb", table)
        return Row(f"`ce`, {suffix}, 10 columns", ours, "DuckDB SQL", theirs, 0.8)

    tiny = files.of_loss("nll", "small")
    logits = (files["logits"], files["labels"])
    probs = (files["probs"], files["labels"])
    from_probs = losscli("nll", "--from", "probs", *probs)
    one_thread, two_threads = (losscli("ce", "-j", threads, *logits) for threads in (1, 2))
    mean = losscli("ce", *logits)
    with_statistics = [*mean, "--by", "class", "--top", "10", "--quantiles", "0.5,0.9,0.99"]
    return [
        *(small_and_large(loss, size) for size in ("small", "large") for loss in data.LOSSES),
        with_cat("`ce` (100000, 1000) float32", "ce", ("logits", "labels"), 1.0),
        with_cat("`ce` (4096, 65536) float32", "ce", ("wide", "wide_labels"), 1.0),
        with_cat("`nll` (4096, 65536) float32", "nll", ("wide", "wide_labels"), 0.1),
        with_cat("`ce` (100000, 1000) float16", "ce", ("half", "labels"), 2.0),
        Row(
            "`nll --from probs`", from_probs, "scikit-learn script", script("sklearn", *probs), 0.25
        ),
        in_sql("parquet"),
        in_sql("csv"),
        Row("tiny `nll`", losscli("nll", *tiny), "Typer and NumPy", script("typer", *tiny), 1.2),
        Row(
            "`--help`", [LOSSCLI, "--help"], "empty commands", script("typer_many", "--help"), 1.25
        ),
        Row(
            "`ce`, 2 threads, past start",
            two_threads,
            "1 thread",
            one_thread,
            0.55,
            past_start=True,
        ),
        Row(
            "`ce` with groups, worst samples, quantiles",
            with_statistics,
            "only the mean",
            mean,
            1.3,
        ),
    ]


def _table(comparisons: Sequence[Row], rounds: int) -> str:
    """Measure every comparison, and return a Markdown table."""
    lines = [
        f"Median seconds (range) of {rounds} rounds. In each round, all processes of a row run one "
        "after the other. Past start: the time of losscli minus the time of `losscli mse 1 1`, "
        "which runs in the same rounds. These rows have 3 times as many rounds.",
        "",
        "| work | losscli, s | against | s | ratio | aim | peak MiB, losscli | against |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in comparisons:
        more = 3 if row.past_start else 1
        ours, other, start = _measure([row.ours, row.other, NOTHING], more * rounds)
        both_ours = row.other[0] == LOSSCLI
        past, other_past = row.past_start, row.past_start and both_ours
        ratio = _past(ours, start.median, past) / _past(other, start.median, other_past)
        lines.append(
            f"| {row.what} | {ours} | {row.other_name} | {other} | {ratio:.2f} | {row.at_most} | "
            f"{statistics.median(ours.peaks):.0f} | {statistics.median(other.peaks):.0f} |"
        )
        print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


def _past(figure: Figure, start: float, is_past_start: bool) -> float:
    """The median time, without the start-up time if `is_past_start`."""
    return max(figure.median - start, 1e-3) if is_past_start else figure.median


def _measure(commands: Sequence[Command], rounds: int) -> list[Figure]:
    """Run the commands one after the other, once to warm up and then `rounds` times."""
    figures = [Figure([], []) for _ in commands]
    for number in range(rounds + 1):
        for command, figure in zip(commands, figures, strict=True):
            seconds, peak = _run(command)
            if number:
                figure.seconds.append(seconds)
                figure.peaks.append(peak)
    return figures


def _run(command: Command) -> tuple[float, float]:
    """The time of a command in seconds, and its peak memory in MiB as the system reports it. The
    peak is at least that of this process. Raises RuntimeError if the command fails."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    messages = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"{' '.join(command)}: {messages.decode()}")
    process.returncode = 0
    return seconds, usage.ru_maxrss / 1024


def _machine() -> str:
    """The machine and the versions of the packages."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = (line.partition(":")[2].strip() for line in lines if "model name" in line)
    model = next(models, platform.processor())
    packages = ("numpy", "pyarrow", "torch", "scikit-learn", "duckdb")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return (
        f"{model}, {len(os.sched_getaffinity(0))} cores, {platform.system()}, "
        f"Python {platform.python_version()}, {versions}. Files are in the page cache."
    )


if __name__ == "__main__":
    main()
