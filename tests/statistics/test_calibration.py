"""--calibration: the temperature, what it removes from the loss, and the calibration error."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from unittest import mock

import mpmath
import numpy as np
import pytest

import losscli
from losscli import Wanted
from losscli.errors import UsageError
from losscli.evaluation import blocks
from losscli.result import Result
from losscli.statistics.roots import Root
from losscli.statistics.student import t_quantile

SAMPLES = Path(__file__).parents[2] / "sample_data"


def calibrated(loss: str, *inputs: Any, **parameters: Any) -> Result:
    wanted = {name: parameters.pop(name) for name in ("by", "cluster") if name in parameters}
    return losscli.evaluate(
        loss, *inputs, wanted=Wanted(calibration=True, **wanted), check=False, **parameters
    )


def drawn(rows: int, classes: int, scale: float, seed: int = 0) -> tuple[Any, Any]:
    """Logits, and targets drawn from the probabilities of the logits divided by `scale`."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0.0, 2.0, (rows, classes))
    noise = rng.gumbel(size=x.shape)
    return x * scale, (x + noise).argmax(axis=1)


def softmax(x: Any) -> Any:
    terms = np.exp(x - x.max(axis=1, keepdims=True))
    return terms / terms.sum(axis=1, keepdims=True)


def loss_at(x: Any, y: Any, beta: Any) -> Any:
    """The mean cross-entropy of β · x, in the numbers of mpmath."""
    rows = zip(x.tolist(), y.tolist(), strict=True)
    costs = [mpmath.log(sum(mpmath.exp(beta * (c - row[k])) for c in row)) for row, k in rows]
    return mpmath.fsum(costs) / len(costs)


def best_beta(x: Any, y: Any) -> Any:
    """The β with the least loss: the root of the derivative that mpmath takes numerically."""

    def slope(beta: Any) -> Any:
        return mpmath.diff(lambda b: loss_at(x, y, b), beta)

    return mpmath.findroot(slope, (0.01, 5), solver="anderson")


# Temperatures of scikit-learn 1.9, from sklearn.calibration._TemperatureScaling on the float64
# logits, and the losses of the logits divided by them.
OF_SKLEARN = {
    "digits_logits": (0.39196904186519627, 0.18000402709833935),
    "digits_second_logits": (0.5613397100453723, 0.1158308514748437),
}


@pytest.mark.parametrize("name", OF_SKLEARN)
def test_the_temperature_is_that_of_scikit_learn(name: str) -> None:
    x = np.load(SAMPLES / f"{name}.npy").astype(np.float64)
    y = np.load(SAMPLES / "digits_labels.npy")
    temperature, loss = OF_SKLEARN[name]
    found = calibrated("ce", x, y)["temperature"]
    assert found == pytest.approx(temperature, rel=1e-7)
    assert losscli.cross_entropy(x, y, temperature=found) == pytest.approx(loss, rel=1e-7)


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_the_temperature_has_the_least_loss(scale: float) -> None:
    x, y = drawn(40, 3, scale)
    assert calibrated("ce", x, y)["temperature"] == pytest.approx(
        float(1 / best_beta(x, y)), rel=1e-12
    )


@pytest.mark.parametrize("scale", [1e-300, 1e-165, 1e-30, 1e-6, 1e6, 1e30, 1e150, 1e200, 1e300])
def test_a_temperature_follows_the_scale_of_the_logits(scale: float) -> None:
    """Logits of twice the size have twice the temperature, and the same loss at it."""
    x, y = drawn(200, 4, 1.0)
    expected, found = calibrated("ce", x, y), calibrated("ce", x * scale, y)
    assert found["temperature"] == pytest.approx(expected["temperature"] * scale, rel=1e-12)
    assert found["refinement"] == pytest.approx(expected["refinement"], rel=1e-10)


def test_each_fold_is_judged_by_the_others() -> None:
    """From the definition: five temperatures, the difference of each loss, and its interval."""
    x, y = drawn(60, 3, 2.5)
    fold = np.arange(60) % 5
    saved = np.empty(60)
    for k in range(5):
        beta = float(best_beta(x[fold != k], y[fold != k]))
        chosen = fold == k
        each = [
            losscli.cross_entropy(v * x[chosen], y[chosen], reduction="none") for v in (1, beta)
        ]
        saved[chosen] = each[0] - each[1]
    result = calibrated("ce", x, y)
    reach = t_quantile(59) * saved.std(ddof=1) / np.sqrt(60)
    mean = saved.mean()
    assert result["calibration"] == pytest.approx(mean, rel=1e-9)
    assert result["calibration_ci"] == pytest.approx((mean - reach, mean + reach), rel=1e-9)
    rest = result["value"] - result["calibration"]
    assert result["refinement"] == pytest.approx(rest, rel=1e-12)


