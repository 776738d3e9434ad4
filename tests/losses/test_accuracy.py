"""Losses compared with mpmath at 50 digits, including inputs for which naive float64 formulas
cancel."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import losscli
from losscli.losses.numerics import power, softplus
from losscli.losses.softmax import negative_log_softmax

mpmath.mp.dps = 50
LOGITS = st.floats(-1e4, 1e4)


def exact_costs(row: list[float]) -> list[mpmath.mpf]:
    """-log softmax as log(1 + Σ_{j≠c} exp(x_j - x_c)), which does not cancel."""
    exact = [mpmath.mpf(x) for x in row]
    return [
        mpmath.log1p(mpmath.fsum(mpmath.exp(x - exact[c]) for j, x in enumerate(exact) if j != c))
        for c in range(len(row))
    ]


@given(st.lists(LOGITS, min_size=2, max_size=6))
def test_negative_log_softmax(row: list[float]) -> None:
    found = negative_log_softmax(np.array([row]))[0]
    for one, exact in zip(found, exact_costs(row), strict=True):
        # If the exact loss is below the smallest float64, 0 is right.
        assert float(one) == pytest.approx(float(exact), rel=1e-12, abs=1e-300)


@given(LOGITS)
def test_softplus(x: float) -> None:
    exact = mpmath.log1p(mpmath.exp(mpmath.mpf(x)))
    assert float(softplus(np.array(x))) == pytest.approx(float(exact), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 0.5, 1.0, 2.0, 0.3, 3.0])
def test_power(exponent: float) -> None:
    numbers = np.array([0.25, 1.0, 1.7, 1e-3, 123.456])
    exact = [float(mpmath.mpf(x) ** mpmath.mpf(exponent)) for x in numbers.tolist()]
    np.testing.assert_allclose(power(numbers, exponent), exact, rtol=4e-16)


@pytest.mark.parametrize("gap", [1.0, 10.0, 27.6, 40.0, 100.0, 700.0])
def test_cross_entropy_of_a_confident_model_keeps_its_digits(gap: float) -> None:
    """From a loss of 0.55 down to 1e-304."""
    exact = exact_costs([0.0, gap, 0.0])[1]
    assert losscli.cross_entropy([[0.0, gap, 0.0]], [1]) == pytest.approx(
        float(exact), rel=1e-13, abs=0
    )


@pytest.mark.parametrize("logit", [-700.0, -50.0, -1.0, 0.0, 1.0, 50.0, 700.0])
@pytest.mark.parametrize("target", [0.0, 0.25, 1.0])
def test_bce_with_logits_keeps_its_digits(logit: float, target: float) -> None:
    x, y, p = mpmath.mpf(logit), mpmath.mpf(target), mpmath.mpf(3)
    exact = p * y * mpmath.log1p(mpmath.exp(-x)) + (1 - y) * mpmath.log1p(mpmath.exp(x))
    found = losscli.bce_with_logits([logit], [target], pos_weight=[3.0])
    assert found == pytest.approx(float(exact), rel=1e-13, abs=0)


@pytest.mark.parametrize("logit", [-700.0, -50.0, -1.0, 0.0, 1.0, 50.0, 700.0])
@pytest.mark.parametrize("target", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("alpha", [None, 0.0, 0.25, 1.0])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_keeps_its_digits(
    logit: float, target: float, alpha: float | None, gamma: float
) -> None:
    """torchvision's float64 gives 0 for a logit of 50 and target 1. The exact loss is 2e-66."""
    x, y = mpmath.mpf(logit), mpmath.mpf(target)
    p, p_of_no = 1 / (1 + mpmath.exp(-x)), 1 / (1 + mpmath.exp(x))
    cost = y * mpmath.log1p(mpmath.exp(-x)) + (1 - y) * mpmath.log1p(mpmath.exp(x))
    share = 1 if alpha is None else alpha * y + (1 - mpmath.mpf(alpha)) * (1 - y)
    exact = share * (y * p_of_no + (1 - y) * p) ** gamma * cost
    found = losscli.focal([logit], [target], alpha=alpha, gamma=gamma)
    assert found == pytest.approx(float(exact), rel=1e-12, abs=1e-307)


