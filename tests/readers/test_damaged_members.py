"""losscli never uses another array instead of a damaged array."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import Run


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    path = tmp_path / "d.npz"
    draw = np.random.default_rng(1)
    p, y = draw.random(20), (draw.random(20) > 0.5).astype(float)
    np.savez(path, pred_a=p, pred_b=p / 2, label=y)
    content = bytearray(path.read_bytes())
    content[300] ^= 255  # in pred_a
    path.write_bytes(content)
    return path


def test_another_array_is_not_used(damaged: Path, run: Run) -> None:
    code, out, err = run("bce", damaged)
    assert (code, out) == (1, "")
    assert "array 'pred_a' is damaged. Use -" in err


def test_named_arrays_are_read(damaged: Path, run: Run) -> None:
    assert run("bce", damaged, "-i", "pred_b", "-t", "label")[0] == 0
    code, out, err = run("bce", damaged, "-i", "pred_a", "-t", "label")
    assert (code, out) == (1, "")
    assert "Bad CRC-32" in err


def test_tensors_that_are_none(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes((2).to_bytes(8, "little") + b"{}" + bytes(64))
    for words in (["inspect", path], ["mse", path, "1"], ["mse", "1,2", "1,2", "--mask", path]):
        code, out, err = run(*words)
        assert (code, out) == (1, "")
        assert "the file contains no tensors" in err
