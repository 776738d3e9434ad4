"""Targets that are class names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from predictions import (
    EXPECTED,
    FILES,
    NAMES,
    X,
)

from losscli import evaluate
from losscli.cli.main import main
from losscli.errors import DataError


class TestClassNames:
    def test_unknown_ones_are_named_with_their_row(self, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_text("p_cat,p_dog,label\n0.5,1.5,dog\n0.5,1.5,cow\n")
        with pytest.raises(DataError, match=":3: column 'label': expected one of .*, found 'cow'"):
            evaluate("ce", path)

    @pytest.mark.parametrize("as_file", [False, True])
    def test_given_beside_an_array(self, as_file: bool, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", X)
        (tmp_path / "t.csv").write_bytes(FILES["names.csv"]())
        classes = ",".join(NAMES)
        if as_file:
            (tmp_path / "names.txt").write_text("\n".join(NAMES))
            classes = str(tmp_path / "names.txt")
        words = [tmp_path / "x.npy", tmp_path / "t.csv"]
        found = evaluate("ce", *words, target_column="label", classes=classes)
        assert found.value == EXPECTED
        assert found.classes == tuple(NAMES)
        with pytest.raises(DataError, match="expected class indices, found names. Use --classes"):
            evaluate("ce", *words, target_column="label")

    def test_they_are_shown(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "t.csv"
        path.write_text("cat,dog,label\n0,0,dog\n0,0,cat\n")
        assert main(["ce", str(path), "-i", "cat,dog", "-r", "none", "-f", "csv"]) == 0
        half = float(np.log(2))
        assert capsys.readouterr().out == f"index,target,loss\n0,dog,{half}\n1,cat,{half}\n"

    def test_numbers_elsewhere_are_no_names(self, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_text("a,b,label\n0.5,x,1\n")
        with pytest.raises(DataError, match=":2: column 'b': expected a number, found 'x'"):
            evaluate("ce", path, input_column="a,b")
