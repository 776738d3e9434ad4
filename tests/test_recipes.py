"""The README's table of tasks: each command computes the right loss of typical files."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from conftest import ROOT
from pyarrow import parquet
from tables import absolute, cross_entropy, log_loss, softmax, write_file

RECIPES = re.compile(r"<!-- recipes -->(.*?)<!-- end of recipes -->", re.DOTALL)
[TABLE] = RECIPES.findall((ROOT / "README.md").read_text("utf-8"))
CELLS = re.findall(r"\| `([^`]*)` \|$", TABLE, re.MULTILINE)
COMMANDS = [command.replace("\\|", "|") for command in CELLS]

DRAW = np.random.default_rng(11)
LABELS = DRAW.integers(0, 3, 40)
LOGITS = (DRAW.normal(size=(40, 3)) + 2.0 * np.eye(3)[LABELS]).astype(np.float32)
PROBABILITIES = softmax(LOGITS.astype(float))
TRUTHS = DRAW.integers(0, 2, (40, 3))
PRICES, PREDICTED = DRAW.normal(size=(2, 40))
WEIGHTS = DRAW.uniform(0.5, 2.0, 40)
STEPS = DRAW.normal(size=(4, 6, 3)).astype(np.float32)
TOKENS = DRAW.integers(0, 3, (4, 6))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the commands name."""
    folder = tmp_path_factory.mktemp("recipes")
    arrays = {
        "predictions.npy": LOGITS,
        "label_ids.npy": LABELS,
        "y_pred.npy": PROBABILITIES.astype(np.float32),
        "y_true.npy": LABELS,
        "proba.npy": PROBABILITIES,
        "y_test.npy": LABELS,
        "logits.npy": LOGITS,
        "labels.npy": TRUTHS,
        "lm_logits.npy": STEPS,
        "tokens.npy": TOKENS,
    }
    for name, array in arrays.items():
        np.save(folder / name, array)
    order = DRAW.permutation(40)
    names = ("cat", "dog", "bird")
    columns = {name: PROBABILITIES[:, k] for k, name in enumerate(names)}
    write_file(folder / "submission.csv", {"id": np.arange(40), **columns})
    solution = {"id": order, "label": [names[LABELS[row]] for row in order]}
    write_file(folder / "solution.csv", solution)
    write_file(folder / "r_labels.csv", {"label": LABELS + 1})
    house = {"price": PRICES, "pred": PREDICTED, "weight": WEIGHTS}
    write_file(folder / "house.csv", house)
    write_file(folder / "predictions.parquet", {"logits": LOGITS, "label": LABELS})
    for fold in range(2):
        rows = slice(fold, None, 2)
        table = pa.table({"logits": LOGITS[rows].tolist(), "label": LABELS[rows]})
        parquet.write_table(table, folder / f"fold-{fold}.parquet")
    _write_safetensors(folder / "outputs.safetensors")
    return folder


def _write_safetensors(path: Path) -> None:
    logits, labels = LOGITS.tobytes(), LABELS.astype(np.int64).tobytes()
    header = json.dumps(
        {
            "logits": {"dtype": "F32", "shape": [40, 3], "data_offsets": [0, len(logits)]},
            "labels": {
                "dtype": "I64",
                "shape": [40],
                "data_offsets": [len(logits), len(logits) + len(labels)],
            },
        }
    ).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + logits + labels)


def _binary_with_logits() -> float:
    x = LOGITS.astype(float)
    return float(np.mean(np.logaddexp(0.0, x) - x * TRUTHS))


# The loss that each command prints, by the beginning of the command.
EXPECTED: dict[str, Callable[[], float]] = {
    "losscli ce predictions.npy": lambda: cross_entropy(LOGITS.astype(float), LABELS),
    "losscli nll --from probs y_pred": lambda: log_loss(PROBABILITIES, LABELS),
    "losscli nll --from probs proba": lambda: log_loss(PROBABILITIES, LABELS),
    "losscli nll --from probs submission": lambda: log_loss(PROBABILITIES, LABELS),
    "losscli ce predictions.parquet": lambda: cross_entropy(LOGITS.astype(float), LABELS),
    "losscli bce-with-logits": _binary_with_logits,
    "losscli ce 'fold": lambda: cross_entropy(LOGITS.astype(float), LABELS),
    "losscli ce lm_logits": lambda: cross_entropy(
        STEPS[:, :-1].reshape(-1, 3).astype(float), TOKENS[:, 1:].ravel()
    ),
    "losscli mse house": lambda: float(np.average((PREDICTED - PRICES) ** 2, weights=WEIGHTS)),
    "losscli ce logits.npy r_labels": lambda: cross_entropy(LOGITS.astype(float), LABELS),
    "losscli ce outputs": lambda: cross_entropy(LOGITS.astype(float), LABELS),
    "cat house.csv": lambda: absolute(PREDICTED, PRICES),
}


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_recipe(command: str, folder: Path) -> None:
    [expected] = [value for words, value in EXPECTED.items() if command.startswith(words)]
    words = command.replace("losscli", f"{sys.executable} -m losscli")
    done = subprocess.run(
        ["bash", "-c", words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    assert _first_value(done.stdout) == pytest.approx(expected(), rel=2e-6)


def _first_value(text: str) -> Any:
    """The number alone, or the value in the first section."""
    lines = [line.split("\t") for line in text.splitlines()]
    return float(lines[0][0] if len(lines) == 1 else lines[1][lines[0].index("value")])


def test_all_of_them() -> None:
    assert len(COMMANDS) == len(EXPECTED)
