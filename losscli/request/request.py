"""A request: the complete arguments of a run, before any file is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from losscli.losses.options import OptionValue
from losscli.losses.registry import Loss, find
from losscli.readers import AS_THEY_ARE, Reading
from losscli.readers.files.origin import STANDARD_INPUT
from losscli.readers.tables.where import Where
from losscli.request.wanted import AS_USUAL, THE_NUMBER, Execution, Wanted

# The paths, directories and globs that make one array; hashable.
Files = tuple[str, ...]

# The value of an array: its files, or the numbers themselves.
FilesOrNumbers = Files | NDArray[np.generic]

# The name of the array of row numbers in the file. No loss has a parameter of this name.
SAMPLE = "row of the file"


def label_array(name: str) -> str:
    """The name of the array of labels `name`. It cannot equal the name of a loss parameter."""
    return f"label {name}"


def key_array(name: str) -> str:
    """The name of the array of a key, or of another column that is shown with each element."""
    return f"key {name}"


@dataclass(frozen=True)
class Request:
    """The arguments of a run: plain data that `losscli.request.serialized` converts to JSON.

    Args:
        loss_name: the name of the loss
        arrays: the files or the numbers of each array, in the order of the loss
        columns: the columns that make each array, for arrays whose columns were named
        options: the options of the loss, checked
        reduction: a reduction of the loss
        typed: the names of the options that were given and would otherwise be detected
        borrowed: the arrays that are columns of the first array's files
        in_order: whether input and target were given by position
        id: the key that pairs rows: one column, or several separated by commas
        join: "inner" to drop rows whose key another table lacks
        pair: "position" to pair rows by their order, whatever the key columns contain
        where: conditions on rows
        keep: columns that are shown with each element
        classes: the names of the classes, or a file of them
        skip_missing: whether rows with missing values are dropped
        reading: the format options for files that do not declare them
        wanted: what is reported in addition to the number
        execution: how the request is carried out
    """

    loss_name: str
    arrays: Mapping[str, FilesOrNumbers]
    columns: Mapping[str, Sequence[str]]
    options: Mapping[str, OptionValue]
    reduction: str
    typed: frozenset[str] = frozenset()
    borrowed: frozenset[str] = frozenset()
    in_order: bool = False
    id: str | None = None
    join: str | None = None
    pair: str | None = None
    where: tuple[Where, ...] = ()
    keep: tuple[str, ...] = ()
    classes: str | tuple[str, ...] | None = None
    skip_missing: bool = False
    reading: Reading = AS_THEY_ARE
    wanted: Wanted = THE_NUMBER
    execution: Execution = AS_USUAL

    @property
    def loss(self) -> Loss:
        """The loss called `loss_name`."""
        return find(self.loss_name)

    @property
    def changed(self) -> dict[str, OptionValue]:
        """The options whose value is not the default."""
        defaults = {
            option.name: option.check(option.default, self.options) for option in self.loss.options
        }
        return {name: value for name, value in self.options.items() if value != defaults[name]}

    @property
    def class_base(self) -> int:
        """The number of the first class in the targets."""
        base = self.options.get("class_base", 0)
        return base if isinstance(base, int) else 0

    @property
    def ignored_targets(self) -> Sequence[int]:
        """The targets that the loss ignores."""
        ignored = self.options.get("ignore_index", ())
        return ignored if isinstance(ignored, list | tuple) else ()

    @property
    def is_shifted(self) -> bool:
        """Whether each step is scored against the next step's target."""
        return bool(self.options.get("shift", False))

    @property
    def keys(self) -> tuple[str, ...]:
        """The possible names of key columns: the whole `id`, and its parts between commas."""
        return () if self.id is None else tuple(dict.fromkeys([self.id, *self.id.split(",")]))

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The columns that group, cluster or filter rows, or are shown with them. Detection uses
        such a column as data only if it has a usual name of data."""
        by = [label for label in self.wanted.by if not self.wanted.is_word(label)]
        cluster = [self.wanted.cluster] if self.wanted.cluster else []
        return (*by, *cluster, *self.keep, *(condition.column for condition in self.where))

    def files_of(self, array: str) -> Files:
        """The files of an array, which must not be given as numbers."""
        files = self.arrays[array]
        assert isinstance(files, tuple)
        return files

    @property
    def files(self) -> list[Files]:
        """The files of each array that has files of its own."""
        own = (value for name, value in self.arrays.items() if name not in self.borrowed)
        return [value for value in own if isinstance(value, tuple)]

    def reading_of(self, files: Files) -> Reading:
        """How these files are read. A given format applies to the first array only."""
        first = next(iter(self.arrays.values()))
        is_first = isinstance(first, tuple) and first == files
        reading = replace(self.reading, threads=self.execution.workers)
        return reading if is_first else replace(reading, format=None)

    def from_standard_input(self) -> list[Files]:
        """The files and class names that include standard input."""
        names = [(self.classes,)] if isinstance(self.classes, str) else []
        return [files for files in (*self.files, *names) if STANDARD_INPUT in files]