SAME = [
    ("ce", {}, lambda x: x),
    ("nll", {"from_": "logits"}, lambda x: x),
    ("nll", {}, lambda x: x - np.log(np.exp(x).sum(1, keepdims=True))),
    ("nll", {"from_": "probs"}, lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
    ("ce", {"from_": "probs"}, lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
]


@pytest.mark.parametrize(("loss", "options", "convert"), SAME)
def test_logits_and_probabilities_give_the_same(loss: str, options: Any, convert: Any) -> None:
    x, y = drawn(300, 4, 2.0)
    expected, found = calibrated("ce", x, y), calibrated(loss, convert(x), y, **options)
    for name in ("calibration", "temperature", "refinement", "calibration_error"):
        assert found[name] == pytest.approx(expected[name], rel=1e-9)


def test_binary_losses_give_what_two_classes_give() -> None:
    x, y = drawn(300, 2, 2.0)
    logits = x[:, 1] - x[:, 0]
    two = calibrated("ce", x, y)
    for result in (
        calibrated("bce-with-logits", logits, y),
        calibrated("bce", 1.0 / (1.0 + np.exp(-logits)), y),
    ):
        for name in ("value", "calibration", "temperature", "refinement"):
            assert result[name] == pytest.approx(two[name], rel=1e-9)


def test_target_probabilities_that_are_0_or_1_give_what_indices_give() -> None:
    x, y = drawn(200, 4, 2.0)
    indices, probabilities = calibrated("ce", x, y), calibrated("ce", x, np.eye(4)[y])
    for name in ("calibration", "temperature", "calibration_error"):
        assert probabilities[name] == pytest.approx(indices[name], rel=1e-9)


@pytest.mark.parametrize("soft", [False, True])
def test_smoothed_and_weighted_losses_have_the_temperature_of_the_least_loss(soft: bool) -> None:
    x, y = drawn(200, 3, 3.0)
    target: Any = np.eye(3)[y] if soft else y
    options = {"weight": np.array([1.0, 2.0, 0.5]), "label_smoothing": 0.1}
    found = calibrated("ce", x, target, **options)["temperature"]

    def at(temperature: float) -> float:
        return float(losscli.cross_entropy(x, target, temperature=temperature, **options))

    slope = float(mpmath.diff(lambda t: mpmath.mpf(at(float(t))), found, h=1e-4))
    assert abs(slope) < 1e-7
    assert at(found) < min(at(found * 1.01), at(found / 1.01))


def test_weights_of_whole_numbers_are_copies_for_the_temperature() -> None:
    x, y = drawn(100, 3, 2.0)
    copies = np.arange(100) % 3
    weighted = calibrated("ce", x, y, sample_weight=copies.astype(np.float64))
    repeated = calibrated("ce", np.repeat(x, copies, axis=0), np.repeat(y, copies))
    assert weighted["temperature"] == pytest.approx(repeated["temperature"], rel=1e-12)
    assert weighted["calibration_error"] == pytest.approx(repeated["calibration_error"], rel=1e-12)


def test_ignored_and_masked_elements_do_not_count() -> None:
    x, y = drawn(100, 3, 2.0)
    kept = np.arange(100) % 4 > 0
    alone = calibrated("ce", x[kept], y[kept])
    for result in (
        calibrated("ce", x, np.where(kept, y, -100)),
        calibrated("ce", x, y, mask=kept),
        calibrated("ce", np.where(kept[:, None], x, np.nan), y, on_nan="skip"),
    ):
        for name in ("temperature", "calibration_error"):
            assert result[name] == pytest.approx(alone[name], rel=1e-12)


@pytest.mark.parametrize("size", [7, 1000])
@pytest.mark.parametrize("threads", [1, 2])
def test_blocks_and_threads_change_no_bit(size: int, threads: int) -> None:
    x, y = drawn(120, 3, 2.0)
    expected = calibrated("ce", x, y).to_json()
    with mock.patch.object(blocks, "BLOCK_ELEMENTS", size):
        assert calibrated("ce", x, y, threads=threads).to_json() == expected


def test_files_that_are_read_in_order_are_opened_again(tmp_path: Path) -> None:
    x, y = drawn(120, 3, 2.0)
    header = "logit_0,logit_1,logit_2,label,group"
    lines = [
        ",".join(map(repr, [*row, k, k % 7])) for row, k in zip(x.tolist(), y.tolist(), strict=True)
    ]
    (tmp_path / "t.csv").write_text("\n".join([header, *lines]) + "\n")
    expected = calibrated("ce", x, y)
    table = calibrated("ce", str(tmp_path / "t.csv"))
    for name in ("calibration", "calibration_ci", "temperature", "calibration_error"):
        assert table[name] == expected[name]


def test_a_cluster_is_in_one_fold(tmp_path: Path) -> None:
    """Three copies of each row, as a cluster, have the folds of the rows, so that nothing but the
    number of elements changes."""
    x, y = drawn(60, 3, 2.0)
    header = "logit_0,logit_1,logit_2,label,document"
    lines = [
        ",".join(map(repr, [*row, k, f"d{number}"]))
        for number, (row, k) in enumerate(zip(x.tolist(), y.tolist(), strict=True))
        for _ in range(3)
    ]
    (tmp_path / "t.csv").write_text("\n".join([header, *lines]) + "\n")
    once = calibrated("ce", x, y)
    clusters = calibrated("ce", str(tmp_path / "t.csv"), cluster="document")
    for name in ("calibration", "calibration_ci", "temperature"):
        assert clusters[name] == pytest.approx(once[name], rel=1e-9)


def text_of(result: Result) -> str:
    [fact] = [fact for fact in result.facts if fact.name == "calibration"]
    return "".join(map(str, fact.shown))


def test_all_right_has_words_and_no_number() -> None:
    x = np.eye(3)[np.arange(30) % 3]
    result = calibrated("ce", x, np.arange(30) % 3)
    assert result["calibration"] is None
    assert text_of(result).startswith("every prediction is right: the loss falls to 0")
    assert [fact.name for fact in result.facts].count("temperature") == 0


@pytest.mark.parametrize("sign", [-1.0, 0.0])
def test_logits_no_better_than_guessing_have_words_and_no_number(sign: float) -> None:
    x = sign * np.eye(3)[np.arange(30) % 3]
    result = calibrated("ce", x, np.arange(30) % 3)
    assert result["calibration"] is None
    assert "no better than guessing" in text_of(result)


@pytest.mark.parametrize(("scale", "word"), [(3.0, "overconfident"), (0.3, "underconfident")])
def test_the_line_says_which_way(scale: float, word: str) -> None:
    assert text_of(calibrated("ce", *drawn(500, 3, scale))).endswith(f": {word}")


def test_a_fold_without_which_the_rest_is_no_better_than_guessing_is_judged_by_guessing() -> None:
    """The logits of four folds are too large and of the wrong sign, so that without the last fold,
    the best β is 0 and each loss is log 2."""
    fold = np.arange(100) % 5
    y = np.arange(100) // 5 % 2
    x = np.zeros((100, 2))
    x[np.arange(100), y] = np.where(fold == 4, 30.0, -5.0)
    x[fold == 4] *= np.where(np.arange(20) == 0, -0.01, 1.0)[:, np.newaxis]
    betas = [float(best_beta(x[fold != k], y[fold != k])) if k < 4 else 0.0 for k in range(5)]
    at = np.array(betas)[fold][:, np.newaxis]
    expected = losscli.cross_entropy(x, y) - losscli.cross_entropy(at * x, y)
    assert calibrated("ce", x, y)["calibration"] == pytest.approx(expected, rel=1e-9)


def test_targets_of_minus_1_have_words() -> None:
    x = np.linspace(-2.0, 2.0, 30)
    result = losscli.evaluate(
        "bce-with-logits", x, np.where(x > 0.1, 1, -1), wanted=Wanted(calibration=True)
    )
    assert result["calibration"] is None
    assert result["calibration_problem"] == "undefined: a target or a weight is below 0"


def test_few_samples_have_words() -> None:
    x, y = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.0], [0.0, 2.0]]), np.array([0, 1, 1, 1])
    assert "undefined" in text_of(calibrated("ce", x, y))


