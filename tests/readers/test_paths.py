"""Valid and invalid paths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from losscli import evaluate
from losscli.errors import DataError


class TestPaths:
    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="none.npy: No such file or directory"):
            evaluate("l1", tmp_path / "none.npy", [0.0])

    def test_a_directory(self, tmp_path: Path) -> None:
        (tmp_path / "x.npy").mkdir()
        with pytest.raises(
            DataError, match="x.npy: the directory contains no file that losscli can read"
        ):
            evaluate("l1", tmp_path / "x.npy", [0.0])

    def test_a_path_as_text_and_an_upper_case_suffix(self, tmp_path: Path) -> None:
        path = tmp_path / "X.NPY"
        with path.open("wb") as file:
            np.save(file, np.ones(2))
        assert evaluate("l1", str(path), [0.0, 0.0]).value == 1.0
