"""PyTorch as the reference for every registered loss, and inputs to compare on.

Both follow from the registry. The source of a loss names a function with the same parameters, the
layout determines the shapes, and each array declares its values. Functions that are not part of
PyTorch are written here as their source publishes them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol, get_args

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from losscli.losses.arrays import LogCounts, Logits, LogProbabilities
from losscli.losses.layout.classes import (
    class_rows,
    classes_or_binary,
    index_or_probability_targets,
    index_targets,
    label_rows,
    row_index_targets,
)
from losscli.losses.layout.distributions import distributions, with_variance
from losscli.losses.layout.elementwise import (
    as_many_axes,
    broadcasting,
    same_shape,
    target_for_input,
)
from losscli.losses.layout.sequences import sequences
from losscli.losses.layout.vectors import vector_pairs, vector_triples
from losscli.losses.options import Integers
from losscli.losses.registry import LOSSES, Loss

# Options that PyTorch lacks: they convert saved outputs to the values that the loss expects.
OURS = {"from_", "target_from", "clip", "class_base", "class_axis", "shift", "temperature"}


class Draw(Protocol):
    """A source of random inputs: a random number generator, or Hypothesis."""

    def size(self, low: int, high: int) -> int:
        """A random size of an axis of elements."""

    def classes(self, low: int, high: int) -> int:
        """A random size of the class axis, or of vectors."""

    def integer(self, low: int, high: int) -> int: ...

    def one_of(self, choices: Sequence[Any]) -> Any: ...

    def number(self, low: float, high: float) -> float: ...

    def numbers(self, shape: tuple[int, ...], low: float, high: float) -> Any: ...

    def indices(self, shape: tuple[int, ...], low: int, high: int) -> Any: ...


FLOATS = ["float16", "float32", "float64", ">f4"]
INDICES = ["int8", "int16", "int32", "int64", "float32"]


class Drawn:
    """Inputs that Hypothesis draws, and shrinks if a test fails."""

    def __init__(self, data: Any) -> None:
        self._draw = data.draw

    def size(self, low: int, high: int) -> int:
        return self.integer(low, high)

    def classes(self, low: int, high: int) -> int:
        return self.integer(low, high)

    def integer(self, low: int, high: int) -> int:
        return int(self._draw(st.integers(low, high)))

    def one_of(self, choices: Sequence[Any]) -> Any:
        return self._draw(st.sampled_from(choices))

    def number(self, low: float, high: float) -> float:
        return float(self._draw(st.floats(low, high, allow_subnormal=False)))

    def numbers(self, shape: tuple[int, ...], low: float, high: float) -> Any:
        dtype = np.dtype(self.one_of(FLOATS))
        # Products of subnormal float64 numbers have no digits to compare.
        subnormal = dtype.itemsize < 8
        width: Any = 8 * dtype.itemsize
        elements = st.floats(low, high, width=width, allow_subnormal=subnormal)
        return self._draw(npst.arrays(dtype, shape, elements=elements))

    def indices(self, shape: tuple[int, ...], low: int, high: int) -> Any:
        drawn = self._draw(npst.arrays("int64", shape, elements=st.integers(low, high)))
        return drawn.astype(self.one_of(INDICES))


def draw_arrays(loss: Loss, draw: Draw) -> dict[str, Any]:
    """Arrays with shapes that the loss accepts and values that its parameters declare."""
    return ARRAYS[loss.rule](loss, draw)


def draw_options(loss: Loss, draw: Draw, arrays: dict[str, Any]) -> dict[str, Any]:
    """A random value for each of PyTorch's options, within the range of the option."""
    options = {}
    for option in loss.options:
        if option.name in OURS:
            continue
        if option.kind is Integers:
            probabilities = np.ndim(arrays["target"]) == np.ndim(arrays["input"])
            options[option.name] = -100 if probabilities else draw.one_of([-100, -1, 0, 1, 255])
        elif option.kind is bool:
            choices = [False, True, None] if option.optional else [False, True]
            options[option.name] = draw.one_of(choices)
        elif option.name == "blank":
            options[option.name] = draw.integer(0, np.shape(arrays["log_probs"])[-1] - 1)
        elif option.kind is int:
            options[option.name] = draw.integer(int(option.interval.low), int(option.interval.high))
        else:
            low = max(option.interval.low, 0.0) + (0 if option.interval.low_included else 0.01)
            high = min(option.interval.high, 4.0)
            values = [low, option.default, draw.number(low + 0.01, high)]
            options[option.name] = draw.one_of([*values, None] if option.has_none else values)
    return options