def test_infinite_losses_have_words() -> None:
    x, y = drawn(30, 3, 1.0)
    x[4, y[4]] = -np.inf
    assert text_of(calibrated("ce", x, y)) == "undefined: the loss is not finite"


def test_impossible_classes_are_left_out() -> None:
    """A logit of minus infinity is a class of probability 0."""
    x, y = drawn(100, 3, 2.0)
    wider = np.insert(x, 3, -np.inf, axis=1)
    assert calibrated("ce", wider, y)["temperature"] == pytest.approx(
        calibrated("ce", x, y)["temperature"], rel=1e-12
    )


def test_what_may_be_chance_is_said() -> None:
    x, y = drawn(200, 3, 1.0)
    result = calibrated("ce", x, y)
    assert result["calibration_ci"][0] <= 0.0
    assert text_of(result).endswith("no more than chance")


def test_a_calibration_error_by_hand() -> None:
    """Bins of 1/15: 0.9 is in (13/15, 14/15], and 0.95 in (14/15, 1]. Of four predictions of 0.9,
    three are right; both of 0.95 are right: 4/6 · 0.15 + 2/6 · 0.05."""
    p = np.array([0.9, 0.9, 0.9, 0.9, 0.95, 0.95])
    result = calibrated("nll", np.stack([p, 1 - p], 1), [0, 0, 0, 1, 0, 0], from_="probs")
    assert result["calibration_error"] == pytest.approx(4 / 6 * 0.15 + 2 / 6 * 0.05, rel=1e-12)
    assert [each.count for each in result["reliability"]] == [4, 2]


