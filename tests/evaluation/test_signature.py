"""Signatures and digests, which identify a computation."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SAMPLES

import losscli

SEGMENTATION = [
    str(SAMPLES / "segmentation_logits.npy"),
    str(SAMPLES / "segmentation_labels.npy"),
    "--ignore-index",
    "255",
]


class TestDigest:
    @pytest.mark.parametrize("name", ["d[1]/x.npz", "a[b.npz", "x.npz[q]", "run[1].safetensors"])
    def test_the_digest_is_of_the_file_that_was_read(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The digest is not the digest of another file that a label names."""
        monkeypatch.chdir(tmp_path)
        for other in ("x.npz", "run", "a", "x.npz[q][x]", "a[b.npz[x]"):
            Path(other).write_bytes(b"something else")
        Path("d[1]").mkdir()
        header = b'{"x":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}'
        if name.endswith("safetensors"):
            size = len(header).to_bytes(8, "little")
            Path(name).write_bytes(size + header + np.array([2.0]).tobytes())
        else:
            with open(name, "wb") as file:
                np.savez(file, x=np.array([2.0]))
        wanted = losscli.Wanted(digest=True)
        found = losscli.evaluate("l1", name, [0.0], wanted=wanted)
        assert (found.value, found.inputs[0].path) == (2.0, f"{name}[x]")
        assert found.inputs[0].sha256 == (hashlib.sha256(Path(name).read_bytes()).hexdigest(),)

    def test_the_digests_of_shards_of_arrays(self, tmp_path: Path) -> None:
        for number in (1, 2):
            np.savez(tmp_path / f"{number}.npz", x=np.array([2.0 * number]))
        wanted = losscli.Wanted(digest=True)
        found = losscli.evaluate("l1", tmp_path, [0.0, 0.0], wanted=wanted)
        files = [tmp_path / "1.npz", tmp_path / "2.npz"]
        assert found.inputs[0].sha256 == tuple(
            hashlib.sha256(file.read_bytes()).hexdigest() for file in files
        )

    def test_the_digest_of_what_was_read(self, run: Any) -> None:
        out = run("ce", *SEGMENTATION, "--digest", "-f", "json")[1]
        for one in json.loads(out)["inputs"]:
            expected = subprocess.check_output(["sha256sum", one["path"]], text=True).split()[0]
            assert one["sha256"] == [expected]


class TestSignature:
    def test_every_option_that_is_not_the_default(self) -> None:
        found = losscli.evaluate(
            "ce",
            np.zeros((2, 3), np.float32),
            np.array([1, -1], np.int8),
            ignore_index=[-1, 7],
            label_smoothing=0.25,
            weight=np.ones(3),
            reduction="sum",
        )
        assert found.signature == (
            "loss:cross-entropy|reduction:sum|ignore-index:-1,7|label-smoothing:0.25|weight:(3,)|"
            f"count:1|ignored:1|dtype:float32+int8|losscli:{losscli.__version__}"
        )


def test_none_beside_a_default_is_a_word() -> None:
    found = losscli.evaluate("focal", [0.5, -1.0], [1, 0], alpha=None)
    assert found.signature.startswith("loss:focal|reduction:mean|alpha:none|count:2|")