# Enough digits to subtract a probability from 1 that differs by 1e-130.
NEAR_1 = mpmath.workdps(400)


def exact_brier(probabilities: list[mpmath.mpf], targets: list[float]) -> float:
    """Σ (p - q)² of all classes."""
    pairs = zip(probabilities, targets, strict=True)
    return float(mpmath.fsum((p - mpmath.mpf(q)) ** 2 for p, q in pairs))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("gap", [0.0, 1.0, 27.6, 40.0, 150.0, 300.0])
@pytest.mark.parametrize("target", [0, 1, 2])
@NEAR_1
def test_brier_of_logits_keeps_its_digits(target: int, gap: float, dtype: str) -> None:
    """From a score of 2 down to 1e-260, for which 1 - p by subtraction is 0."""
    x = np.array([0.0, gap, -1.5], dtype)
    p = [mpmath.exp(-cost) for cost in exact_costs(x.tolist())]
    exact = exact_brier(p, np.eye(3)[target].tolist())
    for y in ([target], np.eye(3)[[target]]):
        found = losscli.brier([x], y, from_="logits")
        assert found == pytest.approx(exact, rel=1e-12, abs=0)


@pytest.mark.parametrize("rest", [1e-3, 1e-9, 1e-15])
def test_brier_of_targets_that_are_almost_certain(rest: float) -> None:
    x, q = [0.0, 30.0, -1.0], [rest, 1.0 - rest, 0.0]
    exact = exact_brier([mpmath.exp(-cost) for cost in exact_costs(x)], q)
    assert losscli.brier([x], [q], from_="logits") == pytest.approx(exact, rel=1e-12, abs=0)


@pytest.mark.parametrize("logit", [-300.0, -40.0, -1.0, 0.0, 1.0, 40.0, 300.0])
@pytest.mark.parametrize("target", [0.0, 0.25, 1.0])
@NEAR_1
def test_brier_of_one_logit_keeps_its_digits(logit: float, target: float) -> None:
    p = 1 / (1 + mpmath.exp(-mpmath.mpf(logit)))
    exact = exact_brier([p], [target])
    found = losscli.brier([logit], [target], from_="logits")
    assert found == pytest.approx(exact, rel=1e-12, abs=0)


@pytest.mark.parametrize("log", [-1e-15, -1e-9, -1e-3, -1.0, -300.0])
@pytest.mark.parametrize("target", [0, 1])
@NEAR_1
def test_brier_of_log_probabilities_keeps_its_digits(target: int, log: float) -> None:
    exact = exact_brier([mpmath.exp(mpmath.mpf(log))], [target])
    found = losscli.brier([log], [target], from_="log-probs")
    assert found == pytest.approx(exact, rel=1e-12, abs=0)
    rest = float(mpmath.log1p(-mpmath.exp(mpmath.mpf(log))))
    p = [mpmath.exp(mpmath.mpf(x)) for x in (rest, log)]
    exact = exact_brier(p, [1 - target, target]) / 2
    found = losscli.brier([[rest, log]], [target], from_="log-probs")
    assert found == pytest.approx(exact, rel=1e-12, abs=0)


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=5), st.integers(0, 1))
def test_brier_of_probabilities(row: list[float], target: int) -> None:
    exact = exact_brier([mpmath.mpf(p) for p in row], np.eye(len(row))[target].tolist())
    found = losscli.brier([row], [target], scale_by_half=False)
    assert found == pytest.approx(exact, rel=1e-14, abs=1e-300)


@pytest.mark.parametrize("smoothing", [0.1, 1e-12])
def test_smoothed_cross_entropy(smoothing: float) -> None:
    row = [0.0, 30.0, -2.0]
    costs = exact_costs(row)
    share = mpmath.mpf(smoothing)
    exact = (1 - share) * costs[1] + share / 3 * mpmath.fsum(costs)
    found = losscli.cross_entropy([row], [1], label_smoothing=smoothing)
    assert found == pytest.approx(float(exact), rel=1e-13, abs=0)


