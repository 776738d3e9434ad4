"""Provenance: what a result reports about its data, in addition to the statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from losscli.evaluation.model import OpenModel
from losscli.opening.inputs import inputs_of
from losscli.readers.files.digests import Digest
from losscli.request.request import Request
from losscli.result import Input, Selected


@dataclass(frozen=True)
class Provenance:
    """The request and a description of its data. It needs no open files.

    Args:
        request: the request, completed with the chosen columns
        shape: the shape of the elements
        inputs: the arrays of the loss, and the files of labels
        paths: the files of all arrays
        notes: the choices made while the files were opened
        columns: the notes on the columns of the inputs
        warnings: suspicious properties of the files and of the layout
        pairing: how rows of several files were paired
        classes: the names of the classes
        selected: how many rows the conditions kept
    """

    request: Request
    shape: tuple[int, ...]
    inputs: tuple[Input, ...]
    paths: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    pairing: str | None = None
    classes: tuple[str, ...] | None = None
    selected: Selected | None = None


def provenance_of(model: OpenModel, digests: Mapping[str, Digest]) -> Provenance:
    """The provenance of a model, after all rows were read. `digests` are those of its files, by
    path, if they are reported."""
    sources = model.sources
    return Provenance(
        request=model.request,
        shape=model.shape,
        inputs=inputs_of(sources, digests),
        paths=sources.paths,
        notes=(*sources.notes, *model.plan.notes),
        columns=sources.taken,
        warnings=(*sources.warnings, *model.layout.warnings),
        pairing=sources.pairing,
        classes=model.class_names,
        selected=model.selected(),
    )
