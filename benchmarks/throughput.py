"""Measure the throughput of losscli within a process, by loss, by size and by threads."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import data
import numpy as np

import losscli

THREADS = (1, 2)

# Compute only the number, without an interval.
ALONE = losscli.Wanted(interval=False)


def by_loss(rounds: int) -> str:
    """A table of GB of input and million losses per second, for arrays in memory and one thread."""
    lines = [
        "Medians for arrays in memory with 20,000 rows, on one thread.",
        "",
        "| loss | GB/s | million elements/s |",
        "| --- | --- | --- |",
    ]
    arrays = dict(data.of_losses(20_000))
    for loss in data.LOSSES:
        inputs = [arrays[name] for name in data.INPUTS[loss]]
        again = partial(losscli.evaluate, loss, *inputs, check=False, threads=1, wanted=ALONE)
        seconds, result = _median(rounds, again), again()
        size = sum(array.nbytes for array in inputs)
        lines.append(
            f"| `{loss}` | {size / seconds / 1e9:.2f} | {result.count / seconds / 1e6:.1f} |"
        )
    return "\n".join(lines)


def curves(files: data.Files, rounds: int) -> str:
    """A table of the time of cross-entropy by number of rows and of threads."""
    logits, labels = np.load(files["logits"], mmap_mode="r"), np.load(files["labels"])
    lines = [
        "`ce` of rows of 1000 float32 logits in a file: milliseconds within the process (GB/s).",
        "",
        "| rows | " + " | ".join(f"{count} thread{'s' * (count > 1)}" for count in THREADS) + " |",
        "| --- |" + " --- |" * len(THREADS),
    ]
    for rows in (1_000, 10_000, 25_000, 50_000, 100_000):
        path = files.folder / f"part_{rows}.npy"
        np.save(path, logits[:rows])
        cells = [_cell(path, labels[:rows], threads, rounds) for threads in THREADS]
        lines.append(f"| {rows:,} | {' | '.join(cells)} |")
        path.unlink()
    return "\n".join(lines)


def _cell(path: Path, labels: object, threads: int, rounds: int) -> str:
    seconds = _median(
        rounds, lambda: losscli.evaluate("ce", path, labels, threads=threads, wanted=ALONE)
    )
    return f"{seconds * 1e3:.1f} ({path.stat().st_size / seconds / 1e9:.1f})"


def _median(rounds: int, action: Callable[[], object]) -> float:
    action()
    seconds = []
    for _ in range(rounds):
        begun = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)
