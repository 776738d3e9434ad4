"""Per-element rows: keys, index, target, labels, weights and loss."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from losscli.elements import SAMPLE_WEIGHT, Array, Elements, PerElement, spread
from losscli.result import index_names


def columns_of(elements: Elements) -> dict[str, Array]:
    """Keys, index, target, labels, weight, sample weight and loss of each element, in C order.

    The losses of ignored elements are masked.
    """
    losses = elements.losses
    shape = losses.values.shape
    index = np.unravel_index(np.arange(losses.values.size), shape)
    columns: dict[str, Array] = {
        name: spread(values, shape).ravel()
        for name, values in zip(key_names(elements), elements.keys.values(), strict=True)
    }
    columns |= {
        name: start + offsets
        for name, start, offsets in zip(index_names(len(shape)), elements.start, index, strict=True)
    }
    target = elements.targets
    if target is not None:
        columns["target"] = target.ravel()
    for name, labels in elements.labels.items():
        key = f"label_{name}" if name in (*columns, "weight", SAMPLE_WEIGHT, "loss") else name
        columns[key] = spread(labels, shape).ravel()
    columns["weight"] = _weights(losses).ravel()
    if losses.sample_weights is not None:
        columns[SAMPLE_WEIGHT] = np.broadcast_to(losses.sample_weights, shape).ravel()
    columns["loss"] = losses.values.ravel()
    if losses.ignored is not None:
        columns["loss"] = np.ma.MaskedArray(columns["loss"], losses.ignored.ravel())
    return columns


def key_names(elements: Elements) -> list[str]:
    """The names of the key columns, with the prefix `key_` if another column has the same name."""
    index = index_names(elements.losses.values.ndim)
    known = {"target", "weight", SAMPLE_WEIGHT, "loss", *index, *elements.labels}
    names: list[str] = []
    for name in elements.keys:
        while name in known:
            name = f"key_{name}"  # noqa: PLW2901 - until it is unique
        known.add(name)
        names.append(name)
    return names


def _weights(losses: PerElement) -> NDArray[np.float64]:
    shape = losses.values.shape
    if losses.weights is not None:
        return np.broadcast_to(losses.weights, shape)
    return losses.counted.astype(np.float64)


def element_header(elements: Elements) -> list[str]:
    """The names of the keys, of the index, of the target if there is one, and "loss"."""
    index = index_names(len(elements.start))
    target = [] if elements.targets is None else ["target"]
    return [*key_names(elements), *index, *target, "loss"]


def element_rows(elements: Elements) -> Iterator[list[object]]:
    """A row under `element_header` for each element, in C order. The loss of an ignored element
    is None."""
    losses, targets = elements.losses.values, elements.targets
    ignored = elements.losses.ignored
    keys = [spread(values, losses.shape) for values in elements.keys.values()]
    for position in np.ndindex(losses.shape):
        index = [start + offset for start, offset in zip(elements.start, position, strict=True)]
        target = [] if targets is None else [targets.item(position)]
        is_ignored = ignored is not None and ignored[position]
        loss = None if is_ignored else losses[position].item()
        yield [*(values[position] for values in keys), *index, *target, loss]
