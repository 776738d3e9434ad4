"""Groups of rules: the rules that broadcast, have classes, or take rows."""

from __future__ import annotations

from losscli.losses.layout.classes import (
    class_rows,
    classes_or_binary,
    index_or_probability_targets,
    index_targets,
    label_rows,
    row_index_targets,
)
from losscli.losses.layout.distributions import distributions, with_variance
from losscli.losses.layout.elementwise import (
    as_many_axes,
    broadcasting,
    same_shape,
    target_for_input,
)
from losscli.losses.layout.sequences import sequences
from losscli.losses.layout.vectors import vector_pairs, vector_triples

# The rules that let input and target differ in shape.
BROADCASTING = (broadcasting, with_variance, distributions, as_many_axes)

# The rules that compare input and target value by value.
ELEMENTWISE = (*BROADCASTING, same_shape, target_for_input, class_rows)

# The rules whose targets may be class indices.
WITH_CLASSES = (
    index_targets,
    index_or_probability_targets,
    classes_or_binary,
    row_index_targets,
)

# The rules whose input is a row of values for each sample.
OF_ROWS = (*WITH_CLASSES, label_rows, vector_pairs, vector_triples, sequences)

# The rules whose target may be a row of values for each sample.
WITH_TARGET_ROWS = (*ELEMENTWISE, index_or_probability_targets, classes_or_binary, label_rows)
