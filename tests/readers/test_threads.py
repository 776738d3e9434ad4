"""The number of threads that readers start, and the order of the results of steps."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from losscli.readers.tables.pools import at_most
from losscli.threads import in_order

# Count the threads that exist when a command ends and did not exist before. The script ends with a
# traceback if Python starts a thread that ends earlier.
COUNT = """
import os, sys, threading
import numpy, pyarrow.compute, pyarrow.csv, pyarrow.json, pyarrow.parquet
from losscli.cli.main import main

def refuse(thread):
    raise AssertionError("a thread was started")

threading.Thread.start = refuse
before = set(os.listdir("/proc/self/task"))
code = main(sys.argv[1:])
print(code, len(set(os.listdir("/proc/self/task")) - before))
"""

X = np.linspace(-2.0, 2.0, 60_000)
TABLE = pa.table({"x": X, "y": X - 0.5})


def write(path: Path) -> None:
    """Several chunks of text, row groups and batches of a table with the loss 0.5."""
    kind = path.name.removesuffix(".gz").rpartition(".")[2]
    if kind == "npz":
        np.savez_compressed(path, x=X, y=X - 0.5)
    elif kind == "parquet":
        parquet.write_table(TABLE, path, row_group_size=9000, compression="zstd")
    elif kind in ("arrow", "arrows"):
        new = ipc.new_file if kind == "arrow" else ipc.new_stream
        options = ipc.IpcWriteOptions(compression="zstd")
        with path.open("wb") as file, new(file, TABLE.schema, options=options) as writer:
            writer.write_table(TABLE, max_chunksize=9000)
    else:
        rows = zip(X.tolist(), (X - 0.5).tolist(), strict=True)
        lines = (
            (json.dumps({"x": x, "y": y}) for x, y in rows)
            if kind == "jsonl"
            else ("x,y", *(f"{x!r},{y!r}" for x, y in rows))
        )
        with pa.output_stream(str(path), compression="detect") as sink:
            sink.write("".join(f"{line}\n" for line in lines).encode())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "threads"),
    [
        ("t.npz", 0),
        ("t.csv", 0),
        ("t.csv.gz", 0),
        ("t.jsonl", 0),
        ("t.parquet", 0),
        ("t.arrows", 0),
        ("t.arrow", 1),  # pyarrow reads the end of such a file on another thread
    ],
)
def test_one_thread_starts_no_other(name: str, threads: int, tmp_path: Path) -> None:
    write(tmp_path / name)
    words = ["l1", name, "-i", "x", "-t", "y", "--threads", "1"]
    run = subprocess.run(
        [sys.executable, "-c", COUNT, *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    loss, *counts = run.stdout.split()
    assert (run.stderr, counts) == ("", ["0", str(threads)])
    assert float(loss) == pytest.approx(0.5, rel=1e-12)


def test_the_pools_of_pyarrow_are_given_back() -> None:
    """The last user restores the size that the first user found."""
    before = pa.cpu_count(), pa.io_thread_count()
    first, second = at_most(3), at_most(1)
    with first:
        assert (pa.cpu_count(), pa.io_thread_count()) == (min(3, before[0]), min(3, before[1]))
        second.__enter__()
        assert (pa.cpu_count(), pa.io_thread_count()) == (1, 1)
    assert (pa.cpu_count(), pa.io_thread_count()) == (1, 1)
    second.__exit__(None, None, None)
    assert (pa.cpu_count(), pa.io_thread_count()) == before


class TestInOrder:
    def steps(self, count: int, begun: list[int]) -> Iterator[Callable[[], int]]:
        """Steps of which the first take the longest."""

        def step(number: int) -> int:
            begun.append(number)
            time.sleep((count - number) * 1e-4)
            return number

        return (partial(step, number) for number in range(count))

    @pytest.mark.parametrize("threads", [1, 2, 7])
    def test_results_come_in_the_order_of_the_steps(self, threads: int) -> None:
        assert list(in_order(self.steps(50, []), threads)) == list(range(50))

    @pytest.mark.parametrize("threads", [1, 3])
    def test_few_steps_are_begun_ahead(self, threads: int) -> None:
        begun: list[int] = []
        results = in_order(self.steps(50, begun), threads)
        for number in range(20):
            assert next(results) == number
            assert len(begun) <= number + 1 + threads
        results.close()  # type: ignore[attr-defined]
        time.sleep(0.05)
        assert len(begun) <= 20 + threads

    @pytest.mark.parametrize("threads", [1, 4])
    def test_the_first_error_is_raised(self, threads: int) -> None:
        def step(number: int) -> int:
            if number in (5, 6):
                time.sleep(0.01 * (number == 5))
                raise ValueError(number)
            return number

        results = in_order((partial(step, number) for number in range(20)), threads)
        assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
        with pytest.raises(ValueError, match="5"):
            next(results)

    @pytest.mark.parametrize("refused", [{0, 1}, {1}, {1, 2, 3, 4, 5, 6}, set(range(100))])
    def test_each_step_is_computed_once_where_threads_are_refused(
        self, refused: set[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Even if some threads were started before."""
        start, numbers = threading.Thread.start, iter(range(1000))

        def refuse(thread: threading.Thread) -> None:
            if next(numbers) in refused:
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", refuse)
        begun: list[int] = []
        assert list(in_order(self.steps(40, begun), 4)) == list(range(40))
        assert sorted(begun) == list(range(40))

    def test_an_interrupt_does_not_wait_for_a_step(self) -> None:
        """A thread that waits for a pipe is abandoned, and waiting steps are not started."""
        quiet, begun = threading.Event(), list[int]()

        def step(number: int) -> None:
            begun.append(number)
            quiet.wait(10)

        steps = (partial(step, number) for number in range(9))
        results = in_order(steps, 1)
        timer = threading.Timer(0.1, signal.pthread_kill, (threading.get_ident(), signal.SIGINT))
        timer.start()
        begin = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            next(results)
        assert time.monotonic() - begin < 5
        quiet.set()
        timer.join()
        time.sleep(0.05)
        assert begun == [0]
