"""Common mistakes in the input: each is reported once, with advice, and correct input is not
reported."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import losscli
from losscli import evaluate
from losscli.cli.main import main
from losscli.errors import DataError, UsageError
from losscli.evaluation import blocks
from losscli.losses.checks import Check

# Three classes: rows of probabilities and their labels.
PROBABILITIES = np.array([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125]])
LABELS = np.array([0, 1])
# -(log 1/2 + log 3/4) / 2
NLL = (math.log(2) + math.log(4 / 3)) / 2


def logits(shape: tuple[int, ...], scale: float = 3.0) -> NDArray[np.float64]:
    return np.random.default_rng(1).normal(scale=scale, size=shape)


def log_softmax(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The plain formula, which is exact enough here."""
    result: NDArray[np.float64] = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    return result


class TestWhatIsNoLogProbability:
    def test_logits(self) -> None:
        x = np.array([[-1.0, 2.0]])
        with pytest.raises(DataError, match=r"input at \[0, 1\] is 2.0.*Use --from logits for"):
            evaluate("nll", x, [0])
        with pytest.raises(DataError, match=r"input at \[0, 1\] is 0.25.*Use --from logits for"):
            evaluate("nll", [[-0.5, 0.25]], [0])
        with pytest.raises(DataError, match=r"input at \[0, 0\] is 0.5.*Use --from logits for"):
            evaluate("nll", [[0.5, 1.5]], [0])

    def test_probabilities(self) -> None:
        with pytest.raises(DataError, match=r"is 0.5; .*at most 0. Use --from probs for prob"):
            evaluate("nll", PROBABILITIES, LABELS)

    def test_unchecked_it_is_computed(self) -> None:
        assert evaluate("nll", PROBABILITIES, LABELS, check=False).value == -0.625
        assert losscli.nll(PROBABILITIES, LABELS) == -0.625

    def test_only_a_target_above_0_far_behind(self) -> None:
        """Only a few blocks are checked as a whole, but the targets' entries are checked in every
        block."""
        x = np.full((300_000, 2), math.log(0.5))
        x[299_999, 1] = 0.25
        with pytest.raises(DataError, match=r"input at \[299999, 1\] is 0.25"):
            evaluate("nll", x, np.ones(300_000, dtype=int))

    def test_only_a_target_above_1_far_behind(self) -> None:
        x = np.full((300_000, 2), 0.5)
        x[299_999, 1] = 1.25
        with pytest.raises(DataError, match=r"input at \[299999, 1\] is 1.25; expected a prob"):
            evaluate("nll", x, np.ones(300_000, dtype=int), from_="probs")

    def test_another_class_above_1(self) -> None:
        with pytest.raises(DataError, match=r"input at \[0, 1\] is -0.25; expected a prob"):
            evaluate("nll", [[1.0, -0.25]], [0], from_="probs")
        with pytest.raises(DataError, match=r"input at \[0, 0\] is 1.5; expected a probability"):
            evaluate("nll", [[1.5, 0.25]], [1], from_="probs")
        text = (
            "target at [0, 0] is 1.5; expected a probability, from 0 to 1. Use --target-from "
            "log-probs or --target-from logits for other values, or --no-check to skip this check."
        )
        with pytest.raises(DataError, match=f"^{re.escape(text)}$"):
            evaluate("kl-div", np.log([[0.5, 0.5]]), [[1.5, 0.25]])

    def test_rounding_may_take_a_probability_above_1(self) -> None:
        """Rounding may add up to 64 times 2^-23."""
        for p in (1 + 64 * 2.0**-23, -64 * 2.0**-23):
            assert evaluate("kl-div", [0.0], [p]).count == 1
        with pytest.raises(DataError, match="from 0 to 1"):
            evaluate("kl-div", [0.0], [1 + 65 * 2.0**-23])

    def test_float16_rounds_further(self) -> None:
        """For float16, rounding may add up to 64 times 2^-10."""
        x = np.array([[0.0625, -9.0]], np.float16)
        assert evaluate("nll", x, [0]).value == -0.0625
        with pytest.raises(DataError, match=r"input at \[0, 0\] is 0.06256.* at most 0"):
            evaluate("nll", np.nextafter(x, np.float16(1)), [0])

    def test_steps_behind_the_last_may_hold_anything(self) -> None:
        x = np.log(np.full((3, 2, 4), 0.25))
        x[2] = 9.0
        assert evaluate("ctc", x, [[1], [2]], [2, 2], [1, 1]).warnings == ()
        with pytest.raises(DataError, match=r"log_probs at \[2, 1, 0\] is 9.0"):
            evaluate("ctc", x, [[1], [2]], [2, 3], [1, 1])

    def test_probabilities_of_0_and_1(self) -> None:
        with pytest.raises(DataError, match="is 1.0; .*Use --from probs for probabilities"):
            evaluate("nll", [[0.0, 1.0], [1.0, 0.0]], LABELS)

    def test_where_a_mask_leaves_it_out_it_may_be_anything(self) -> None:
        x = np.log(PROBABILITIES)
        x[0] = [7.0, 8.0, 9.0]
        assert evaluate("nll", x, LABELS, mask=[0, 1]).value == pytest.approx(math.log(4 / 3))
        assert evaluate("nll", x, [-100, 1]).warnings == ()

    def test_rows_of_more_than_is_looked_at(self) -> None:
        """A row of 70,000 classes is longer than the checked sample, but is checked."""
        [warning] = evaluate("nll", np.full((2, 70_000), -5.0), [0, 1]).warnings
        assert "input at [0, 0] starts a row that sums to 471.7" in warning

    def test_in_kl_div_and_ctc(self) -> None:
        with pytest.raises(DataError, match=r"input at \[0, 0\] is 0.5.*--from"):
            evaluate("kl-div", PROBABILITIES, PROBABILITIES)
        with pytest.raises(DataError, match=r"target at \[0, 0\] is -0.69.*--target-from"):
            evaluate("kl-div", np.log(PROBABILITIES), np.log(PROBABILITIES))
        with pytest.raises(DataError, match=r"log_probs at \[1, 0, 1\] is 3.0.*--from logits"):
            evaluate("ctc", [[[-1.0, -2.0]], [[-1.0, 3.0]]], [[1]], [2], [1])

    def test_rows_that_do_not_sum_to_1(self) -> None:
        found = evaluate("nll", [[-1.0, -7.0]], [0])
        assert found.value == 1.0
        [warning] = found.warnings
        # exp(-1) + exp(-7) = 0.3688
        assert "at [0, 0] starts a row that sums to 0.3688" in warning

    @pytest.mark.parametrize(("above", "refused"), [(64, False), (65, True)])
    def test_rounding_may_take_a_logarithm_above_0(self, above: int, refused: bool) -> None:
        """Rounding may add up to 64 times 2^-23, the difference of 1 and the next float32."""
        x = above * 2.0**-23
        ctc = ("ctc", [[[-50.0, x]]], [[1]], [1], [1])
        for arrays in [("nll", [[x, -50.0]], [0]), ("kl-div", [x], [1.0]), ctc]:
            if refused:
                with pytest.raises(DataError, match="at most 0"):
                    evaluate(*arrays)
            else:
                assert evaluate(*arrays, reduction="sum").value == -x

    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    @pytest.mark.parametrize("classes", [2, 1000, 50_000])
    def test_honest_ones_are_no_doubt(self, dtype: str, classes: int) -> None:
        x = log_softmax(logits((20, classes)))
        y = x.argmax(axis=1)
        found = evaluate("nll", x.astype(dtype), y)
        assert [text for text in found.warnings if "float16" not in text] == []
        rounded = np.exp(x).astype(dtype).astype(float).round(4)
        assert evaluate("nll", rounded, y, from_="probs", clip=1e-7).warnings == ()