def test_binary_bins_are_of_class_1() -> None:
    """Of two predictions of 0.1, one has the target 1."""
    result = calibrated("bce", [0.1, 0.1, 0.9], [0, 1, 1])
    assert result["calibration_error"] == pytest.approx(2 / 3 * 0.4 + 1 / 3 * 0.1, rel=1e-12)


def test_the_edge_of_a_bin_belongs_to_the_bin_below() -> None:
    result = calibrated("bce", [0.0, 1.0, 1 / 15], [0, 1, 0])
    assert [(each.low, each.count) for each in result["reliability"]] == [(0.0, 2), (14 / 15, 1)]


def test_only_means_of_probabilities_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = drawn(30, 3, 1.0)
    with pytest.raises(UsageError, match="--calibration is about the mean.*--reduction mean"):
        calibrated("ce", x, y, reduction="sum")
    with pytest.raises(UsageError, match="mse: --calibration needs logits or probabilities"):
        calibrated("mse", y, y)
    with pytest.raises(UsageError, match="compare does not support --calibration"):
        losscli.compare("ce", x, x, y, wanted=Wanted(calibration=True))
    file = io.BytesIO()
    np.save(file, x)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.getvalue())))
    with pytest.raises(UsageError, match="several times, but - .standard input."):
        calibrated("ce", "-", y)


# ------------------------------------------------------------------ --temperature

WITH_TEMPERATURE = ["bce-with-logits", "focal", "multilabel-soft-margin"]


@pytest.mark.parametrize("loss", WITH_TEMPERATURE)
def test_a_temperature_divides_logits(loss: str) -> None:
    x, _ = drawn(20, 3, 1.0)
    y = (x > 0.3).astype(np.float64)
    divided = losscli.evaluate(loss, x / 1.7, y)
    assert losscli.evaluate(loss, x, y, temperature=1.7).value == divided.value


@pytest.mark.parametrize("loss", ["ce", "nll"])
def test_a_temperature_divides_logits_of_classes(loss: str) -> None:
    x, y = drawn(20, 3, 1.0)
    options = {"from_": "logits"} if loss == "nll" else {}
    single = x.astype(np.float32)
    divided = losscli.evaluate(loss, single.astype(np.float64) / 1.7, y, **options)
    assert losscli.evaluate(loss, single, y, temperature=1.7, **options).value == divided.value


@pytest.mark.parametrize("temperature", [0.0, -1.0, np.nan])
def test_a_temperature_is_above_0(temperature: float) -> None:
    with pytest.raises(UsageError, match="--temperature.*above 0"):
        losscli.cross_entropy([[0.0, 1.0]], [0], temperature=temperature)


