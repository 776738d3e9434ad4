"""Example commands for the help of each loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from losscli.losses.arrays import ArrayParameter
    from losscli.losses.registry import Loss

# Names of files, by the values that they contain.
_FILES = {
    "logits": "logits.npy",
    "log-probabilities": "log_probs.npy",
    "probabilities": "probs.npy",
    "class indices": "labels.npy",
}

# A loss with more arrays takes sequences, which do not fit into columns of a table.
_MOST_ARRAYS_OF_TABLE = 3


def examples_of(loss: Loss) -> list[str]:
    """Commands with separate files, with a table or JSON output, and with a limit on the loss."""
    name = loss.alias or loss.name
    required = [array for array in loss.arrays if array.required]
    files = " ".join(map(_file, required))
    commands = [f"losscli {name} {files}", f"losscli {name} {files} --fail-above 0.5"]
    if len(required) <= _MOST_ARRAYS_OF_TABLE:
        first, *others = required
        columns = "" if first.name == "input" else f" --{first.name}-column {first.name}"
        columns += "".join(map(_column, others))
        by = "class" if loss.has_classes else "group"
        report = "--where fold=1" if loss.pool else f"--by {by} --top 5"
        commands.insert(1, f"losscli {name} preds.parquet{columns} {report}")
    else:
        commands.insert(1, f"losscli {name} {files} --format json")
    return commands


def comparison_examples_of(loss: Loss) -> list[str]:
    """Commands for two models in two files, for two columns of a table, and with --fail-if-worse.

    The list is empty for a pooled loss, which has no per-element losses to compare.
    """
    if loss.pool:
        return []
    name = loss.alias or loss.name
    others = [array for array in loss.arrays[1:] if array.required]
    option = "-i" if loss.arrays[0].name == "input" else f"--{loss.arrays[0].name}-column"
    models = f"losscli compare {name} old.npy new.npy {' '.join(map(_file, others))}"
    columns = "".join(map(_column, others))
    table = f"losscli compare {name} preds.parquet {option} old {option} new{columns}"
    fits = len(others) < _MOST_ARRAYS_OF_TABLE
    return [models, *([table] if fits else []), f"{models} --fail-if-worse"]


def _file(array: ArrayParameter) -> str:
    if array.name == "input":
        return _FILES.get(array.values.name, "preds.npy")
    if array.name == "target":
        return "labels.npy" if array.values.name == "class indices" else "targets.npy"
    return f"{array.name}.npy"


def _column(array: ArrayParameter) -> str:
    return " -t label" if array.name == "target" else f" --{array.name}-column {array.name}"
