"""A record verifies where it was written and elsewhere, and shows every change."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from conftest import SAMPLES, Run
from hypothesis import given, settings
from hypothesis import strategies as st
from statistics_cases import VARIANTS
from statistics_cases import request_of as drawn_request

from losscli.errors import DataError
from losscli.evaluation import blocks
from losscli.evaluation.evaluate import outcome_of
from losscli.losses.registry import LOSSES
from losscli.record import claim, make
from losscli.record.file import load
from losscli.record.verify import verify

ROWS = 300


def check_every_loss(loss: str, variant: str, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        drawn = drawn_request(loss, variant, seed, folder, check=False)
        path = Path(folder, "run.json")
        with (
            mock.patch.object(blocks, "BLOCK_ELEMENTS", drawn.size),
            mock.patch.object(claim, "_MOST_NUMBERS", 1 << 20),
        ):
            try:
                outcome = outcome_of(drawn.request)
            except DataError:  # some losses refuse NaN
                return
            run = make.Run([], datetime.now(UTC), 1)
            path.write_text(make.record_of(outcome, str(path), run)[1])
            moved = Path(folder, "moved")
            moved.mkdir()
            for file in Path(folder).glob("*.*"):
                shutil.copy(file, moved)
        for record in (path, moved / "run.json"):
            with mock.patch.object(claim, "_MOST_NUMBERS", 1 << 20):
                found = verify(load(str(record)))
            assert found.is_exact, found
            assert [finding.verdict for finding in found.findings] == ["same"] * 3


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_with_every_statistic(loss: str) -> None:
    check_every_loss(loss, "plain", 5)


@pytest.mark.slow
@given(
    loss=st.sampled_from(sorted(LOSSES)),
    variant=st.sampled_from(VARIANTS),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=200)
def test_any_request(loss: str, variant: str, seed: int) -> None:
    check_every_loss(loss, variant, seed)


def columns() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    return {
        "a": rng.normal(size=ROWS),
        "b": rng.normal(size=ROWS),
        "g": [f"g{n}" for n in rng.integers(4, size=ROWS)],
    }


def write_npy(folder: Path) -> list[str]:
    data = columns()
    np.save(folder / "a.npy", data["a"])
    np.save(folder / "b.npy", data["b"])
    (folder / "g.csv").write_text("g\n" + "\n".join(data["g"]) + "\n")
    return ["a.npy", "b.npy", "--by", "g.csv", "--cluster", "g.csv"]


def write_npz(folder: Path) -> list[str]:
    data = columns()
    np.savez(folder / "t.npz", a=data["a"], b=data["b"])
    return ["t.npz", "-i", "a", "-t", "b"]


def write_parquet(folder: Path) -> list[str]:
    pa.parquet.write_table(pa.table(columns()), folder / "t.parquet")
    return ["t.parquet", "-i", "a", "-t", "b", "--by", "g", "--where", "g!=g1"]


def write_shards(folder: Path) -> list[str]:
    table = pa.table(columns())
    for number in range(12):
        pa.parquet.write_table(table.slice(number * 25, 25), folder / f"s-{number}.parquet")
    return ["s-*.parquet", "-i", "a", "-t", "b", "--by", "file"]


def write_csv(folder: Path) -> list[str]:
    pa.csv.write_csv(pa.table(columns()), folder / "t.csv")
    return ["t.csv", "-i", "a", "-t", "b", "--by", "g", "--quantiles", "0.5", "--histogram"]


def write_gz(folder: Path) -> list[str]:
    with pa.output_stream(str(folder / "t.csv.gz"), compression="gzip") as file:
        pa.csv.write_csv(pa.table(columns()), file)
    return ["t.csv.gz", "-i", "a", "-t", "b", "--top", "3"]


def write_jsonl(folder: Path) -> list[str]:
    lines = [json.dumps(row) for row in pa.table(columns()).to_pylist()]
    (folder / "t.jsonl").write_text("\n".join(lines) + "\n")
    return ["t.jsonl", "-i", "a", "-t", "b", "--cluster", "g"]


def write_arrow(folder: Path) -> list[str]:
    table = pa.table(columns())
    with pa.ipc.new_file(folder / "t.arrow", table.schema) as writer:
        writer.write_table(table)
    return ["t.arrow", "-i", "a", "-t", "b", "-r", "sum"]


WRITERS = (
    write_npy,
    write_npz,
    write_parquet,
    write_shards,
    write_csv,
    write_gz,
    write_jsonl,
    write_arrow,
)

Write = Callable[[Path], list[str]]


@pytest.fixture(params=WRITERS, ids=lambda write: write.__name__.removeprefix("write_"))
def words(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The words of a command, in a folder with its files."""
    monkeypatch.chdir(tmp_path)
    return ["mse", *request.param(tmp_path), "-q"]


