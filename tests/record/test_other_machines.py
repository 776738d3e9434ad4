"""Records of other machines, of standard input and of other files."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import COMMAND, SAMPLES, Run, run_command

import losscli
from losscli.evaluation import environment
from losscli.evaluation.environment import features_to_disable
from losscli.record import file

FOUND = environment.environment()["SIMD"]["found"]


def recorded(path: Path, **variables: str) -> dict[str, Any]:
    found = run_command(
        *("ce", "digits.parquet", "-t", "label", "--by", "class", "-q", "--record", path),
        env={**os.environ, **variables},
    )
    assert found.returncode == 0, found.stderr
    content: dict[str, Any] = json.loads(path.read_text())
    return content


@pytest.fixture
def record(tmp_path: Path) -> Path:
    recorded(tmp_path / "run.json")
    return tmp_path / "run.json"


def changed(path: Path, **environment: object) -> None:
    """Write the record as if another environment had made it."""
    content = json.loads(path.read_text())
    sections = content["claim"], {**content["environment"], **environment}, content["run"]
    path.write_text(file.text_of(*sections))


@pytest.mark.skipif(not FOUND, reason="the machine has no features that NumPy can switch off")
def test_a_machine_with_fewer_features_is_emulated(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    content = recorded(path, NPY_DISABLE_CPU_FEATURES=" ".join(FOUND))
    assert content["environment"]["SIMD"]["found"] == []
    found = run_command("verify", path, "--root", SAMPLES, "--strict", "-f", "json")
    assert found.returncode == 0, found.stderr
    findings = {one["part"]: one for one in json.loads(found.stdout)["findings"]}
    assert findings["numbers"]["verdict"] == "same"
    assert findings["environment"]["detail"].endswith(f"features {' '.join(FOUND)}")


@pytest.mark.skipif(not FOUND, reason="the machine has no features that NumPy can switch off")
def test_python_does_not_switch_off_features(tmp_path: Path) -> None:
    """Losses of float32 differ in the last bits, and the environment explains it."""
    path = tmp_path / "run.json"
    recorded(path, NPY_DISABLE_CPU_FEATURES=" ".join(FOUND))
    found = losscli.verify(path, SAMPLES)
    assert found.is_verified
    here = json.loads(losscli.evaluate("ce", str(SAMPLES / "digits.parquet")).to_json())["value"]
    there = json.loads(path.read_text())["claim"]["numbers"]["value"]
    assert found["numbers"].verdict == ("same" if here == there else "within tolerance")
    assert found["environment"].verdict == "differs"


@pytest.mark.skipif(not FOUND, reason="the machine has no features that NumPy can switch off")
def test_features_of_another_numpy_are_not_emulated(record: Path) -> None:
    simd = environment.environment()["SIMD"]
    other = {**simd, "found": [], "not found": ["AVX2"]}
    assert features_to_disable({"SIMD": other}) == []
    assert features_to_disable({"SIMD": {**simd, "found": [], "not found": FOUND}}) == []
    known = {**simd, "found": [], "not found": [*FOUND, *simd["not found"]]}
    assert features_to_disable({"SIMD": known}) == FOUND


def with_value(path: Path, factor: float) -> None:
    """Write the record as if the loss had been slightly different."""
    content = json.loads(path.read_text())
    claim = content["claim"]
    value = claim["numbers"]["value"] * factor
    claim["numbers"]["value"], claim["value_hex"] = value, value.hex()
    mantissa, exponent = claim["exact"][0]["losses"]
    losses = int(mantissa) * round(factor * 10**10) // 10**10
    claim["exact"][0]["losses"] = [str(losses), exponent]
    path.write_text(file.text_of(*(content[name] for name in ("claim", "environment", "run"))))


@pytest.mark.parametrize(
    ("factor", "numpy", "code", "verdict"),
    [
        (1.0, "1.0", 0, "same"),
        (1.0 + 1e-8, "1.0", 0, "within tolerance"),  # float32
        (1.0 + 1e-5, "1.0", 3, "differs"),
        (1.0 + 1e-8, np.__version__, 3, "differs"),  # nothing explains it
    ],
)
def test_the_tolerance(
    factor: float, numpy: str, code: int, verdict: str, record: Path, run: Run
) -> None:
    with_value(record, factor)
    changed(record, NumPy=numpy)
    found, out, err = run("verify", record, "--root", SAMPLES, "-f", "json")
    findings = {one["part"]: one for one in json.loads(out)["findings"]}
    assert (found, findings["numbers"]["verdict"]) == (code, verdict)
    assert ("warning: " in err) == (verdict == "within tolerance")
    if verdict == "within tolerance":
        assert run("verify", record, "--root", SAMPLES, "--strict")[0] == 3
    if numpy != np.__version__:
        assert f"NumPy {np.__version__}, recorded {numpy}" in findings["environment"]["detail"]


def test_standard_input_is_hashed_as_it_arrives(tmp_path: Path) -> None:
    """The digest is that of all bytes, also of those behind the array."""
    data = (SAMPLES / "digits_logits.npy").read_bytes() + b"behind"
    words = ["ce", "-", "digits_labels.npy", "--record", str(tmp_path / "run.json")]
    found = subprocess.run(
        [*COMMAND, *words], cwd=SAMPLES, input=data, capture_output=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert b"note: losscli verify cannot read standard input again" in found.stderr
    claim = json.loads((tmp_path / "run.json").read_text())["claim"]
    files = {one["path"]: one for one in claim["files"]}
    assert files["-"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert files["-"]["bytes"] == len(data)
    verified = run_command("verify", tmp_path / "run.json", "--root", SAMPLES)
    assert verified.returncode == 1
    assert "made from standard input, which cannot be read again" in verified.stderr


def test_digests_of_standard_input_need_a_record() -> None:
    words = [*COMMAND, "ce", "-", "digits_labels.npy", "--digest"]
    data = (SAMPLES / "digits_logits.npy").read_bytes()
    found = subprocess.run(words, cwd=SAMPLES, input=data, capture_output=True, check=False)
    assert found.returncode == 1
    assert found.stderr.startswith(b"losscli: error: --digest reads files twice, but -")


def test_replay_on_other_files(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "run.json"
    labels = SAMPLES / "digits_labels.npy"
    options = ("--by", "class", "--top", "3", "--label-smoothing", "0.1")
    run("ce", SAMPLES / "digits_logits.npy", labels, *options, "--record", path, "-q")
    other = SAMPLES / "digits_second_logits.npy"
    replayed = run("replay", path, other, labels, "-q", "-f", "json")
    assert replayed == run("ce", other, labels, *options, "-q", "-f", "json")
    code, _, err = run("replay", path, other)
    assert code == 2
    assert "found 1 files, expected 2, in place of: " in err
    assert run("replay", path)[0] == 2


def test_replay_of_a_comparison(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "run.json"
    labels, a = SAMPLES / "digits_labels.npy", SAMPLES / "digits_logits.npy"
    b = SAMPLES / "digits_second_logits.npy"
    run("compare", "ce", a, b, labels, "--by", "class", "--record", path, "-q")
    words = ("compare", "ce", b, a, labels, "--by", "class", "-q", "-f", "json")
    assert run("replay", path, b, a, labels, "-q", "-f", "json") == run(*words)


def test_the_command_starts_again_only_once(tmp_path: Path, record: Path) -> None:
    """A variable that switches off nothing does not lead to a loop."""
    changed(record, SIMD={"baseline": [], "found": [], "not found": []})
    environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": "NONE"}
    command = [sys.executable, "-m", "losscli", "verify", str(record), "--root", str(SAMPLES)]
    found = subprocess.run(command, env=environment, cwd=tmp_path, check=False, timeout=60)
    assert found.returncode == 0


def test_the_last_bit_of_an_exact_sum(record: Path, run: Run) -> None:
    """It shows that elements differ, although the rounded sum is the same."""
    content = json.loads(record.read_text())
    mantissa, exponent = content["claim"]["exact"][0]["losses"]
    content["claim"]["exact"][0]["losses"] = [str(int(mantissa) + 2), exponent]
    record.write_text(file.text_of(*(content[name] for name in ("claim", "environment", "run"))))
    code, _, err = run("verify", record, "--root", SAMPLES)
    assert code == 3
    assert "numbers: exact[0].losses" in err


def test_two_moved_files_with_the_same_content(tmp_path: Path, run: Run) -> None:
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, np.ones(3))
    assert (
        run("l1", tmp_path / "a.npy", tmp_path / "b.npy", "--record", tmp_path / "r.json")[0] == 0
    )
    (tmp_path / "new").mkdir()
    for name in ("a.npy", "b.npy"):
        (tmp_path / name).rename(tmp_path / "new" / f"moved-{name}")
    assert run("verify", tmp_path / "r.json", "--root", tmp_path, "--strict")[0] == 0


def test_a_record_never_overwrites_what_was_read(tmp_path: Path, run: Run) -> None:
    x, y, labels = tmp_path / "x.npy", tmp_path / "y.npy", tmp_path / "g.csv"
    np.save(x, np.zeros(3))
    np.save(y, np.ones(3))
    labels.write_text("g\na\nb\nb\n")
    link = tmp_path / "link.npy"
    link.symlink_to(x)
    for place in (x, y, labels, link, tmp_path / "." / "x.npy"):
        before = place.read_bytes()
        code, _, err = run("mse", x, y, "--by", labels, "--record", place)
        assert (code, place.read_bytes()) == (2, before)
        assert "is also an input file" in err
    both = ("--output", tmp_path / "o.csv", "--record", tmp_path / "o.csv")
    assert run("mse", x, y, *both)[0] == 2
    assert run("mse", x, y, "--record", tmp_path / "run.json")[0] == 0
    replay = ("replay", tmp_path / "run.json", x, y, "--record")
    assert run(*replay, tmp_path / "run.json")[0] == 2
    assert run(*replay, y)[0] == 2


def test_a_changed_record_is_not_replayed(record: Path, run: Run) -> None:
    record.write_text(
        record.read_text().replace('"label_smoothing": 0.0', '"label_smoothing": 0.9')
    )
    for words in (("replay", record, SAMPLES / "digits.parquet"), ("record", "--sums", record)):
        code, out, err = run(*words)
        assert (code, out) == (3, "")
        assert "changed since it was written: claim.options.label_smoothing" in err


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("value_hex", None, "0x1p-1"),
        ("exact", None, [{"losses": ["7", 0], "weights": ["225", 1]}]),
        ("files", None, []),
        ("requests", "reduction", "sum"),
    ],
)
def test_every_member_of_the_claim_is_compared(
    section: str, name: str | None, value: Any, record: Path, run: Run
) -> None:
    """Also with checksums that fit, and another environment."""
    content = json.loads(record.read_text())
    if name is None:
        content["claim"][section] = value
    else:
        content["claim"][section][0][name] = value
    record.write_text(file.text_of(content["claim"], content["environment"], content["run"]))
    changed(record, NumPy="1.0")
    assert run("verify", record, "--root", SAMPLES)[0] == 3
