"""Pipes, closed streams, and what is loaded at the start."""

from __future__ import annotations

import subprocess
import sys
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