class TestProbabilitiesForLogits:
    def test_they_are_softmaxed_again_with_a_warning(self) -> None:
        found = evaluate("ce", PROBABILITIES, LABELS)
        [warning] = found.warnings
        assert "input looks like probabilities (all rows sum to 1)" in warning
        assert "--from probs" in warning
        # log(e^.5 + 2 e^.25) - .5 and log(2 e^.125 + e^.75) - .75
        first = math.log(math.exp(0.5) + 2 * math.exp(0.25)) - 0.5
        second = math.log(2 * math.exp(0.125) + math.exp(0.75)) - 0.75
        assert found.value == pytest.approx((first + second) / 2, rel=1e-14)

    def test_logits_and_log_probabilities_are_no_doubt(self) -> None:
        assert evaluate("ce", logits((50, 4)), np.zeros(50, int)).warnings == ()
        assert evaluate("ce", np.log(PROBABILITIES), LABELS).warnings == ()
        assert evaluate("ce", np.abs(logits((50, 4))), np.zeros(50, int)).warnings == ()
        assert evaluate("ce", [[-0.5, 1.5], [-0.25, 1.25]], [0, 1]).warnings == ()

    def test_of_two_classes(self) -> None:
        p = [[0.3, 0.7], [0.0, 1.0]]
        assert (
            "input looks like probabilities (all rows sum to 1)"
            in evaluate("ce", p, [0, 1]).warnings[0]
        )

    def test_told_once_for_many_blocks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(blocks, "BLOCK_VALUES", 6)
        found = evaluate("ce", np.tile(PROBABILITIES, (9, 1)), np.tile(LABELS, 9)).warnings
        assert sum("looks like probabilities" in warning for warning in found) == 1


class TestFrom:
    """The same predictions, saved as logits, probabilities and log-probabilities."""

    @pytest.mark.parametrize("loss", ["nll", "ce"])
    def test_probabilities(self, loss: str) -> None:
        found = evaluate(loss, PROBABILITIES, LABELS, from_="probs")
        assert found.value == pytest.approx(NLL, rel=1e-15)
        assert found.warnings == ()

    def test_logits_of_nll_are_cross_entropy(self) -> None:
        x, y = logits((40, 5)), np.arange(40) % 5
        found = losscli.nll(x, y, from_="logits", weight=np.arange(1, 6), reduction="none")
        expected = losscli.cross_entropy(x, y, weight=np.arange(1, 6), reduction="none")
        np.testing.assert_array_equal(found, expected)

    def test_probabilities_are_never_renormalised(self) -> None:
        found = evaluate("ce", [[0.25, 0.25]], [0], from_="probs")
        assert found.value == pytest.approx(math.log(4), rel=1e-15)
        assert "sums to 0.5" in found.warnings[0]

    def test_probability_targets(self) -> None:
        """-(1/4 log 1/2 + 3/4 log 1/4) = 7/4 log 2, since 0 log 0 is 0."""
        found = losscli.cross_entropy([[0.5, 0.25, 0.0]], [[0.25, 0.75, 0.0]], from_="probs")
        assert found == pytest.approx(1.75 * math.log(2), rel=1e-15)

    def test_kl_div_of_two_models(self) -> None:
        x, z = logits((30, 6)), logits((30, 6), scale=2.0)
        expected = losscli.kl_div(log_softmax(x), np.exp(log_softmax(z)), reduction="none")
        found = losscli.kl_div(x, z, from_="logits", target_from="logits", reduction="none")
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-15)
        by_probabilities = losscli.kl_div(
            np.exp(log_softmax(x)), log_softmax(z), from_="probs", log_target=True, reduction="none"
        )
        np.testing.assert_allclose(by_probabilities, expected, rtol=1e-10, atol=1e-15)

    def test_kl_div_of_logits_along_another_axis(self) -> None:
        x, z = logits((4, 3, 5)), logits((4, 3, 5), scale=1.0)
        found = losscli.kl_div(
            x, z, from_="logits", target_from="logits", class_axis=1, reduction="none"
        )
        expected = losscli.kl_div(log_softmax(x), np.exp(log_softmax(z)), reduction="none")
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-15)
        with pytest.raises(DataError, match="class axis is ambiguous. Choose it with --class-axis"):
            evaluate("kl-div", x, z, from_="logits", target_from="logits")

    def test_ctc(self) -> None:
        x = logits((6, 2, 4))
        as_rows = log_softmax(x.reshape(12, 4)).reshape(6, 2, 4)
        lengths = {"input_lengths": [6, 5], "target_lengths": [2, 1]}
        targets = [[1, 2], [3, 0]]
        expected = losscli.ctc(as_rows, targets, **lengths, reduction="none")
        for kind, array in {"logits": x, "probs": np.exp(as_rows)}.items():
            found = losscli.ctc(array, targets, **lengths, from_=kind, reduction="none")
            np.testing.assert_allclose(found, expected, rtol=1e-12)

    def test_no_other_kind(self) -> None:
        with pytest.raises(UsageError, match="--from: expected one of log-probs, logits"):
            evaluate("nll", PROBABILITIES, LABELS, from_="log")