@pytest.mark.parametrize(
    ("loss", "options", "convert"),
    [
        ("nll", {}, lambda x: x - np.log(np.exp(x).sum(1, keepdims=True))),
        ("nll", {"from_": "probs"}, softmax),
        ("ce", {"from_": "probs"}, softmax),
        ("ce", {"from_": "probs", "label_smoothing": 0.1, "weight": [1.0, 2.0, 0.5]}, softmax),
    ],
)
def test_a_temperature_divides_the_logarithms_of_probabilities(
    loss: str, options: Any, convert: Any
) -> None:
    """Divided by the same temperature, logits and their probabilities have the same loss."""
    x, y = drawn(50, 3, 1.0)
    y[::7] = -100
    own = {name: value for name, value in options.items() if name != "from_"}
    expected = losscli.evaluate("ce", x / 1.7, y, **own)
    found = losscli.evaluate(loss, convert(x), y, temperature=1.7, **options)
    assert found.value == pytest.approx(expected.value, rel=1e-12)
    assert (found["ignored"], found["weight_sum"]) == (8, expected["weight_sum"])


def test_a_temperature_divides_the_logits_of_binary_probabilities() -> None:
    x = np.linspace(-3.0, 3.0, 7)
    y = np.array([0, 1, 0, 1, 1, 0, 1])
    expected = losscli.bce_with_logits(x / 0.6, y)
    found = losscli.bce(1.0 / (1.0 + np.exp(-x)), y, temperature=0.6)
    assert found == pytest.approx(expected, rel=1e-12)


def test_a_loss_of_other_probabilities_has_no_temperature() -> None:
    with pytest.raises(UsageError, match="--temperature 2.0 needs --from logits"):
        losscli.dice([[0.5, 0.5]], [[0, 1]], temperature=2.0)


@pytest.mark.parametrize("loss", ["ce", "nll"])
def test_calibration_after_a_temperature_is_that_of_divided_logits(loss: str) -> None:
    x, y = drawn(200, 3, 2.0)
    given = softmax(x) if loss == "nll" else x
    options = {"from_": "probs"} if loss == "nll" else {}
    result = calibrated(loss, given, y, temperature=1.5, **options)
    expected = calibrated("ce", x / 1.5, y)
    for name in ("value", "calibration", "temperature", "calibration_error"):
        assert result[name] == pytest.approx(expected[name], rel=1e-9)
    [fact] = [fact for fact in result.facts if fact.name == "temperature"]
    assert fact.shown[-1] == ", in addition to --temperature 1.5"


# ------------------------------------------------------------------ the search


@pytest.mark.parametrize("root", [1e-12, 0.39, 1.0, 2.5, 1e9])
@pytest.mark.parametrize("shape", [np.tanh, np.arctan, lambda s: s])
def test_a_search_finds_a_root_in_few_steps(root: float, shape: Any) -> None:
    """Of increasing functions of log(β) that are flat far from the root, or straight."""
    search = Root()
    for _ in range(30):
        s = np.log(search.beta / root)
        slope = float(shape(s))
        curvature = (float(shape(s + 1e-6)) - float(shape(s - 1e-6))) / 2e-6 / search.beta
        search = search.after(slope, curvature)
        if search.is_found:
            break
    assert search.is_found
    assert search.beta == pytest.approx(root, rel=1e-7)


# ------------------------------------------------------------------ simulations


@pytest.mark.slow
def test_the_interval_contains_what_the_temperature_removes_from_new_data() -> None:
    """In 93 to 97% of 400 data sets, whose logits are twice too large. The loss of new data is the
    mean over 50,000 samples of the exact expectation, given the probabilities."""
    rng = np.random.default_rng(0)
    new = rng.normal(0.0, 1.5, (50_000, 5))
    p = softmax(new)

    def loss(beta: float) -> float:
        return float(-(p * np.log(softmax(2.0 * beta * new))).sum(axis=1).mean())

    at_1, covered = loss(1.0), 0
    for _ in range(400):
        x = rng.normal(0.0, 1.5, (500, 5))
        y = (x + rng.gumbel(size=x.shape)).argmax(axis=1)
        result = calibrated("ce", 2.0 * x, y, threads=1)
        low, high = result["calibration_ci"]
        covered += low <= at_1 - loss(1.0 / result["temperature"]) <= high
    assert 0.93 <= covered / 400 <= 0.97
