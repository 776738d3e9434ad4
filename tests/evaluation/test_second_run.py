"""In a pipe, the interval for a warning comes from a second run."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from conftest import COMMAND, SAMPLES, Run

import losscli
from losscli import Wanted, evaluate
from losscli.errors import DataError
from losscli.evaluation import evaluate as evaluation_module
from losscli.evaluation.model import open_model

# 30 rows of 3 classes, 10 rows each, for a confident model that is right or wrong.
LABELS = np.tile([0, 1, 2], 10)


SURE = 3.0 * np.eye(3)[LABELS] + np.linspace(0.0, 0.1, 90).reshape(30, 3)


RIGHT, SHIFTED = LABELS, (LABELS + 1) % 3


WORSE = (
    "is worse than guessing by label frequencies (1.09861). Check whether classes are numbered from"
)


def worse(warnings: tuple[str, ...]) -> list[str]:
    return [text for text in warnings if "worse than guessing" in text]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    np.save(tmp_path / "x.npy", SURE)
    np.save(tmp_path / "y.npy", SHIFTED)
    return [str(tmp_path / "x.npy"), str(tmp_path / "y.npy")]


class TestPipe:
    """In a pipe, no interval is computed unless the loss is worse than guessing."""

    def test_a_second_run_finds_the_interval(self, run: Run, files: list[str]) -> None:
        with mock.patch("losscli.evaluation.evaluate.run", wraps=evaluation_module.run) as runs:
            code, out, err = run("ce", *files)
        assert (code, runs.call_count) == (0, 2)
        assert float(out) == losscli.cross_entropy(SURE, SHIFTED)
        assert WORSE in err
        assert run("ce", *files, "--strict")[:2] == (1, "")
        assert run("ce", *files, "--no-check")[2] == ""

    def test_no_second_run_below(self, run: Run, files: list[str]) -> None:
        np.save(files[1], RIGHT)
        with mock.patch("losscli.evaluation.evaluate.run", wraps=evaluation_module.run) as runs:
            assert run("ce", *files)[2] == ""
        assert runs.call_count == 1

    def test_no_second_run_where_the_interval_is_there(self, run: Run, files: list[str]) -> None:
        with mock.patch("losscli.evaluation.evaluate.run", wraps=evaluation_module.run) as runs:
            code, out, _ = run("ce", *files, "-f", "json")
        assert (code, runs.call_count) == (0, 1)
        assert worse(tuple(json.loads(out)["warnings"]))

    def test_elements_are_written_once(self, run: Run, files: list[str], tmp_path: Path) -> None:
        code, _, err = run("ce", *files, "-o", tmp_path / "o.npy", "--by", "class")
        assert code == 0
        assert WORSE in err
        assert np.load(tmp_path / "o.npy").shape == (30,)

    def test_standard_input_is_read_once(self, files: list[str]) -> None:
        buffer = io.BytesIO()
        np.save(buffer, SURE)
        found = subprocess.run(
            [*COMMAND, "ce", "-", files[1]],
            input=buffer.getvalue(),
            capture_output=True,
            check=True,
        )
        assert float(found.stdout) == losscli.cross_entropy(SURE, SHIFTED)
        assert found.stderr == b""

    def test_files_that_are_gone(self) -> None:
        """If the files disappear, the result of the first run is still printed."""
        opened: list[str] = []

        def open_once(*arguments: Any, **named: Any) -> Any:
            if opened:
                raise DataError("gone")
            opened.append("once")
            return open_model(*arguments, **named)

        with mock.patch.object(evaluation_module, "open_model", open_once):
            found = evaluate("ce", SURE, SHIFTED, wanted=Wanted(interval=False))
        assert found.warnings == ()
        assert opened == ["once"]

    def test_a_good_model_of_the_samples(self, run: Run) -> None:
        assert run("ce", SAMPLES / "digits.parquet", "-q")[2] == ""
