"""Masks, and layouts that pair the input with targets of the next step."""

from __future__ import annotations

from dataclasses import replace

from losscli.errors import ArrayError
from losscli.losses.layout import ArrayInfo, Axis, Layout, View, show
from losscli.losses.layout.shapes import fits, is_repeated
from losscli.losses.layout.views import BY_SAMPLE


def masked(layout: Layout, name: str, mask: ArrayInfo) -> Layout:
    """The layout with the mask `name` added. The axes of a mask are the leading axes of the
    elements. Raises ArrayError for a mask of another shape."""
    grid, elements, shape = layout.grid, layout.shape, mask.shape
    if layout.steps is not None:
        elements = (*elements[:-1], layout.steps)
    if not elements and fits(shape, (1,)):
        return replace(layout, views={**layout.views, name: BY_SAMPLE})
    leading = elements[: len(shape)]
    sizes = tuple(b if a == 1 else a for a, b in zip(shape, leading, strict=False))
    if len(shape) > len(elements) or not fits(sizes, leading):
        raise ArrayError(
            name,
            f"has shape {show(mask.shape)}; expected the shape of the losses, "
            f"{show(elements)}, or its leading axes",
        )
    axes = [
        # `elements` has sizes before the shift. A mask with 1 value for 2 steps is repeated,
        # although 1 step remains.
        Axis(k, k, is_repeated(shape, k, elements[k])) if k < len(shape) else Axis(k, None)
        for k in range(len(grid) - layout.uncut)
    ]
    if len(shape) > len(axes):
        raise ArrayError(name, f"has shape {show(mask.shape)}. Leave out its class axis.")
    view = View(tuple(axes))
    if layout.steps is not None:
        view = _from_second_step(view, len(grid) - 1)
    return replace(layout, views={**layout.views, name: view})


def shifted(layout: Layout) -> Layout:
    """The layout without the last step of the input and the first step of all other arrays. Steps
    are the last axis. Raises ArrayError if the number of steps is unknown."""
    steps = layout.shape[-1] if layout.shape else None
    if steps is None:
        raise ArrayError("input", "has no step axis of known size, which --shift needs")
    last = len(layout.shape) - 1
    views = {
        name: view if name == "input" else _from_second_step(view, last)
        for name, view in layout.views.items()
    }
    shape = (*layout.shape[:-1], max(steps - 1, 0))
    return replace(layout, shape=shape, views=views, steps=steps)


def _from_second_step(view: View, last: int) -> View:
    return View(
        tuple(
            axis._replace(offset=1) if axis.element == last and not axis.repeated else axis
            for axis in view.axes
        )
    )