def test_ten_million_equal_values() -> None:
    """Adding 0.1 one by one 1e7 times is off by 1.6e-4 in float64, and by 8% in float32."""
    loss = losscli.l1(np.full(10**7, 0.1), np.zeros(10**7), reduction="sum")
    assert loss == pytest.approx(1e6, rel=1e-14, abs=0)


def test_what_would_overflow_float32_when_squared() -> None:
    values = np.array([1e30], dtype=np.float32)
    assert losscli.mse(values, [0.0]) == pytest.approx(float(values[0]) ** 2, rel=1e-15, abs=0)


@pytest.mark.parametrize("beta", [1e-300, 1.0, 1000.0, 1e300])
@pytest.mark.parametrize("e", [1.7e308, 1e300, 999.0, 1.0, 1e-150])
def test_smooth_l1_is_finite_where_its_loss_is(beta: float, e: float) -> None:
    """torch.nn.functional.smooth_l1_loss gives 1.7e308 for a difference of 1.7e308 and beta
    1000."""
    exact, bound = Fraction(e), Fraction(beta)
    expected = exact**2 / (2 * bound) if exact < bound else exact - bound / 2
    assert losscli.smooth_l1([e], [0.0], beta=beta) == pytest.approx(float(expected), rel=1e-15)


def test_a_confident_model_in_float32() -> None:
    """Losses of about 1e-6, which PyTorch's float32 rounds to multiples of 1e-7."""
    x = np.random.default_rng(5).normal(size=(500, 10)).astype(np.float32)
    y = np.arange(500) % 10
    x[np.arange(500), y] += 17.0
    exact = [exact_costs(row.tolist())[label] for row, label in zip(x, y, strict=True)]
    found = losscli.cross_entropy(x, y, reduction="none")
    np.testing.assert_allclose(found, np.array(exact, float), rtol=2e-6)
    mean = mpmath.fsum(exact) / 500
    assert 1e-7 < mean < 1e-5
    assert losscli.cross_entropy(x, y) == pytest.approx(float(mean), rel=1e-7, abs=0)


@pytest.mark.parametrize("angle", [1.0, 1e-3, 1e-6, 1e-8])
def test_cosine_embedding_of_almost_parallel_vectors(angle: float) -> None:
    """1 - cos by subtraction is 0 for an angle of 1e-8. The exact distance is 5e-17."""
    a, b = [3.0, 4.0, 0.0], [3.0, 4.0, 5.0 * angle]
    exact_a, exact_b = ([mpmath.mpf(x) for x in vector] for vector in (a, b))
    epsilon = mpmath.mpf(float(np.float32(1e-12)))
    dot = mpmath.fsum(x * y for x, y in zip(exact_a, exact_b, strict=True))
    squares = [mpmath.fsum(x * x for x in vector) + epsilon for vector in (exact_a, exact_b)]
    exact = 1 - dot / mpmath.sqrt(squares[0] * squares[1])
    found = losscli.cosine_embedding([a], [b], [1])
    assert found == pytest.approx(float(exact), rel=1e-10, abs=0)


@pytest.mark.parametrize("size", [1e-7, 1.0, 1e4, 1e9])
@pytest.mark.parametrize("apart", [1e-5, 1e-7, 1e-9, 1e-12, 1e-15])
def test_cosine_embedding_of_vectors_that_hardly_differ(apart: float, size: float) -> None:
    """Float64 vectors of 300 numbers, whose distance is far below the rounding of their cosine. For
    small vectors, the distance comes mostly from the 1e-12 that is added to squared norms."""
    rng = np.random.default_rng(4)
    a = size * rng.normal(size=300)
    b = 3.0 * a * (1.0 + apart * rng.normal(size=300))
    exact_a, exact_b = ([mpmath.mpf(x) for x in vector.tolist()] for vector in (a, b))
    epsilon = mpmath.mpf(float(np.float32(1e-12)))
    dot = mpmath.fsum(x * y for x, y in zip(exact_a, exact_b, strict=True))
    squares = [mpmath.fsum(x * x for x in vector) + epsilon for vector in (exact_a, exact_b)]
    exact = 1 - dot / mpmath.sqrt(squares[0] * squares[1])
    assert losscli.cosine_embedding([a], [b], [1]) == pytest.approx(float(exact), rel=1e-10, abs=0)


