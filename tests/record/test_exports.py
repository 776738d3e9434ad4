"""Records for other programs."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, SAMPLES, Run


@pytest.fixture
def folder(tmp_path: Path, run: Run) -> Path:
    """A folder with a record of two files, one with an odd name."""
    shutil.copy(SAMPLES / "digits_logits.npy", tmp_path / "x\\y\nz.npy")
    shutil.copy(SAMPLES / "digits_labels.npy", tmp_path)
    words = ("ce", tmp_path / "x\\y\nz.npy", tmp_path / "digits_labels.npy")
    assert run(*words, "--record", tmp_path / "run.json", "-q")[0] == 0
    return tmp_path


def test_sha256sum_reads_the_sums(folder: Path, run: Run) -> None:
    """From any directory, also with names that need escapes."""
    code, out, _ = run("record", "--sums", folder / "run.json")
    assert code == 0
    check = ["sha256sum", "-c"]
    found = subprocess.run(check, cwd="/", input=out, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout.count(": OK")) == (0, 2)
    (folder / "digits_labels.npy").write_bytes(b"")
    again = subprocess.run(check, cwd="/", input=out, capture_output=True, text=True, check=False)
    assert again.returncode == 1


def test_a_statement_of_in_toto(folder: Path, run: Run) -> None:
    """The members that the specification of Statement v1 requires."""
    statement = json.loads(run("record", "--in-toto", folder / "run.json")[1])
    assert set(statement) == {"_type", "subject", "predicateType", "predicate"}
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    labels = (folder / "digits_labels.npy").read_bytes()
    expected = {"sha256": hashlib.sha256(labels).hexdigest()}
    assert {"name": "digits_labels.npy", "digest": expected} in statement["subject"]
    record = json.loads((folder / "run.json").read_text())
    assert statement["predicate"]["claim"] == record["claim"]
    assert statement["predicate"]["claim_sha256"] == record["claim_sha256"]


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")
def test_the_signing_commands_of_the_guide(folder: Path) -> None:
    page = (ROOT / "docs" / "audit.md").read_text()
    match = re.search(r"<!-- signing -->\n```sh\n(.*?)```", page, re.DOTALL)
    assert match is not None
    sign = ["bash", "-euo", "pipefail", "-c", match[1]]
    subprocess.run(sign, cwd=folder, check=True, capture_output=True)
    (folder / "run.json").write_text((folder / "run.json").read_text().replace("450", "451", 1))
    verify = ["bash", "-c", match[1].splitlines()[-1]]
    assert subprocess.run(verify, cwd=folder, check=False, capture_output=True).returncode != 0


def test_the_record_for_people(folder: Path, run: Run) -> None:
    out = run("record", folder / "run.json", "-f", "table")[1]
    assert re.search(r"^value +0\.4057333999790036$", out, re.MULTILINE)
    assert re.search(r"^file +digits_labels\.npy", out, re.MULTILINE)


def test_both_exports_at_once(folder: Path, run: Run) -> None:
    assert run("record", "--sums", "--in-toto", folder / "run.json")[0] == 2
