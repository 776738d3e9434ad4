"""Outcome: a result, and what a record of it needs in addition."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from losscli.errors import DataError
from losscli.evaluation.model import OpenModel
from losscli.evaluation.provenance import Provenance
from losscli.readers.files.digests import Digest, Hashing
from losscli.readers.files.origin import STANDARD_INPUT
from losscli.result import Comparison, Result
from losscli.statistics.total import Total

Reported = TypeVar("Reported", Result, Comparison)


@dataclass(frozen=True)
class Outcome(Generic[Reported]):
    """A result, and what a record of it needs in addition.

    Args:
        result: the result, or the comparison of two models
        provenances: the request and the data of each model
        totals: the exact sums of each model
        digests: the digests of the files that were hashed while they were read
    """

    result: Reported
    provenances: tuple[Provenance, ...]
    totals: tuple[Total, ...]
    digests: Mapping[str, Digest] = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        """The files that the result was computed from."""
        paths = (path for provenance in self.provenances for path in provenance.paths)
        return tuple(dict.fromkeys(paths))


def hashing_of(stack: ExitStack, *models: OpenModel) -> Hashing:
    """Start to compute the digests of the files of models, which are read at the same time."""
    paths = [path for model in models for path in model.sources.paths]
    if STANDARD_INPUT in paths and any(model.request.wanted.digest for model in models):
        raise DataError(
            "--digest reads files twice, but - (standard input) can be read only once. Use a file, "
            "or --record FILE, which hashes standard input as it arrives."
        )
    paths = [path for path in paths if path != STANDARD_INPUT]
    anonymous = models[0].request.reading.anonymous
    return stack.enter_context(Hashing(paths, anonymous))
