"""Shapes that arrays have to share, and the errors if they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from losscli.errors import ArrayError
from losscli.losses.layout import ArrayInfo, Shape, show
from losscli.losses.layout.shapes import broadcast_shape, fits


def not_of_shape(name: str, info: ArrayInfo, shape: Shape, owner: str = "input") -> ArrayError:
    return ArrayError(
        name,
        f"has shape {show(info.shape)}; expected the shape of {owner}, {show(shape)}"
        f"{column_advice(info) or _class_advice(name, info, shape)}",
    )


def misfit_elements(name: str, info: ArrayInfo, elements: Shape) -> ArrayError:
    return ArrayError(
        name, f"has shape {show(info.shape)}; expected {show(elements)}, one number per sample"
    )


def shapes_differ(arrays: Mapping[str, ArrayInfo]) -> str:
    target, source = show(arrays["target"].shape), show(arrays["input"].shape)
    return f"has shape {target} and the input {source}"


def column_advice(target: ArrayInfo) -> str:
    if target.table and len(target.shape) > 1:
        return ". Choose one column with --target-column."
    return ""


def _class_advice(name: str, info: ArrayInfo, shape: Shape) -> str:
    if name == "target" and len(info.shape) + 1 == len(shape):
        return ". If the target contains class indices, use losscli ce or losscli nll."
    return ""


def require_values_per_row(name: str, info: ArrayInfo, owner: str, other: ArrayInfo) -> None:
    """Raise ArrayError if an array has one value per row and the `other` array has several.

    If the number of rows equals the number of columns by chance, broadcasting would pair rows of
    the array with columns of the other.
    """
    if info.has_rows and 0 < len(info.shape) < len(other.shape):
        values = show(other.shape[1:]).strip("(,)").replace(", ", " x ")
        advice = (
            "Use --sample-weight for a weight per row"
            if name == "weight"
            else "Choose columns so that both have the same number"
        )
        raise ArrayError(name, f"has 1 value per row and {owner} has {values}. {advice}")


def require_rank(
    arrays: Mapping[str, ArrayInfo], name: str, ranks: Sequence[int], expected: str
) -> None:
    shape = arrays[name].shape
    if len(shape) not in ranks:
        raise ArrayError(name, f"has shape {show(shape)}; expected {expected}")


def broadcast_to_input(shape: Shape, name: str, info: ArrayInfo) -> Shape:
    """The input's `shape`, with the number of rows if it is known only from the array. Raises
    ArrayError if the array does not broadcast to this shape."""
    require_values_per_row(name, info, "input", ArrayInfo(shape, info.dtype))
    widened = broadcast_shape(info.shape, shape)
    if widened is None or not fits(widened, shape):
        raise ArrayError(
            name,
            f"has shape {show(info.shape)}; expected a shape that broadcasts to the input's, "
            f"{show(shape)}",
        )
    return tuple(a if b is None else b for a, b in zip(widened, shape, strict=True))


def _common_shape(arrays: Mapping[str, ArrayInfo], names: Sequence[str]) -> Shape:
    """The shape that these arrays share, with the number of rows if any of them knows it. Raises
    ArrayError if the shapes differ."""
    first, *others = names
    shape = arrays[first].shape
    for name in others:
        require_values_per_row(name, arrays[name], first, arrays[first])
        require_values_per_row(first, arrays[first], name, arrays[name])
        if not fits(arrays[name].shape, shape):
            raise not_of_shape(name, arrays[name], shape, first)
        known = zip(arrays[name].shape, shape, strict=True)
        shape = tuple(b if a is None else a for a, b in known)
    return shape


def shape_of_pair(arrays: Mapping[str, ArrayInfo]) -> Shape:
    """The shape that input and target share. Raises ArrayError if their shapes differ, or if
    another array does not broadcast to this shape."""
    pair = ("input", "target")
    shape = _common_shape(arrays, pair)
    for name, info in arrays.items():
        if name not in pair:
            shape = broadcast_to_input(shape, name, info)
    return shape