@pytest.mark.parametrize("apart", [1e-2, 1e-6, 1e-10])
def test_kl_div_of_two_models_that_hardly_differ(apart: float) -> None:
    """For nearly equal logits, the digits of log p - log q by subtraction would cancel."""
    rng = np.random.default_rng(5)
    x = 4.0 * rng.normal(size=(3, 8))
    z = x + apart * rng.normal(size=(3, 8))
    found = losscli.kl_div(x, z, from_="logits", target_from="logits", reduction="none")
    rows = zip(x.tolist(), z.tolist(), strict=True)
    exact = np.array([exact_divergences(*row) for row in rows])
    np.testing.assert_allclose(found, exact, rtol=1e-10, atol=1e-12 * apart)


def exact_divergences(x: list[float], z: list[float]) -> list[float]:
    def log_softmax(row: list[float]) -> list[mpmath.mpf]:
        total = mpmath.fsum(mpmath.exp(value) for value in row)
        return [value - mpmath.log(total) for value in row]

    log_q, log_p = log_softmax(x), log_softmax(z)
    pairs = zip(log_p, log_q, strict=True)
    return [float(mpmath.exp(p) * (p - q)) for p, q in pairs]


@pytest.mark.parametrize("scale", [1.0, 30.0, 300.0])
def test_ctc_by_the_recursion_at_50_digits(scale: float) -> None:
    """200 steps: the probability of all alignments is exp(-1e4) or less."""
    rng = np.random.default_rng(7)
    x = -rng.exponential(scale, size=(200, 1, 4))
    labels = rng.integers(1, 4, size=20)
    path = [0] * 41
    path[1::2] = labels.tolist()
    forward = [mpmath.mpf(1 if s < 2 else 0) * mpmath.exp(x[0, 0, path[s]]) for s in range(41)]
    for t in range(1, 200):
        before = [mpmath.mpf(0), mpmath.mpf(0), *forward]
        forward = [
            (before[s + 2] + before[s + 1] + (before[s] if s > 1 and path[s] != path[s - 2] else 0))
            * mpmath.exp(x[t, 0, path[s]])
            for s in range(41)
        ]
    exact = -mpmath.log(forward[-1] + forward[-2])
    found = losscli.ctc(x, [labels], [200], [20], reduction="none")[0]
    assert found == pytest.approx(float(exact), rel=1e-13, abs=0)


@pytest.mark.parametrize("x", [-800.0, -40.0, -1e-9, 0.0, 5.0, 800.0])
def test_soft_margin_keeps_its_digits_and_does_not_overflow(x: float) -> None:
    exact = mpmath.log1p(mpmath.exp(-mpmath.mpf(x)))
    assert losscli.soft_margin([x], [1]) == pytest.approx(float(exact), rel=1e-13, abs=1e-320)


def test_ctc_of_what_is_almost_certain_keeps_its_digits() -> None:
    """One label in two steps: 1 1, 1 blank and blank 1. The first alignment is almost certain."""
    sure, rest = -2e-13, -40.0
    x = np.array([[[rest, sure]], [[rest, sure]]])
    exact = -mpmath.log(
        mpmath.exp(2 * mpmath.mpf(sure)) + 2 * mpmath.exp(mpmath.mpf(sure) + mpmath.mpf(rest))
    )
    found = losscli.ctc(x, [[1]], [2], [1], reduction="none")[0]
    assert found == pytest.approx(float(exact), rel=1e-10, abs=0)
