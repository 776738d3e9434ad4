"""The arrays of a loss: the name of each, and the values that it contains.

A loss declares the values of an array by the type of its parameter, `input: Logits`. A declared
range is not enforced: checks and losses report values outside it where it matters. Tests draw
their inputs from this range.
"""

from __future__ import annotations

import math
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from losscli.elements import SAMPLE_WEIGHT, Array


class Values(NamedTuple):
    """The values of an array: their name, their range, and whether they are whole numbers."""

    name: str
    low: float = -math.inf
    high: float = math.inf
    whole: bool = False


NUMBERS = Values("numbers")

Numbers = Annotated[Array, NUMBERS]
Scores = Annotated[Array, Values("scores")]
Vectors = Annotated[Array, Values("vectors")]
Logits = Annotated[Array, Values("logits")]
LogProbabilities = Annotated[Array, Values("log-probabilities", high=0.0)]
LogCounts = Annotated[Array, Values("logarithms of counts")]
Probabilities = Annotated[Array, Values("probabilities", 0.0, 1.0)]
Distances = Annotated[Array, Values("distances", 0.0)]
Counts = Annotated[Array, Values("counts", 0.0)]
Variances = Annotated[Array, Values("variances", 0.0)]
Weights = Annotated[Array, Values("weights", 0.0)]
Signs = Annotated[Array, Values("signs", -1.0, 1.0, whole=True)]
ClassIndices = Annotated[Array, Values("class indices", 0.0, whole=True)]
Lengths = Annotated[Array, Values("lengths", 0.0, whole=True)]


class ArrayParameter(NamedTuple):
    """An array that a loss takes: an option on the command line, and an argument if required."""

    name: str
    required: bool
    help: str
    values: Values = NUMBERS


# The arrays that every loss takes in addition to its own.
COMMON_ARRAYS = (
    ArrayParameter(
        "mask",
        required=False,
        help="ignore elements where this mask is 0; it has the shape of the losses, or of their "
        "first axes",
        values=Values("flags", 0.0, 1.0, whole=True),
    ),
    ArrayParameter(
        SAMPLE_WEIGHT,
        required=False,
        help="weight elements by these numbers, which have the shape of the losses, or of their "
        "first axes",
        values=Values("weights", 0.0),
    ),
)


def declared_values(hint: Any) -> Values | None:
    """The values that a parameter's annotation declares; None if the parameter is not an array."""
    if get_origin(hint) in (UnionType, Union):
        arrays = (kind for kind in get_args(hint) if kind is not type(None))
        return next(filter(None, map(declared_values, arrays)), None)
    if hint == Array:
        return NUMBERS
    if get_origin(hint) is Annotated and get_args(hint)[0] == Array:
        return next((item for item in get_args(hint)[1:] if isinstance(item, Values)), NUMBERS)
    return None