def _shape(draw: Draw, most: int, least: int = 0) -> tuple[int, ...]:
    """A random shape, which may contain sizes of 0 and 1."""
    return tuple(draw.size(0, 4) for _ in range(draw.integer(least, most)))


def _broadcast_against(draw: Draw, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that broadcasts to another shape: some leading axes are dropped, and some sizes are
    1."""
    kept = shape[draw.integer(0, len(shape)) :]
    return tuple(draw.one_of([size, 1]) for size in kept)


def _values(loss: Loss, name: str, draw: Draw, shape: tuple[int, ...]) -> Any:
    """Numbers from the range that the array declares, of similar magnitude."""
    values = next(array.values for array in loss.arrays if array.name == name)
    if values.whole:
        assert (values.low, values.high) == (-1, 1), "other whole numbers depend on the classes"
        return draw.indices(shape, 0, 1) * 2 - 1
    far = 8.0 if values in LOGARITHMS else 50.0
    return draw.numbers(shape, max(values.low, -far), min(values.high, far))


# Arrays whose exponentials are computed.
LOGARITHMS = [get_args(one)[1] for one in (Logits, LogProbabilities, LogCounts)]


def _optional(loss: Loss, draw: Draw, shape: tuple[int, ...]) -> dict[str, Any]:
    """Some of the optional arrays."""
    names = [array.name for array in loss.arrays if not array.required]
    return {name: _values(loss, name, draw, shape) for name in names if draw.one_of([False, True])}


def _class_indices(loss: Loss, draw: Draw) -> dict[str, Any]:
    classes, batch, trailing = draw.classes(1, 5), _shape(draw, 1), ()
    if batch and loss.rule is not row_index_targets:
        trailing = _shape(draw, 2)
    shape = (*batch, classes, *trailing)
    if loss.rule is row_index_targets and shape == (1,) and draw.one_of([False, True]):
        shape = ()
    return {
        "input": _values(loss, "input", draw, shape),
        "target": draw.indices((*batch, *trailing), 0, classes - 1),
        **_optional(loss, draw, (classes,)),
    }


def _indices_or_probabilities(loss: Loss, draw: Draw) -> dict[str, Any]:
    arrays = _class_indices(loss, draw)
    if draw.one_of([False, True]):
        arrays["target"] = draw.numbers(np.shape(arrays["input"]), 0.0, 1.0)
    return arrays


def _classes_or_binary(loss: Loss, draw: Draw) -> dict[str, Any]:
    samples = draw.size(0, 4)
    if draw.one_of([False, True]):
        is_index = draw.one_of([False, True])
        target = draw.indices((samples,), 0, 1) if is_index else draw.numbers((samples,), 0.0, 1.0)
        return {"input": _values(loss, "input", draw, (samples,)), "target": target}
    classes, trailing = draw.classes(2, 5), _shape(draw, 2)
    source = _values(loss, "input", draw, (samples, classes, *trailing))
    if draw.one_of([False, True]):
        return {"input": source, "target": draw.numbers(source.shape, 0.0, 1.0)}
    return {"input": source, "target": draw.indices((samples, *trailing), 0, classes - 1)}


def _label_rows(loss: Loss, draw: Draw) -> dict[str, Any]:
    shape = (*_shape(draw, 1), draw.classes(1, 5))
    shapes = [draw.one_of([shape, ()] if shape == (1,) else [shape]) for _ in range(2)]
    return {
        "input": draw.numbers(shapes[0], -4.0, 4.0),
        "target": draw.indices(shapes[1], -1, shape[-1] - 1),
    }


def _class_rows(loss: Loss, draw: Draw) -> dict[str, Any]:
    shape = (*_shape(draw, 2), draw.classes(1, 5))
    arrays = {name: _values(loss, name, draw, shape) for name in ("input", "target")}
    return arrays | _optional(loss, draw, draw.one_of([shape, shape[-1:]]))


def _broadcasting(loss: Loss, draw: Draw) -> dict[str, Any]:
    shape = _shape(draw, 3)
    if draw.one_of([False, True]):
        return _same_shape(loss, draw)
    swapped = draw.one_of([False, True])
    shapes = [_broadcast_against(draw, shape), shape]
    return {
        name: _values(loss, name, draw, shapes[number != swapped])
        for number, name in enumerate(("input", "target"))
    }


def _target_for_input(loss: Loss, draw: Draw) -> dict[str, Any]:
    shape = _shape(draw, 3)
    target = _values(loss, "target", draw, _broadcast_against(draw, shape))
    return {"input": _values(loss, "input", draw, shape), "target": target}


def _as_many_axes(loss: Loss, draw: Draw) -> dict[str, Any]:
    shape = _shape(draw, 3)
    return {
        array.name: _values(loss, array.name, draw, tuple(draw.one_of([n, 1]) for n in shape))
        for array in loss.arrays
    }


def _same_shape(loss: Loss, draw: Draw) -> dict[str, Any]:
    shape = _shape(draw, 3)
    required = [array.name for array in loss.arrays if array.required]
    arrays = {name: _values(loss, name, draw, shape) for name in required}
    return arrays | _optional(loss, draw, shape)


def _with_variance(loss: Loss, draw: Draw) -> dict[str, Any]:
    shape = (*_shape(draw, 2), draw.classes(1, 4))
    axis = draw.integer(0, len(shape) - 1)
    one_axis = (*shape[:axis], 1, *shape[axis + 1 :])
    return {
        "input": _values(loss, "input", draw, shape),
        "target": _values(loss, "target", draw, _broadcast_against(draw, shape)),
        "var": _values(loss, "var", draw, draw.one_of([shape, shape[:-1], one_axis])),
    }


def _vectors(loss: Loss, draw: Draw) -> dict[str, Any]:
    shape = (*_shape(draw, 1 if loss.rule is vector_pairs else 2), draw.classes(1, 4))
    return {
        array.name: _values(loss, array.name, draw, shape[:-1] if array.name == "target" else shape)
        for array in loss.arrays
    }


def _sequences(loss: Loss, draw: Draw) -> dict[str, Any]:
    samples, steps, classes = draw.size(1, 3), draw.size(1, 6), draw.classes(2, 4)
    target_lengths = draw.indices((samples,), 0, 3)
    longest = max(int(target_lengths.max()), 1)
    targets = draw.indices((samples, longest), 0, classes - 1)
    arrays = {
        "log_probs": draw.numbers((steps, samples, classes), -8.0, 0.0),
        "targets": targets,
        "input_lengths": draw.indices((samples,), 0, steps),
        "target_lengths": target_lengths,
    }
    form = draw.one_of(["padded", "end to end", "one sample"])
    rows = [row[: int(length)] for row, length in zip(targets, target_lengths, strict=True)]
    if form == "end to end":
        arrays["targets"] = np.concatenate(rows)
    elif form == "one sample":
        arrays = {name: array[0] for name, array in arrays.items()}
        arrays |= {"log_probs": draw.numbers((steps, classes), -8.0, 0.0), "targets": rows[0]}
    return arrays


ARRAYS: dict[Callable[..., Any], Callable[[Loss, Draw], dict[str, Any]]] = {
    index_targets: _class_indices,
    index_or_probability_targets: _indices_or_probabilities,
    classes_or_binary: _classes_or_binary,
    row_index_targets: _class_indices,
    label_rows: _label_rows,
    class_rows: _class_rows,
    broadcasting: _broadcasting,
    same_shape: _same_shape,
    target_for_input: _target_for_input,
    as_many_axes: _as_many_axes,
    with_variance: _with_variance,
    distributions: _broadcasting,
    vector_pairs: _vectors,
    vector_triples: _vectors,
    sequences: _sequences,
}

# The losses with per-element losses.
WITH_ELEMENTS = [name for name, loss in LOSSES.items() if loss.pool is None]

assert {loss.rule for loss in LOSSES.values()} <= set(ARRAYS), "a rule of layout lacks its arrays"


def torch_loss(loss: Loss, arrays: dict[str, Any], options: dict[str, Any], reduction: str) -> Any:
    """The result of PyTorch in float64."""
    import torch  # noqa: PLC0415 - only where it is installed

    function = reference_of(loss)
    tensors = {
        name: torch.from_numpy(np.array(array, dtype=_torch_type(loss, name, arrays)))
        for name, array in arrays.items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = function(**tensors, **options, reduction=reduction)
    return result.numpy()


def reference_of(loss: Loss) -> Callable[..., Any]:
    """The function that the source of a loss names."""
    import torch  # noqa: PLC0415 - only where it is installed

    if loss.source.is_pytorch:
        return getattr(torch.nn.functional, loss.source.short)  # type: ignore[no-any-return]
    return OTHERS[loss.source.name]


def sigmoid_focal_loss(
    input: Any,
    target: Any,
    alpha: float | None = 0.25,
    gamma: float = 2,
    reduction: str = "none",
) -> Any:
    """The formula of torchvision, whose alpha is -1 if alpha is None here."""
    import torch  # noqa: PLC0415 - only where it is installed

    p = torch.sigmoid(input)
    ce_loss = torch.nn.functional.binary_cross_entropy_with_logits(input, target, reduction="none")
    p_t = p * target + (1 - p) * (1 - target)
    loss = ce_loss * ((1 - p_t) ** gamma)
    if alpha is not None:
        alpha_t = alpha * target + (1 - alpha) * (1 - target)
        loss = alpha_t * loss
    return {"none": loss, "mean": loss.mean(), "sum": loss.sum()}[reduction]


def soft_dice(
    input: Any,
    target: Any,
    average: str = "micro",
    smooth: float = 1.0,
    ignore_index: Any = -100,
) -> Any:
    """1 - (2·Σpt + smooth) / (Σp + Σt + smooth), with class indices as targets."""
    import torch  # noqa: PLC0415 - only where it is installed

    kept = target != ignore_index
    p = input.movedim(1, -1)[kept]
    t = torch.nn.functional.one_hot(target[kept], input.shape[1]).to(p.dtype)
    sums = [(p * t).sum(0), p.sum(0), t.sum(0)]
    both, of_p, of_t = [one.sum() for one in sums] if average == "micro" else sums
    return (1 - (2 * both + smooth) / (of_p + of_t + smooth)).mean()


def brier_score_loss(
    input: Any,
    target: Any,
    scale_by_half: bool | None = None,
    ignore_index: Any = -100,
    reduction: str = "mean",
) -> Any:
    """The formula of scikit-learn, whose scale_by_half is "auto" if it is None here."""
    import torch  # noqa: PLC0415 - only where it is installed

    counted = torch.ones_like(target, dtype=torch.bool)
    if input.ndim == 1:
        input, target = (torch.stack((1 - p, p), dim=1) for p in (input, target))
        counted = counted & (target[:, 1] != ignore_index)
    elif target.ndim < input.ndim:
        counted = target != ignore_index
        target = torch.nn.functional.one_hot(target * counted, input.shape[1]).movedim(-1, 1)
    else:
        counted = counted[:, 0]
    score = ((target - input) ** 2).sum(1) * counted
    if scale_by_half is None:
        scale_by_half = input.shape[1] < 3
    if scale_by_half:
        score = score * 0.5
    mean = score.sum() / counted.sum()
    return {"none": score, "mean": mean, "sum": score.sum()}[reduction]


# The losses that are not part of PyTorch, by the name of their source.
OTHERS = {
    "sklearn.metrics.brier_score_loss": brier_score_loss,
    "torchvision.ops.sigmoid_focal_loss": sigmoid_focal_loss,
    "soft Dice of Drozdzal et al., 2016": soft_dice,
}


def _torch_type(loss: Loss, name: str, arrays: dict[str, Any]) -> type[np.generic]:
    """PyTorch expects int64 for class indices and lengths, and the type of the input for other
    arrays."""
    of_indices = loss.rule in (index_targets, row_index_targets, label_rows)
    if loss.rule in (index_or_probability_targets, classes_or_binary):
        of_indices = np.ndim(arrays["target"]) < np.ndim(arrays["input"])
    if loss.rule is sequences:
        return np.float64 if name == "log_probs" else np.int64
    return np.int64 if name == "target" and of_indices else np.float64
