"""Records from Python, and what cannot be recorded."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SAMPLES, Run

import losscli
from losscli.errors import DataError

LOGITS, LABELS = str(SAMPLES / "digits_logits.npy"), str(SAMPLES / "digits_labels.npy")


def claim_of(path: Path) -> Any:
    return json.loads(path.read_text())["claim"]


def test_evaluate_and_verify(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    result = losscli.evaluate("ce", LOGITS, LABELS, record=path)
    assert claim_of(path)["numbers"]["value"] == result.value
    found = losscli.verify(path, SAMPLES)
    assert found.is_exact
    assert found
    other = tmp_path / "other.json"
    other.write_text(path.read_text().replace('"count": 450', '"count": 451'))
    assert not losscli.verify(other, SAMPLES)
    assert [finding.part for finding in found.findings] == ["files", "environment", "numbers"]
    assert losscli.verify(path, SAMPLES, files_only=True)["numbers"].verdict == "not computed"


def test_the_same_claim_however_it_was_computed(tmp_path: Path, run: Run) -> None:
    """The claim has no words about threads, parts, the time or the machine."""
    words = ("ce", LOGITS, LABELS)
    paths = [tmp_path / f"{number}.json" for number in range(5)]
    run(*words, "--record", paths[0], "-j", "1", "-f", "json")
    run(*words, "--record", paths[1], "-j", "2", "-q")
    losscli.evaluate(*words, record=paths[2])
    with ThreadPoolExecutor(1) as pool:
        losscli.evaluate(*words, record=paths[3], executor=pool)
    parts = [tmp_path / f"part-{number}.json" for number in (1, 2)]
    for number, part in enumerate(parts, 1):
        run(*words, "--part", f"{number}/2", "--save-part", part)
    code, _, err = run("merge", *parts, "--record", paths[4])
    assert code == 0
    assert f"{paths[4]}: read the files again for their SHA-256" in err
    first, *others = map(claim_of, paths)
    for other in others:
        assert other == first


def test_compare(tmp_path: Path, run: Run) -> None:
    path, table = tmp_path / "run.json", SAMPLES / "digits.parquet"
    words = ("compare", "ce", table, "-i", "logits", "-i", "logits", "-t", "label", "--by", "label")
    assert run(*words, "--record", path, "-q")[0] == 0
    assert claim_of(path)["command"] == "compare"
    assert losscli.verify(path, SAMPLES).is_exact
    comparison = losscli.compare("ce", LOGITS, LOGITS, LABELS, record=path)
    assert claim_of(path)["numbers"]["difference"] == comparison.difference
    assert losscli.verify(path, SAMPLES).is_exact


def test_lists_of_numbers_can_be_recorded(tmp_path: Path) -> None:
    losscli.evaluate("mse", [1.0, float("nan")], [2.0, 1.0], record=tmp_path / "run.json")
    assert losscli.verify(tmp_path / "run.json").is_exact


def test_large_arrays_in_memory_cannot(tmp_path: Path) -> None:
    x = np.zeros(501)
    with pytest.raises(DataError, match=r"up to 1,000 numbers, found 1,002\. Save them"):
        losscli.evaluate("mse", x, x, record=tmp_path / "run.json")
    assert not list(tmp_path.iterdir())


def test_a_record_that_cannot_be_written(tmp_path: Path, run: Run) -> None:
    """It is tried before the work, and a failed run keeps the old record."""
    code, _, err = run("ce", LOGITS, LABELS, "--record", tmp_path / "none" / "run.json")
    assert (code, err.count("\n")) == (1, 1)
    assert "cannot write file" in err
    (tmp_path / "run.json").write_text("old")
    assert run("mse", LOGITS, LABELS, "--record", tmp_path / "run.json")[0] == 1
    assert (tmp_path / "run.json").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_json_of_results(run: Run) -> None:
    words = ("ce", LOGITS, LABELS)
    wanted = losscli.Wanted(by="class", top=2, quantiles=(0.5,), histogram=True)
    options = ("--by", "class", "--top", "2", "--quantiles", "0.5", "--histogram")
    printed = run(*words, *options, "-f", "json", "-q")[1]
    assert losscli.evaluate(*words, wanted=wanted).to_json() == printed
    each = losscli.evaluate(*words, reduction="none")
    assert each.to_json() == run(*words, "-r", "none", "-f", "json", "-q")[1]
    compared = losscli.compare("ce", LOGITS, LOGITS, LABELS)
    expected = run("compare", "ce", LOGITS, LOGITS, LABELS, "-f", "json", "-q")[1]
    assert compared.to_json() == expected
