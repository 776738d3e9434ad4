"""Rules for pairs and triples of vectors."""

from __future__ import annotations

from collections.abc import Mapping

from losscli.errors import ArrayError
from losscli.losses.layout import ArrayInfo, Layout, Shape, grid_of
from losscli.losses.layout.misfits import misfit_elements, not_of_shape, require_rank
from losscli.losses.layout.shapes import broadcast_shape, fits, width_of
from losscli.losses.layout.views import BY_SAMPLE, element_view, row_view


def vector_pairs(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """`input1` and `input2` are (D) or (N, D). The target is () or (N): one number per pair."""
    require_rank(arrays, "input1", (1, 2), "(D) or (N, D)")
    vectors = {name: arrays[name] for name in ("input1", "input2")}
    shape = _shape_of_vectors(vectors)
    target = arrays["target"]
    elements = broadcast_shape(target.shape, shape[:-1] or target.shape)
    is_single = target.shape == () or fits(target.shape, (1,))
    if elements is None or (shape[:-1] == () and not is_single):
        raise misfit_elements("target", target, shape[:-1])
    if shape[:-1] == ():
        elements = ()
    views = {name: row_view(info.shape, (*elements, shape[-1])) for name, info in vectors.items()}
    views["target"] = element_view(target.shape if elements else (), grid_of(elements))
    if not elements and target.shape:
        views["target"] = BY_SAMPLE
    return Layout(elements, views, width=width_of(shape[-1]))


def vector_triples(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """All arrays are (..., D), and their leading axes broadcast. An element takes one vector from
    each array."""
    shape = _shape_of_vectors(arrays)
    views = {name: row_view(info.shape, shape) for name, info in arrays.items()}
    return Layout(shape[:-1], views, width=width_of(shape[-1]))


def _shape_of_vectors(arrays: Mapping[str, ArrayInfo]) -> Shape:
    """The shape that arrays of vectors broadcast to. Raises ArrayError if they do not broadcast, or
    differ in the number of axes."""
    first, *others = arrays
    shape = arrays[first].shape
    if not shape:
        raise ArrayError(first, "is a single number; expected vectors")
    for name in others:
        widened = broadcast_shape(arrays[name].shape, shape)
        if widened is None or len(arrays[name].shape) != len(shape):
            raise not_of_shape(name, arrays[name], shape, first)
        shape = widened
    return shape
