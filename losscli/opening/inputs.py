"""inputs_of(): describe the arrays that a result was computed from."""

from __future__ import annotations

import io

from losscli.errors import DataError
from losscli.opening.sources import Sources
from losscli.readers.dtypes import stored_name
from losscli.readers.files.origin import STANDARD_INPUT, Origin
from losscli.request.request import label_array
from losscli.result import Input
from losscli.source import Source


def inputs_of(sources: Sources, digest: bool) -> tuple[Input, ...]:
    """Describe each array of the loss and each file of labels, after reading them. With `digest`,
    add the SHA-256 of their files."""
    roles = [*sources.request.arrays, *_files_of_labels(sources)]
    anonymous = sources.request.reading.anonymous
    return tuple(_describe(role, sources.arrays[role], digest, anonymous) for role in roles)


def _describe(role: str, source: Source, digest: bool, anonymous: bool) -> Input:
    shape = tuple(source.count() if size is None else size for size in source.shape)
    return Input(
        role,
        source.name or None,
        source.bytes,
        shape,
        stored_name(source.dtype),
        source.columns,
        source.files,
        tuple(_sha256(p, anonymous) for p in source.paths) if digest and source.name else None,
    )


def _files_of_labels(sources: Sources) -> list[str]:
    """Return the label arrays that come from a separate file."""
    read = {sources.arrays[role].name for role in sources.request.arrays}
    return [
        name
        for name in sources.labels
        if name.startswith(label_array("")) and sources.arrays[name].name not in {*read, ""}
    ]


def _sha256(path: str, anonymous: bool) -> str:
    """Compute the SHA-256 of a file, in a separate pass. Raises DataError for standard input."""
    if path == STANDARD_INPUT:
        raise DataError(
            "--digest reads files twice, but - (standard input) can be read only once. Use a file."
        )
    import hashlib  # noqa: PLC0415 - only needed here

    try:
        with io.BufferedReader(Origin(path, anonymous).open_raw()) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