class TestZeroProbabilities:
    X = np.array([[0.5, 0.5], [1.0, 0.0], [1.0, 0.0]])

    def test_they_cost_infinity_and_are_counted(self) -> None:
        found = evaluate("nll", self.X, [0, 1, 1], from_="probs")
        assert found.value == math.inf
        [warning] = found.warnings
        assert warning == (
            "target in row 1 has predicted probability 0, which makes the loss infinite (and 1 "
            "more). Use --clip EPS to clip probabilities to EPS..1-EPS, as scikit-learn's log_loss "
            "does."
        )

    def test_wherever_they_are(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In the last of 60 blocks, which is not checked as a whole."""
        monkeypatch.setattr(blocks, "BLOCK_VALUES", 3)
        p, y = np.tile(PROBABILITIES, (30, 1)), np.tile(LABELS, 30)
        p[-1] = [0.5, 0.0, 0.5]
        for loss in ("nll", "ce"):
            [warning] = evaluate(loss, p, y, from_="probs").warnings
            assert warning.startswith("target in row 59 has predicted probability 0")
        [warning] = evaluate("kl-div", p, p[::-1].copy(), from_="probs", reduction="sum").warnings
        assert warning.startswith("input at [59, 1] is 0")
        x, targets = np.log(np.full((1, 60, 3), 1 / 3)), np.ones((60, 2), int)
        labels = np.array([1] * 59 + [2])
        [warning] = evaluate("ctc", x, targets, 1, labels).warnings
        assert warning.startswith("targets at [59, 0] begins a target that is too long")

    def test_kl_div_tells_them_from_other_infinities(self) -> None:
        p = PROBABILITIES
        assert evaluate("kl-div", p, p, from_="probs", reduction="sum").warnings == ()
        [warning] = evaluate("kl-div", [-np.inf], [1.0]).warnings
        assert warning == "the loss of 1 element is infinite, first at [0]"

    def test_clipping_in_the_open_gives_scikit_learns_number(self) -> None:
        """sklearn.metrics.log_loss([0, 1, 1], X, ...) with eps = 1e-15, as before version 1.3, by
        hand."""
        found = evaluate("nll", self.X, [0, 1, 1], from_="probs", clip=1e-15)
        assert found.value == pytest.approx((math.log(2) + 2 * 15 * math.log(10)) / 3, rel=1e-14)
        assert found.warnings == ()
        assert found.changed == {"from_": "probs", "clip": 1e-15}

    def test_clipping_holds_from_above_as_well(self) -> None:
        found = evaluate("nll", [[1.0, 0.0], [0.0, 1.0]], [0, 0], from_="probs", clip=0.25)
        assert found.value == pytest.approx(-(math.log(0.75) + math.log(0.25)) / 2, rel=1e-15)

    def test_kl_div(self) -> None:
        found = evaluate("kl-div", [[1.0, 0.0]], [[0.5, 0.5]], from_="probs", reduction="sum")
        assert found.value == math.inf
        assert "input at [0, 1] is 0 where the target is not" in found.warnings[0]

    def test_bce_of_what_is_certain_and_right(self) -> None:
        found = evaluate("bce", [0.0, 1.0], [0.0, 1.0])
        assert (found.value, found.warnings) == (0.0, ())

    def test_bce_holds_its_logarithms_and_says_so(self) -> None:
        found = evaluate("bce", [1.0, 0.0, 1.0, 0.5], [1.0, 1.0, 0.0, 0.5])
        assert found.value == pytest.approx((200 + math.log(2)) / 4)
        [warning] = found.warnings
        assert "input in row 1 is exactly 0 where the target is 1" in warning
        assert "is clamped to -100, as in PyTorch (and 1 more). Use --clip EPS to" in warning
        clipped = evaluate("bce", [0.0], [1.0], clip=1e-7)
        assert clipped.value == pytest.approx(7 * math.log(10), rel=1e-14)
        assert clipped.warnings == ()

    @pytest.mark.parametrize("loss", ["nll", "cross-entropy", "kl-div", "bce"])
    def test_limits_of_each_loss(self, loss: str) -> None:
        arrays = ([0.5], [0.5]) if loss in ("bce", "kl-div") else ([[0.5, 0.5]], [0])
        from_ = {} if loss == "bce" else {"from_": "probs"}
        for clip in (-0.5, 0.0, 0.51):
            with pytest.raises(UsageError, match="clip"):
                evaluate(loss, *arrays, clip=clip, **from_)
        evaluate(loss, *arrays, clip=0.5, **from_)

    @pytest.mark.parametrize("clip", [0.0, 0.6, -1.0])
    def test_limits(self, clip: float) -> None:
        with pytest.raises(UsageError, match=r"--clip: expected a number from 0 to 0.5, found "):
            evaluate("nll", self.X, [0, 1, 1], from_="probs", clip=clip)

    def test_there_is_nothing_to_clip_in_logits(self) -> None:
        with pytest.raises(UsageError, match="--clip 0.1 needs --from probs"):
            evaluate("nll", self.X, [0, 1, 1], clip=0.1)


class TestTargets:
    @pytest.mark.parametrize(
        ("target", "hint"),
        [
            (np.array([0, 156], np.uint8), "-100 as an unsigned 8-bit .*--ignore-index 156"),
            (np.array([0, 65436], np.uint16), "-100 as an unsigned 16-bit .*--ignore-index 65436"),
            (np.array([0.0, 65436.0]), "-100 as an unsigned 16-bit .*--ignore-index 65436.$"),
            (np.array([0, 4294967196]), "-100 as an unsigned 32-bit .*ignore-index 4294967196.$"),
            (
                np.array([0, 2**64 - 100], np.uint64),
                "unsigned 64-bit .* 18446744073709551516.$",
            ),
            (np.array([0, 255]), "Use --ignore-index 255 to ignore it"),
            (np.array([0, -1]), "Use --ignore-index -1 to ignore it"),
            (np.array([0, -100]), "Use --ignore-index -100 to ignore it"),
            (np.array([0, 3]), "If classes are counted from 1, use --class-base 1"),
        ],
    )
    def test_what_the_target_may_mean(self, target: Any, hint: str) -> None:
        with pytest.raises(DataError, match=hint):
            evaluate("ce", logits((2, 3)), target, ignore_index=[])

    def test_rows_of_padding_that_count(self) -> None:
        x = logits((4, 3))
        x[2:] = -100
        [warning] = evaluate("ce", x, [0, 1, 0, 0]).warnings
        assert "input at [2, 0] begins a row of only -100" in warning
        assert evaluate("ce", x, [0, 1, -100, -100]).warnings == ()

    def test_labels_of_1_and_2(self) -> None:
        [warning] = evaluate("bce-with-logits", [0.5, 0.5], [1, 2]).warnings
        assert warning == "target in row 1 is 2; expected 0, 1 or a probability"

    @pytest.mark.parametrize("loss", ["soft-margin", "hinge-embedding"])
    def test_labels_of_0_and_1(self, loss: str) -> None:
        [warning] = evaluate(loss, [0.5, 0.5], [1, 0]).warnings
        assert warning == "target in row 1 is 0; expected 1 or -1"

    def test_labels_of_0_and_1_for_pairs_of_vectors(self) -> None:
        x = logits((3, 2))
        [warning] = evaluate("cosine-embedding", x, x, [1, 0, 0]).warnings
        assert warning.startswith("target in row 1 is 0; expected 1 or -1 (and at least 1 more)")

    @pytest.mark.parametrize(
        "loss", ["soft-margin", "hinge-embedding", "margin-ranking", "cosine-embedding"]
    )
    def test_1_and_minus_1_are_no_doubt(self, loss: str) -> None:
        x = logits((3, 2)) if loss == "cosine-embedding" else logits((3,))
        others = [] if loss in ("soft-margin", "hinge-embedding") else [x]
        assert evaluate(loss, x, *others, [1, -1, -1]).warnings == ()
        [warning] = evaluate(loss, x, *others, [1, -1, -2]).warnings
        assert warning == "target in row 2 is -2; expected 1 or -1"

    def test_a_single_number_is_in_no_row(self) -> None:
        [warning] = evaluate("hinge-embedding", 1.0, 5.0).warnings
        assert warning == "target is 5.0; expected 1 or -1"

    def test_padding_among_log_probabilities(self) -> None:
        """Padding costs 100, where equal logits cost log C. The elements have two axes."""
        x = np.log(np.full((5, 4, 3), 0.25))
        x[4, :, 1:] = -100
        [_, warning] = evaluate("nll", x, np.zeros((5, 3), int)).warnings
        assert warning == (
            "input at [4, 0, 1] begins a row of only -100, which looks like padding, but its "
            "target is not ignored (and 1 more). Use --mask or --ignore-index to ignore it."
        )

    def test_one_class_is_no_padding(self) -> None:
        assert evaluate("ce", [[-100.0], [-100.0]], [0, 0]).warnings == ()

    def test_padding_of_two_classes(self) -> None:
        x = logits((4, 2))
        x[3] = -100
        assert "a row of only -100" in evaluate("ce", x, [0, 1, 0, 1]).warnings[0]

    def test_padding_is_seen_wherever_it_lies(self) -> None:
        """In the last of 300,000 rows, which are in no block that is checked as a whole."""
        x, y = logits((300_000, 4)), np.zeros(300_000, int)
        x[-1000:] = -100
        [warning] = evaluate("ce", x, y).warnings
        assert "input at [299000, 0] begins a row of only -100" in warning
        assert "is not ignored (and 999 more). Use --mask" in warning
        weighted = evaluate("ce", x, y, weight=[0.5, 1, 1, 1]).warnings
        assert any("a row of only -100" in text for text in weighted)

    @pytest.mark.parametrize("loss", ["multi-margin", "multilabel-margin", "ctc"])
    @pytest.mark.parametrize("mark", [255, -100, 3])
    def test_no_advice_that_the_loss_cannot_take(self, loss: str, mark: int) -> None:
        x = log_softmax(logits((2, 3)))
        arrays: dict[str, tuple[Any, ...]] = {
            "multi-margin": (x, [0, mark]),
            "multilabel-margin": (x, [[0, -1, -1], [mark, 0, 0]]),
            "ctc": (x[:, np.newaxis], [[mark]], [2], [1]),
        }
        with pytest.raises(DataError) as caught:
            evaluate(loss, *arrays[loss])
        assert "--ignore-index" not in str(caught.value)
        assert ("--class-base" in str(caught.value)) == (loss == "multi-margin" and mark == 3)
        assert ("Use --mask FILE to ignore" in str(caught.value)) == (mark in (255, -100))

    def test_one_score_a_sample_is_for_another_loss(self) -> None:
        for x, y in [(logits((4, 1)), [0, 1, 0, 1]), (logits((4,)), [0, 1, 0, 1])]:
            with pytest.raises(DataError, match="For one score per sample, use losscli bce-with"):
                evaluate("ce", x, y)
        with pytest.raises(DataError) as caught:
            evaluate("nll", log_softmax(logits((2, 3))), np.zeros((2, 3), int))
        assert "one score per sample" not in str(caught.value)

    def test_probabilities_for_the_logits_of_two_classes(self) -> None:
        p = np.linspace(0.01, 0.99, 32)
        assert evaluate("bce-with-logits", p[1:], np.ones(31)).warnings == ()
        [warning] = evaluate("bce-with-logits", p, np.ones(32)).warnings
        assert warning == (
            "input looks like probabilities (all values are between 0 and 1) but is treated as "
            "logits. If they are probabilities, use losscli bce."
        )

    def test_targets_that_are_no_probabilities(self) -> None:
        [warning] = evaluate("multilabel-soft-margin", logits((2, 2)), [[0, 9], [1, 1]]).warnings
        assert warning == "target at [0, 1] is 9; expected 0, 1 or a probability"
        [warning] = evaluate("ce", logits((2, 2)), [[0.5, 0.5], [-0.5, 1.5]]).warnings
        assert warning.startswith("target at [1, 0] is -0.5; expected a probability")
        [warning] = evaluate("ce", logits((2, 2)), [[0.0, 1.0], [-0.5, 1.5]]).warnings
        assert warning.startswith("target at [1, 0] is -0.5; expected a probability")
        [warning] = evaluate("ce", logits((2, 2)), [[-0.5, 1.0], [-0.5, 0.0]]).warnings
        assert warning.endswith("for each element (and at least 1 more)")
        assert evaluate("ce", logits((2, 2)), [[0.5, 0.5], [0.0, 1.0]]).warnings == ()

    def test_weights_below_0(self) -> None:
        warnings = evaluate("ce", logits((2, 2)), [0, 1], weight=[1.0, -1.5]).warnings
        assert warnings == ("weight at [1] is -1.5; expected at least 0",)
        warnings = evaluate("ce", logits((2, 2)), [0, 1], weight=[0.0, -0.5]).warnings
        assert warnings == ("weight at [1] is -0.5; expected at least 0",)
        assert evaluate("ce", logits((2, 2)), [0, 1], weight=[0.0, 1.0]).warnings == ()
        of_many = np.where(np.arange(1000) == 999, -1.0, 1.0)
        warnings = evaluate("ce", logits((200, 1000)), np.zeros(200, int), weight=of_many)
        assert warnings.warnings == ("weight at [999] is -1.0; expected at least 0",)


class TestMasks:
    X = np.array([1.0, 2.0, 4.0])

    @pytest.mark.parametrize("mark", [255, -1, 2])
    def test_what_counts_beside_1(self, mark: int) -> None:
        found = evaluate("l1", self.X, [0, 0, 0], mask=[1, 0, mark])
        assert found.value == 2.5
        [warning] = found.warnings
        assert warning == (
            f"mask in row 2 is {mark}; expected 1 to keep an element and 0 to ignore it. All "
            "values but 0 keep the element."
        )

    @pytest.mark.parametrize("mark", [-np.inf, -10000.0, 0.5, np.nan])
    def test_a_mask_that_is_added_to_scores(self, mark: float) -> None:
        with pytest.raises(DataError, match=r"mask in row 1 is .*Additive attention masks"):
            evaluate("l1", self.X, [0, 0, 0], mask=[0.0, mark, 0.0])
        assert evaluate("l1", self.X, [0, 0, 0], mask=[0.0, mark, 0.0], check=False).value == 2.0

    def test_minus_1_is_the_only_mark_below_0(self) -> None:
        with pytest.raises(DataError, match="mask in row 1 is -2; expected 1 to keep an element"):
            evaluate("mse", [1.0, 2.0], [0.0, 0.0], mask=[1, -2])

    def test_0_and_1_of_any_type(self) -> None:
        for mask in (np.array([1, 0, 1], bool), np.array([1.0, 0.0, 1.0])):
            assert evaluate("l1", self.X, [0, 0, 0], mask=mask).warnings == ()

    def test_batchmean_divides_by_the_samples_that_count(self) -> None:
        """The same as without the ignored rows. By hand: Σ q log 2 over 2 rows."""
        x, q = np.log(np.full((4, 2), 0.25)), np.full((4, 2), 0.5)
        masked = evaluate("kl-div", x, q, reduction="batchmean", mask=[1, 1, 0, 0], check=False)
        assert masked.value == pytest.approx(math.log(2), rel=1e-15)
        assert masked.samples == 2

    def test_along_the_samples_of_logits(self) -> None:
        """The class axis of the logits is in the middle. The same as without the ignored
        samples."""
        x, z = logits((5, 3, 2)), logits((5, 3, 2), scale=1.0)
        kinds = {"from_": "logits", "target_from": "logits", "class_axis": 1}
        mask = np.array([1, 0, 1, 1, 0])
        for reduction in ("sum", "batchmean"):
            found = evaluate("kl-div", x, z, mask=mask, reduction=reduction, **kinds)
            kept = evaluate("kl-div", x[mask == 1], z[mask == 1], reduction=reduction, **kinds)
            assert found.value == pytest.approx(kept.value, rel=1e-14)
        with pytest.raises(DataError, match=r"mask has shape \(5, 3\). Leave out its class axis"):
            evaluate("kl-div", x, z, mask=np.ones((5, 3)), **kinds)

    def test_how_often_a_mask_is_odd(self) -> None:
        """Masks are checked completely."""
        [warning] = evaluate("mse", [1.0, 2.0, 4.0], [0.0] * 3, mask=[255, 0, 255]).warnings
        assert "0 to ignore it (and 1 more). All values" in warning

    @pytest.mark.parametrize(
        ("shape", "mask", "place"),
        [
            ((5,), [0, 1, 0, 1, 1], "in row 3"),
            ((5, 2), [0, 1, 0, 1, 1], r"at \[3, 1\]"),
            ((5, 2), [[0, 0], [1, 0], [0, 0], [0, 1], [1, 1]], r"at \[3, 1\]"),
        ],
    )
    def test_places_are_those_in_the_file(
        self, shape: tuple[int, ...], mask: Any, place: str
    ) -> None:
        """Positions are positions in the file, not among the elements that a mask keeps."""
        y = np.zeros(shape, int)
        y[(3, 1)[: len(shape)]] = 9
        x = logits((shape[0], 3, *shape[1:]))
        with pytest.raises(DataError, match=f"target {place} is 9;"):
            evaluate("ce", x, y, mask=mask)

    def test_places_along_the_classes_are_as_well(self) -> None:
        x = np.full((4, 2, 3), math.log(0.5))
        x[2, 1, 0] = 0.5
        with pytest.raises(DataError, match=r"input at \[2, 1, 0\] is 0.5"):
            evaluate("nll", x, np.zeros((4, 3), int), mask=[0, 1, 1, 0])

    def test_places_in_what_a_mask_does_not_run_along(self) -> None:
        mask = [0, 1, 1]
        [found] = evaluate("ce", logits((3, 2)), [0] * 3, mask=mask, weight=[1, -1]).warnings
        assert found == "weight at [1] is -1; expected at least 0"
        with pytest.raises(DataError, match=r"target at \[0, 1\] is 7.0; expected a probability"):
            evaluate("kl-div", np.log(PROBABILITIES), [[0.5, 7.0, 0.5]], mask=[0, 1])
        with pytest.raises(DataError, match="target in row 1 is 7.0; expected a probability"):
            evaluate("kl-div", np.log(PROBABILITIES), [0.5, 7.0, 0.5], mask=[0, 1])


class TestWhatIsNoDistribution:
    """Input of kl-div whose probabilities do not sum to 1 along any axis."""

    def test_input_and_target(self) -> None:
        p = np.full((3, 2), 0.5)
        halves = evaluate("kl-div", np.log(p), p / 2, reduction="sum").warnings
        assert halves[0].startswith("target at [0, 0] starts a row that sums to 0.5, not 1")
        raw = evaluate("kl-div", np.log(p) - 20, p, reduction="sum").warnings
        assert "input at [0, 0] starts a row" in raw[0]
        assert evaluate("kl-div", np.log(p), p, reduction="sum").warnings == ()

    def test_a_single_row_may_be_a_part_of_one(self) -> None:
        p = np.full((1, 2), 0.25)
        assert evaluate("kl-div", np.log(p), p, reduction="sum").warnings == ()
        [_, target] = evaluate("kl-div", np.log(p[[0, 0]]), p[[0, 0]], reduction="sum").warnings
        assert "target at [0, 0] starts a row that sums to 0.5" in target

    def test_columns_are_no_rows(self) -> None:
        p = np.array([[0.5, 0.25], [0.5, 0.75]])
        [_, warning] = evaluate("kl-div", np.log(p), p, reduction="sum").warnings
        assert "target at [0, 0] starts a row that sums to 0.75" in warning

    def test_nothing_there(self) -> None:
        x = np.zeros((5, 0))
        assert evaluate("kl-div", x, x, reduction="sum").warnings == ()

    def test_along_any_axis(self) -> None:
        x = log_softmax(logits((3, 4, 5)))
        assert evaluate("kl-div", x, np.exp(x), reduction="sum").warnings == ()


class TestRoundedProbabilities:
    @pytest.mark.parametrize("decimals", [2, 3, 4])
    @pytest.mark.parametrize("classes", [3, 10, 100])
    def test_are_no_doubt(self, decimals: int, classes: int) -> None:
        p = np.exp(log_softmax(logits((50, classes)))).round(decimals)
        found = evaluate("nll", p, np.zeros(50, int), from_="probs", clip=1e-7)
        assert found.warnings == ()

    @pytest.mark.parametrize(
        ("row", "told"),
        [
            # Two classes: 0.005 for rounding, and 0.0001 for 4 decimals.
            ([0.50234, 0.50266], False),
            ([0.50234, 0.50291], True),
            # With 2 decimals, 0.005 more for each class. With 1 decimal, 0.05 more.
            ([0.51, 0.50], False),
            ([0.52, 0.50], True),
            ([0.6, 0.5], False),
            ([0.6, 0.6], True),
            # With 1 decimal, 0.5 for ten classes, but never more than 0.3.
            ([0.3, *[0.1] * 9], False),
            ([0.5, *[0.1] * 9], True),
            # With 3 decimals, 0.0005 for each of forty classes.
            ([*[0.026] * 20, *[0.025] * 20], False),
            # With 4 decimals, 0.00005 for each of a hundred classes, even if the numbers have more
            # decimals.
            ([0.010071] * 100, False),
            ([0.010101] * 100, True),
        ],
    )
    def test_by_how_much_a_row_may_be_off(self, row: list[float], told: bool) -> None:
        assert len(evaluate("nll", [row], [0], from_="probs").warnings) == told

    @pytest.mark.parametrize(("row", "told"), [([-0.7, -0.6], False), ([-0.7, -0.5], True)])
    def test_of_log_probabilities_the_decimals_count_once(
        self, row: list[float], told: bool
    ) -> None:
        """exp(-0.7) + exp(-0.6) = 1.045, which is accepted, and 1.103 with -0.5, which is not. With
        1 decimal, the tolerance is 0.055: an error of 0.05 in the logarithm changes the probability
        by 5%, and the probabilities sum to 1."""
        assert len(evaluate("nll", [row], [0]).warnings) == told
        p = np.full((2, 2), 0.5)
        assert len(evaluate("kl-div", [row, row], p, reduction="sum").warnings) == told
        assert len(evaluate("ctc", [[row]], [[1]], [1], [1]).warnings) == told

    def test_float16_holds_three_digits(self) -> None:
        """Two values of 0.50439453125 are off by 0.0088, and two of 0.5048828125 by 0.0098. The
        tolerance is 0.009 for float16 and 0.0051 for other types."""
        p = np.full((1, 2), 0.50439453125)
        found = evaluate("nll", p.astype(np.float16), [0], from_="probs").warnings
        assert found == ()
        assert len(evaluate("nll", p, [0], from_="probs").warnings) == 1
        p = np.full((1, 2), 0.5048828125, np.float16)
        assert len(evaluate("nll", p, [0], from_="probs").warnings) == 1

    def test_a_single_column_of_ones_is_no_row_of_probabilities(self) -> None:
        assert evaluate("ce", np.ones((5, 1)), np.zeros(5, int)).warnings == ()
        assert evaluate("ce", np.ones((5, 1, 3)), np.zeros((5, 3), int)).warnings == ()


class TestWhatIsNoNumber:
    def test_nan_is_told_with_its_place(self) -> None:
        x = [[0.0, 1.0], [np.nan, 1.0], [np.nan, 1.0]]
        [warning] = evaluate("mse", x, np.zeros((3, 2)), reduction="sum").warnings
        assert warning == "the result is NaN: the loss of 2 elements is NaN, first at [1, 0]"
        [warning] = evaluate("mse", x, np.zeros((3, 2)), reduction="none").warnings
        assert warning == "the loss of 2 elements is NaN, first at [1, 0]"

    def test_infinities_that_cancel(self) -> None:
        x = [[-np.inf, 0.0], [np.inf, 0.0]]
        found = evaluate("nll", x, [0, 0], check=False).warnings
        assert found == ("the result is NaN: losses include both inf and -inf",)

    def test_infinite_losses(self) -> None:
        [warning] = evaluate("ce", [[-np.inf, 0.0], [0.0, 0.0]], [0, 1]).warnings
        assert warning == "the loss of 1 element is infinite, first at [0]"

    def test_a_target_that_ctc_cannot_write(self) -> None:
        x = np.log(np.full((1, 1, 3), 1 / 3))
        found = evaluate("ctc", x, [[1, 2]], [1], [2])
        assert found.value == math.inf
        [warning] = found.warnings
        assert "targets at [0, 0] begins a target that is too long for the steps" in warning
        assert "--zero-infinity" in warning

    def test_blanks_in_a_target(self) -> None:
        x = np.log(np.full((3, 1, 3), 1 / 3))
        [warning] = evaluate("ctc", x, [[1, 0]], [3], [2]).warnings
        assert warning.startswith(
            "targets at [0, 1] is 0, which is the blank and cannot be a label"
        )
        # The values after the last label are arbitrary.
        x, steps = np.log(np.full((3, 2, 3), 1 / 3)), [3, 3]
        assert evaluate("ctc", x, [[1, 0, 0], [2, 0, 99]], steps, [1, 1]).warnings == ()
        [warning] = evaluate("ctc", x, [[1, 0, 0], [2, 0, 99]], steps, [1, 2]).warnings
        assert warning.startswith("targets at [1, 1] is 0, which is the blank")

    @pytest.mark.parametrize("index", [0, 1, [-100, 0]])
    def test_an_ignored_class_beside_probabilities(self, index: Any) -> None:
        with pytest.raises(DataError, match="contains class probabilities, but --ignore-index"):
            losscli.cross_entropy([[0.0, 0.0]], [[0.5, 0.5]], ignore_index=index)

    def test_no_ignored_index_beside_probabilities(self) -> None:
        found = losscli.cross_entropy([[0.0, 0.0]], [[0.5, 0.5]], ignore_index=[])
        assert found == pytest.approx(math.log(2))


class TestClassBase:
    @pytest.mark.parametrize("loss", ["nll", "ce", "multi-margin"])
    def test_classes_counted_from_1(self, loss: str) -> None:
        x = np.log(PROBABILITIES)
        expected = evaluate(loss, x, LABELS).value
        assert evaluate(loss, x, LABELS + 1, class_base=1).value == expected
        with pytest.raises(DataError, match="target in row 0 is 0; expected a class from 1 to 3"):
            evaluate(loss, x, LABELS, class_base=1)

    def test_the_ignored_index_is_as_written(self) -> None:
        x = np.log(PROBABILITIES)
        found = evaluate("nll", x, [1, 2], class_base=1, ignore_index=1)
        assert (found.value, found.ignored) == (-x[1, 1], 1)


class TestClassAxis:
    @pytest.mark.parametrize("loss", ["nll", "ce"])
    @pytest.mark.parametrize("axis", [-1, 2])
    def test_classes_last(self, loss: str, axis: int) -> None:
        x, y = log_softmax(logits((4, 6, 5))), np.random.default_rng(2).integers(6, size=(4, 5))
        expected = evaluate(loss, x, y, reduction="none").values
        last = np.moveaxis(x, 1, -1)
        found = evaluate(loss, last, y, class_axis=axis, reduction="none").values
        np.testing.assert_allclose(found, expected, rtol=1e-14)

    def test_classes_first(self) -> None:
        x, y = logits((3, 7)), np.arange(7) % 3
        expected = losscli.cross_entropy(x.T.copy(), y)
        for axis in (0, -2):
            assert losscli.cross_entropy(x, y, class_axis=axis) == pytest.approx(expected)

    def test_the_axis_that_fits_is_said(self) -> None:
        with pytest.raises(DataError, match=r"indices of shape \(4, 5\).*Use --class-axis -1.$"):
            evaluate("ce", logits((4, 6, 5)), np.zeros((4, 6), int))

    def test_where_both_fit_the_choice_is_said(self) -> None:
        x, y = logits((4, 5, 5)), np.zeros((4, 5), int)
        [warning] = evaluate("ce", x, y).warnings
        assert "axis 1 is used as the class axis. Use --class-axis -1 for the last" in warning
        assert evaluate("nll", log_softmax(x), y).warnings == (warning,)
        assert evaluate("ce", x, y, class_axis=1).warnings == ()
        y = np.zeros((2, 3, 3), int)
        assert evaluate("ce", logits((2, 4, 3, 3)), y).warnings == ()
        y = np.zeros((2, 3, 4), int)
        assert len(evaluate("ce", logits((2, 4, 3, 4)), y).warnings) == 1

    @pytest.mark.parametrize("shape", [(4, 5, 3), (4, 3, 5), (2, 3, 4, 5)])
    def test_probabilities_fit_any_axis(self, shape: tuple[int, ...]) -> None:
        """The targets have the input's shape, so only --class-axis shows where the classes are."""
        x, y = logits(shape), np.full(shape, 0.25)
        [warning] = evaluate("ce", x, y).warnings
        assert "axis 1 is used as the class axis. Use --class-axis -1 for the last" in warning
        for axis in (1, -1):
            found = evaluate("ce", x, y, class_axis=axis)
            costs = -np.moveaxis(x, axis, 1) + np.log(np.exp(x).sum(axis=axis))[:, np.newaxis]
            expected = (0.25 * costs).sum(axis=1).mean()
            assert (found.warnings, found.value) == ((), pytest.approx(expected, rel=1e-13))
        assert evaluate("ce", logits((4, 3)), np.full((4, 3), 0.25)).warnings == ()

    def test_no_such_axis(self) -> None:
        with pytest.raises(DataError, match=r"input has no axis 2 .*its shape is \(2, 3\)"):
            evaluate("ce", logits((2, 3)), [0, 1], class_axis=2)


class TestTheNumberItself:
    def test_a_weighted_mean(self) -> None:
        found = evaluate("ce", logits((2, 3)), [0, 1], weight=[0.5, 1.0, 1.0])
        [note] = found.notes
        assert note == (
            "the mean is divided by the sum of the weights (1.5), not by the number of elements (2)"
        )
        assert found.warnings == ()

    def test_kl_div_divides_by_the_classes_too(self) -> None:
        """PyTorch's numbers for this input are 0.116 and 0.347. By hand: log(1/2) - log(..)."""
        x, p = np.log([[0.25, 0.25, 0.5]]), np.array([[0.5, 0.5, 0.0]])
        found = evaluate("kl-div", x, p)
        assert found.value == pytest.approx(math.log(2) / 3)
        [note] = found.notes
        assert "Use --reduction batchmean to divide by the 1 sample and get the" in note
        assert note.endswith("divergence (0.693147).")
        whole = evaluate("kl-div", x, p, reduction="batchmean")
        assert whole.value == pytest.approx(math.log(2))
        assert (whole.notes, whole.warnings) == ((), ())

    def test_float16(self) -> None:
        """In float16, 2.7 is 2.69921875, and 0.1 is 0.0999755859375."""
        found = evaluate("l1", np.array([2.7, 0.1], np.float16), [0.0, 0.0])
        assert found.value == (2.69921875 + 0.0999755859375) / 2
        [note] = found.notes
        assert note.endswith("PyTorch would round the result to that dtype: 1.399")

    def test_thousands_of_float16(self) -> None:
        """Newer versions of NumPy print 3.494e+03."""
        [note] = evaluate("l1", np.array([3494.0], np.float16), [0.0]).notes
        assert note.endswith("PyTorch would round the result to that dtype: 3494.0")


class TestCommand:
    @pytest.fixture
    def pair(self, tmp_path: Path) -> list[str]:
        np.save(tmp_path / "p.npy", PROBABILITIES)
        np.save(tmp_path / "y.npy", LABELS)
        return [str(tmp_path / "p.npy"), str(tmp_path / "y.npy")]

    def test_a_mistake_is_an_error_unless_unchecked(
        self, pair: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["nll", *pair]) == 1
        found = capsys.readouterr()
        assert found.out == ""
        assert found.err == (
            f"losscli: error: {pair[0]}: input at [0, 0] is 0.5; expected log-probabilities, which "
            "are at most 0. Use --from probs for probabilities, or --no-check to skip this check.\n"
        )
        assert main(["nll", *pair, "--no-check"]) == 0
        assert capsys.readouterr() == ("-0.625\n", "")

    def test_what_is_suspicious_is_a_warning_unless_strict(
        self, pair: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["ce", *pair, "--format", "json"]) == 0
        found = capsys.readouterr()
        [warning] = json.loads(found.out)["warnings"]
        assert found.err == f"losscli: warning: {warning}\n"
        assert main(["ce", *pair, "--strict"]) == 1
        assert capsys.readouterr() == ("", f"losscli: error: {warning} (--strict)\n")

    def test_strict_takes_a_weighted_mean(
        self, pair: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ["ce", *pair, "--from", "probs", "--weight", "1,2,3", "--strict"]
        assert main(words) == 0
        assert "divided by the sum of the weights (3)," in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("switches", "reduction"),
        [
            (["--size-average"], "mean"),
            (["--no-size-average"], "sum"),
            (["--reduce"], "mean"),
            (["--no-reduce"], "none"),
            (["--no-reduce", "--no-size-average"], "none"),
            (["--reduce", "--no-size-average"], "sum"),
            (["--size-average", "-r", "sum"], "mean"),
        ],
    )
    def test_the_deprecated_switches(
        self, switches: list[str], reduction: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["mse", "1,2", "1,4", "-r", reduction]) == 0
        expected = capsys.readouterr().out
        assert main(["mse", "1,2", "1,4", *switches]) == 0
        found = capsys.readouterr()
        assert found.out == expected
        assert "deprecated" in found.err
        assert f"--reduction {reduction}" in found.err
        assert main(["mse", "--help"]) == 0
        assert "size-average" not in capsys.readouterr().out

    def test_a_mask_of_tokens(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """An attention mask of shape (N, T), with logits of shape (N, T, C)."""
        x, y = logits((2, 3, 4)), np.array([[0, 1, 2], [3, 0, 0]])
        mask = np.array([[1, 1, 0], [1, 0, 0]])
        for name, array in {"x": x, "y": y, "mask": mask}.items():
            np.save(tmp_path / f"{name}.npy", array)
        words = [str(tmp_path / "x.npy"), str(tmp_path / "y.npy"), "--class-axis", "-1"]
        assert main(["ce", *words, "--mask", str(tmp_path / "mask.npy")]) == 0
        kept = mask == 1
        expected = losscli.cross_entropy(x[kept], y[kept])
        assert float(capsys.readouterr().out) == pytest.approx(expected, rel=1e-14)

    def test_a_mask_that_does_not_fit(self, pair: list[str]) -> None:
        with pytest.raises(DataError, match=r"mask has shape \(3,\); expected .* \(2,\), or its"):
            evaluate("ce", *pair, mask=[1, 1, 0])
        with pytest.raises(DataError, match=r"mask has shape \(2,\); expected .* \(3,\), or its"):
            evaluate("l1", np.zeros(3), np.zeros(3), mask=[1, 0])


def test_few_blocks_are_looked_at() -> None:
    """The first blocks and every 64th are checked, unless a check is cheap."""
    few = Check(lambda *_: iter(()))
    assert [k for k in range(200) if few.looks_at(k)] == [0, 1, 2, 3, 64, 128, 192]
    assert all(Check(few.look, everywhere=True).looks_at(k) for k in range(200))
