"""Pipes, closed streams, and the modules that are loaded at the start."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import COMMAND, SAMPLES

PAIR = ["digits_log_probs.npy", "digits_labels.npy"]


pytestmark = pytest.mark.usefixtures("samples")


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

    def test_a_producer_that_is_slow_and_a_pipe_that_does_not_wait(self) -> None:
        """If no data has arrived yet, that is neither the end of the file nor an error."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        with (
            os.fdopen(writing, "wb") as producer,
            subprocess.Popen(
                [*COMMAND, "l1", "-", "-i", "x", "-t", "y"],
                stdin=reading,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            ) as process,
        ):
            os.close(reading)
            for line in (b"x,y\n", b"1,2\n", b"3,7\n"):
                time.sleep(0.3)
                producer.write(line)
                producer.flush()
            producer.close()
            assert process.communicate() == (b"2.5\n", b"")

    def test_a_reader_that_is_slow_and_a_pipe_that_does_not_wait(self, tmp_path: Path) -> None:
        """All 2.6 MB arrive."""
        np.save(tmp_path / "x.npy", np.arange(300_000.0))
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        with subprocess.Popen(
            [*COMMAND, "l1", "x.npy", "0", "--broadcast", "-q", "-r", "none"],
            cwd=tmp_path,
            stdout=writing,
            stderr=subprocess.PIPE,
        ) as process:
            os.close(writing)
            time.sleep(1.0)
            with os.fdopen(reading, "rb") as reader:
                values = reader.read().split()
            assert process.wait() == 0
        assert values == [repr(float(n)).encode() for n in range(300_000)]

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
        """Messages must not appear on stdout instead."""
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
