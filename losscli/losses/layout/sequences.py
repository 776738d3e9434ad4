"""The rule for sequences of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from losscli.errors import ArrayError
from losscli.losses.layout import WHOLE, ArrayInfo, Axis, Layout, View, show
from losscli.losses.layout.class_axis import require_some_classes
from losscli.losses.layout.misfits import misfit_elements, require_rank
from losscli.losses.layout.shapes import fits, width_of
from losscli.losses.layout.views import BY_SAMPLE, FOR_ALL


def sequences(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """`log_probs` is (T, N, C), or (T, C) for one sample. `targets` is (N, S), or (S) for one
    sample or all targets concatenated. Both arrays of lengths have a number for each sample."""
    source, targets = arrays["log_probs"], arrays["targets"]
    require_rank(arrays, "log_probs", (2, 3), "(T, N, C), or (T, C) for one sample")
    require_some_classes("log_probs", source, len(source.shape) - 1)
    steps, *batch, classes = source.shape
    samples = Axis(0, 1 if batch else None)
    views = {"log_probs": View((samples, Axis(WHOLE, 0), Axis(WHOLE, len(source.shape) - 1)))}
    for name in ("input_lengths", "target_lengths"):
        views[name] = _lengths_view(name, arrays[name], batch)
    concatenated = {}
    if len(targets.shape) == 2 and fits(targets.shape[:1], tuple(batch) or (1,)):
        views["targets"] = View((Axis(0, 0), Axis(WHOLE, 1)))
    elif len(targets.shape) == 1:
        views["targets"] = View((Axis(0, None), Axis(WHOLE, 0)))
        concatenated = {"targets": "target_lengths"} if batch else {}
    else:
        expected = f"({batch[0]}, S), or all targets concatenated" if batch else "(1, S) or (S)"
        raise ArrayError(
            "targets",
            f"has shape {show(targets.shape)}; log_probs of shape {show(source.shape)} takes "
            f"{expected}",
        )
    width = width_of(steps, classes)
    return Layout(tuple(batch), views, width=width, concatenated=concatenated)


def _lengths_view(name: str, lengths: ArrayInfo, batch: Sequence[int | None]) -> View:
    """The view of one length per sample, or of one length for all samples."""
    if lengths.shape == ():
        return FOR_ALL
    if lengths.shape == (1,):
        return View((Axis(0, 0, repeated=tuple(batch) not in ((), (1,))),))
    if not fits(lengths.shape, tuple(batch)):
        raise misfit_elements(name, lengths, tuple(batch))
    return BY_SAMPLE
