"""inputs_of(): describe the arrays that a result was computed from."""

from __future__ import annotations

from collections.abc import Mapping

from losscli.opening.sources import Sources
from losscli.readers.dtypes import stored_name
from losscli.readers.files.digests import Digest
from losscli.request.request import label_array
from losscli.result import Input
from losscli.source import Source


def inputs_of(sources: Sources, digests: Mapping[str, Digest]) -> tuple[Input, ...]:
    """Describe each array of the loss and each file of labels, after reading them. With --digest,
    add the SHA-256 of their files from `digests`."""
    roles = [*sources.request.arrays, *_files_of_labels(sources)]
    shown = digests if sources.request.wanted.digest else None
    return tuple(_describe(role, sources.arrays[role], shown) for role in roles)


def _describe(role: str, source: Source, digests: Mapping[str, Digest] | None) -> Input:
    shape = tuple(source.count() if size is None else size for size in source.shape)
    return Input(
        role,
        source.name or None,
        source.bytes,
        shape,
        stored_name(source.dtype),
        source.columns,
        source.files,
        None if digests is None else tuple(digests[p].sha256 for p in source.paths if p) or None,
    )


def _files_of_labels(sources: Sources) -> list[str]:
    """Return the label arrays that come from a separate file."""
    read = {sources.arrays[role].name for role in sources.request.arrays}
    return [
        name
        for name in sources.labels
        if name.startswith(label_array("")) and sources.arrays[name].name not in {*read, ""}
    ]