def test_every_format(words: list[str], run: Run, tmp_path: Path) -> None:
    expected = run(*words, "-f", "json")
    assert run(*words, "-f", "json", "--record", "run.json") == expected
    assert run("verify", "run.json")[0] == 0
    moved = tmp_path.with_name(f"{tmp_path.name}-moved")
    shutil.copytree(tmp_path, moved)
    os.chdir("/")
    for folder in (tmp_path, moved):
        code, out, err = run("verify", folder / "run.json", "--strict", "-f", "json")
        assert (code, err) == (0, "")
        found = json.loads(out)
        assert found["verified"]
        assert found["exact"]


def test_the_digests_and_the_value(words: list[str], run: Run, tmp_path: Path) -> None:
    """The digests are those of hashlib, and the value those of the command."""
    value = float(json.loads(run(*words, "-f", "json", "--record", "run.json")[1])["value"])
    claimed = json.loads((tmp_path / "run.json").read_text())["claim"]
    for file in claimed["files"]:
        data = (tmp_path / file["path"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert claimed["numbers"]["value"] == value
    assert float.fromhex(claimed["value_hex"]) == value
    exact = {name: int(m) * 2.0**e for name, (m, e) in claimed["exact"][0].items()}
    expected = exact["losses"] if "sum" in words else exact["losses"] / exact["weights"]
    assert value == expected


def test_a_flipped_bit_in_a_file(words: list[str], run: Run, tmp_path: Path) -> None:
    """Any bit of any file: exit code 3, and the line names the file."""
    assert run(*words, "--record", "run.json")[0] == 0
    draw = random.Random(0)
    files = sorted(path for path in tmp_path.iterdir() if path.name != "run.json")
    for _ in range(10):
        path = draw.choice(files)
        data = bytearray(path.read_bytes())
        flipped = data.copy()
        flipped[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        path.write_bytes(flipped)
        code, _, err = run("verify", "run.json", "-f", "json")
        path.write_bytes(data)
        assert code == 3
        assert f"files: {path.name}: its SHA-256 differs" in err
    assert run("verify", "run.json")[0] == 0


@pytest.fixture
def record(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert run("mse", *write_csv(tmp_path), "--record", "run.json", "-q")[0] == 0
    return tmp_path / "run.json"


@pytest.mark.slow
def test_a_thousand_flipped_bits_in_a_record(run: Run, record: Path) -> None:
    """Exit code 3, or 1 if it no longer parses."""
    data, draw = record.read_bytes(), random.Random(1)
    codes = []
    for _ in range(1000):
        flipped = bytearray(data)
        flipped[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        record.write_bytes(flipped)
        code, _, err = run("verify", "run.json", "--files-only")
        assert err.startswith("losscli: error: run.json: ")
        assert err.count("\n") == 1
        codes.append(code)
    assert set(codes) == {1, 3}


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('"label_smoothing": 0.0', '"label_smoothing": 0.1', "claim.options.label_smoothing"),
        ('"count": 450', '"count": 451', "claim.numbers.count"),
        ('"NumPy": "', '"NumPy": "9', "environment.NumPy"),
        ('"seconds": ', '"seconds": 1', "run.seconds"),
        ('"claim_sha256": "', '"claim_sha256": "0', "claim_sha256"),
    ],
)
def test_a_changed_record_names_the_place(
    old: str, new: str, named: str, run: Run, tmp_path: Path
) -> None:
    shutil.copy(SAMPLES / "digits.parquet", tmp_path)
    path = tmp_path / "run.json"
    run("ce", tmp_path / "digits.parquet", "-t", "label", "--record", path, "-q")
    path.write_text(path.read_text().replace(old, new, 1))
    code, out, err = run("verify", path, "-f", "json")
    assert code == 3
    finding = json.loads(out)["findings"][0]
    assert finding["part"] == "record"
    assert named in finding["detail"]
    assert "not verified: record: changed since it was written" in err
