"""Two models on the same targets, and their difference."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SAMPLES

import losscli
from losscli.errors import DataError

SEGMENTATION = [
    str(SAMPLES / "segmentation_logits.npy"),
    str(SAMPLES / "segmentation_labels.npy"),
    "--ignore-index",
    "255",
]


class TestCompare:
    A, B = "1,2,6,0", "1,3,4,4"
    ZEROS = "0,0,0,0"

    def test_by_hand(self, run: Any) -> None:
        """Differences 0, 1, -2, 4: their mean is 3/4, their sum of squared deviations 18.75, t =
        3.182."""
        half = 3.182446305284 * math.sqrt(18.75 / 3 / 4)
        code, out, err = run("compare", "l1", self.A, self.B, self.ZEROS, "-f", "json")
        found = json.loads(out)
        assert (code, err) == (0, "")
        assert (found["a"]["value"], found["b"]["value"]) == (2.25, 3.0)
        assert found["difference"] == 0.75
        assert found["ci"] == pytest.approx([0.75 - half, 0.75 + half], rel=1e-9)
        assert found["wins"] == {"a": 0.5, "b": 0.25}

    def test_rows(self, run: Any) -> None:
        lines = run("compare", "l1", self.A, self.B, self.ZEROS, "--top", 2)[1].splitlines()
        assert lines[0] == "model\tvalue\tci_low\tci_high\twins"
        assert [line.split("\t")[:2] for line in lines[1:4]] == [
            ["a", "2.25"],
            ["b", "3.0"],
            ["difference", "0.75"],
        ]
        assert [line.split("\t")[4] for line in lines[1:4]] == ["0.5", "0.25", ""]
        assert lines[4:] == ["", "index\ttarget\tdifference", "3\t0.0\t4.0", "1\t0.0\t1.0"]

    def test_the_difference_is_that_of_the_values(self) -> None:
        x, y = map(np.load, SEGMENTATION[:2])
        options: dict[str, Any] = {"ignore_index": 255, "weight": [1.0, 2.0, 3.0]}
        found = losscli.compare("ce", x, 0.5 * x, y, **options)
        a, b = (losscli.cross_entropy(one, y, **options) for one in (x, 0.5 * x))
        assert (found.a.value, found.b.value) == (a, b)
        assert found.difference == pytest.approx(b - a, rel=1e-12)

    def test_groups(self) -> None:
        wanted = losscli.Wanted(by=("class",))
        x = np.log([[0.5, 0.5], [0.25, 0.75]])
        found = losscli.compare("nll", x, x[::-1], [0, 1], wanted=wanted)
        assert found.groups is not None
        assert [one.labels for one in found.groups] == [(0,), (1,)]
        assert found.groups[0].value == pytest.approx(math.log(2))
        assert found.groups[1].value == pytest.approx(math.log(1.5))

    def test_rows_are_paired_by_a_key(self, run: Any, tmp_path: Path) -> None:
        """A and B have their rows in different orders. By hand, the differences are 0 - 1, 3 - 2
        and 4 - 6."""
        (tmp_path / "a.csv").write_text("id,part,x,y\nu,p,1,0\nv,q,2,0\nw,p,6,0\n")
        (tmp_path / "b.csv").write_text("id,part,x,y\nw,p,4,0\nu,p,0,0\nv,q,3,0\n")
        words = ["compare", "l1", tmp_path / "a.csv", tmp_path / "b.csv", "-i", "x", "-t", "y"]
        found = json.loads(run(*words, "--id", "id", "--by", "part", "-f", "json")[1])
        assert found["difference"] == pytest.approx(-2 / 3)
        assert found["wins"] == {"a": pytest.approx(1 / 3), "b": pytest.approx(2 / 3)}
        assert [(one["group"], one["value"]) for one in found["groups"]] == [("q", 1), ("p", -1.5)]
        assert [(one["a"], one["b"]) for one in found["groups"]] == [(2, 3), (3.5, 2)]
        deviations = [-1 + 2 / 3, 1 + 2 / 3, -2 + 2 / 3]
        half = 4.302652729749 * math.sqrt(sum(d * d for d in deviations) / 2 / 3)
        assert found["ci"] == pytest.approx([-2 / 3 - half, -2 / 3 + half])

    @pytest.mark.parametrize("loss", ["cross-entropy", "mse", "multi-margin"])
    def test_groups_have_the_loss_of_each_model(self, loss: str, tmp_path: Path) -> None:
        """Groups show the loss of each model alone, bit for bit."""
        draw = np.random.default_rng(5)
        shape = (300,) if loss == "mse" else (300, 4)
        a, b = draw.standard_normal((2, *shape))
        target, labels = draw.integers(0, 4, 300), draw.integers(0, 7, 300)
        np.save(tmp_path / "labels.npy", labels)
        wanted = losscli.Wanted(by=(str(tmp_path / "labels.npy"),))
        groups = losscli.compare(loss, a, b, target, wanted=wanted).groups
        for role, model in (("a", a), ("b", b)):
            alone = losscli.evaluate(loss, model, target, wanted=wanted).groups
            expected = {group.labels: group.value for group in alone or ()}
            assert {group.labels: getattr(group, role) for group in groups or ()} == expected
            assert len(expected) == 7

    @pytest.mark.parametrize("swapped", [False, True])
    def test_a_stream_and_an_array(self, swapped: bool, tmp_path: Path) -> None:
        """The number of rows of a CSV file is known only at its end: 4 - 1, 4 - 2 and 5 - 6."""
        (tmp_path / "a.csv").write_text("x\n1\n2\n6\n")
        np.save(tmp_path / "b.npy", [4.0, 4.0, 5.0])
        models = [str(tmp_path / "a.csv"), str(tmp_path / "b.npy")]
        found = losscli.compare("l1", *(models[::-1] if swapped else models), np.zeros(3))
        assert found.difference == (-4 / 3 if swapped else 4 / 3)

    @pytest.mark.parametrize("swapped", [False, True])
    def test_a_stream_of_other_length(self, swapped: bool, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("x\n1\n2\n")
        np.save(tmp_path / "b.npy", [4.0, 4.0, 5.0])
        models = [str(tmp_path / "a.csv"), str(tmp_path / "b.npy")]
        with pytest.raises(
            DataError,
            match=r"the losses of A have shape \(.,\), but the losses of B have shape \(.,\)",
        ):
            losscli.compare("l1", *(models[::-1] if swapped else models), 0.0)

    def test_other_targets_are_an_error(self, run: Any, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("x,y\n1,0\n2,0\n")
        (tmp_path / "b.csv").write_text("x,y\n1,0\n2,1\n")
        words = ["compare", "l1", tmp_path / "a.csv", tmp_path / "b.csv", "-i", "x", "-t", "y"]
        code, out, err = run(*words)
        assert (code, out) == (1, "")
        assert "target at [1] is 0 in A and 1 in B; expected the same targets" in err

    def test_clusters_are_those_of_both(self, tmp_path: Path) -> None:
        np.save(tmp_path / "doc.npy", np.array([0, 0, 1, 1]))
        wanted = losscli.Wanted(cluster=str(tmp_path / "doc.npy"))
        found = losscli.compare("l1", [1.0, 2.0, 6.0, 0.0], [1.0] * 4, [0.0] * 4, wanted=wanted)
        assert (found.a.samples, found.b.samples) == (2, 2)
        assert found.wins == (0.0, 1.0)

    def test_nan_of_either_is_left_out(self) -> None:
        a, b = [1.0, math.nan, 6.0], [3.0, 3.0, math.nan]
        found = losscli.compare("l1", a, b, [0.0] * 3, on_nan="skip")
        assert found.difference == 2.0

    @pytest.mark.parametrize("words", [["--reduction", "none"], ["--top", "0"]])
    def test_what_cannot_be_meant(self, run: Any, words: list[str]) -> None:
        assert run("compare", "l1", self.A, self.B, self.ZEROS, *words)[0] == 2

    def test_a_gate(self, run: Any) -> None:
        rng = np.random.default_rng(2)
        worse = ",".join(map(repr, rng.uniform(1, 2, 30).tolist()))
        better = ",".join(map(repr, rng.uniform(0, 1, 30).tolist()))
        zeros = ",".join("0" * 30)
        code, _, err = run("compare", "l1", better, worse, zeros, "--fail-if-worse")
        assert code == 3
        assert err.startswith("losscli: error: B is worse than A by ")
        assert run("compare", "l1", worse, better, zeros, "--fail-if-worse")[0] == 0
        assert run("compare", "l1", self.A, self.B, self.ZEROS, "--fail-if-worse")[0] == 0
        assert run("compare", "l1", "1", "nan", "0", "--fail-if-worse")[0] == 3

    def test_what_either_model_lacks_is_left_out(self, tmp_path: Path) -> None:
        """Rows 1 and 3 are in both: 3 - 1 and 5 - 2, whose mean is 2.5."""
        texts = {"a": "x,z\n1,0\n,0\n2,0\n4,0\n", "b": "x,z\n3,0\n7,0\n5,0\n,0\n"}
        for name, text in texts.items():
            (tmp_path / name).write_text(text)
        columns = {"input_column": "x", "input_format": "csv", "skip_missing": True}
        a, b = str(tmp_path / "a"), str(tmp_path / "b")
        found = losscli.compare("l1", a, b, np.zeros(4), **columns)
        assert found.difference == 2.5

    def test_shapes_that_differ(self) -> None:
        with pytest.raises(DataError, match="B"):
            losscli.compare("mse", [1.0, 2.0], [1.0], [1.0])
