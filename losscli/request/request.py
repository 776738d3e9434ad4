"""A request: what was asked for, complete, before any file is opened."""

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

# The paths, directories and globs that make one array; one that can be hashed.
Files = tuple[str, ...]

# What is given for an array: its files, or the numbers themselves.
FilesOrNumbers = Files | NDArray[np.generic]

# The array that tells from which row of the file each comes; no loss has a parameter of that name.
SAMPLE = "row of the file"


def label_array(name: str) -> str:
    """The array of the labels called `name`, which may be called as a parameter of a loss is."""
    return f"label {name}"


def key_array(name: str) -> str:
    """The array of a key or another column that is shown with each element."""
    return f"key {name}"


@dataclass(frozen=True)
class Request:
    """What was asked for: plain data that `losscli.request.serialized` writes as JSON and reads.

    Args:
        loss_name: the name of the loss
        arrays: the files or the numbers of each array, in the order of the loss
        columns: the columns of a table that an array is made of, if they are named
        options: the options of the loss, checked
        reduction: one of the loss
        typed: the options that were given
        borrowed: the arrays that are columns of the files of the first one
        in_order: whether input and target were given by their place
        id: the key that pairs rows, one column or several with commas between them
        join: "inner" where rows without a partner are left out
        pair: "position" where the order of the rows pairs them, whatever columns say
        where: conditions on rows
        keep: columns that are shown with each element
        classes: the names of the classes, or a file of them
        skip_missing: whether rows without a value are left out
        reading: how the files are read, where they do not say
        wanted: what is reported beside the number
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
        """The loss of that name."""
        return find(self.loss_name)

    @property
    def changed(self) -> dict[str, OptionValue]:
        """The options that are not the default."""
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
        """Whether each step is judged by the next one's target."""
        return bool(self.options.get("shift", False))

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of the key, as they may be called: all of the text, or what is between the
        commas."""
        return () if self.id is None else tuple(dict.fromkeys([self.id, *self.id.split(",")]))

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The columns that say something of a row and are no input unless they are named."""
        by = [label for label in self.wanted.by if not self.wanted.is_word(label)]
        cluster = [self.wanted.cluster] if self.wanted.cluster else []
        return (*by, *cluster, *self.keep, *(one.column for one in self.where))

    def files_of(self, array: str) -> Files:
        """The files of an array that is not given as numbers."""
        files = self.arrays[array]
        assert isinstance(files, tuple)
        return files

    @property
    def files(self) -> list[Files]:
        """The files of each array that has files of its own."""
        own = (value for name, value in self.arrays.items() if name not in self.borrowed)
        return [value for value in own if isinstance(value, tuple)]

    def reading_of(self, files: Files) -> Reading:
        """How these files are read: a format that was given is that of the first array."""
        first = next(iter(self.arrays.values()))
        is_first = isinstance(first, tuple) and first == files
        reading = replace(self.reading, threads=self.execution.workers)
        return reading if is_first else replace(reading, format=None)

    def from_standard_input(self) -> list[Files]:
        """What is read from standard input, which can be read once."""
        names = [(self.classes,)] if isinstance(self.classes, str) else []
        return [files for files in (*self.files, *names) if STANDARD_INPUT in files]
