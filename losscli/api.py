"""The Python interface: `evaluate`, `compare`, and a function for each loss."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from losscli.binding.ambiguity import option_of
from losscli.errors import UsageError
from losscli.evaluation.compare import outcome_of_comparison
from losscli.evaluation.evaluate import OnProgress, outcome_of
from losscli.evaluation.outcome import Outcome
from losscli.evaluation.run import OnElements
from losscli.losses import kebab
from losscli.losses.arrays import COMMON_ARRAYS
from losscli.losses.registry import Loss, find
from losscli.request.arguments import bind
from losscli.request.request import Request
from losscli.request.wanted import Execution, Wanted
from losscli.result import Comparison, Result
from losscli.statistics import options

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from losscli.record.verify import Verification


def evaluate(
    loss: str,
    *inputs: Any,
    reduction: str | None = None,
    broadcast: bool = False,
    check: bool = True,
    strict: bool = False,
    on_nan: str = "warn",
    threads: int | None = None,
    wanted: Wanted = Wanted(),  # noqa: B008 - it is frozen
    on_elements: OnElements | None = None,
    on_progress: OnProgress | None = None,
    executor: Executor | None = None,
    record: str | os.PathLike[str] | None = None,
    **parameters: Any,
) -> Result:
    """Compute a loss over files or arrays, block by block, in constant memory.

    Args:
        loss: the name of the loss, such as "nll" or "cross-entropy"
        inputs: the arrays of the loss in the order of its signature. Each is an array, the path of
            a file, a directory or a glob, or a list of such paths.
        reduction: "none", "mean", "sum", or another reduction of the loss; None is the default of
            the loss, usually "mean"
        broadcast: whether input and target may broadcast to more elements than either has
        check: whether to check the data for mistakes, such as logits instead of
            log-probabilities
        strict: whether suspicious data raises DataError
        on_nan: what to do when an element's loss is NaN: "warn", raise an "error", or "skip" the
            element
        threads: the number of threads; None is one per core. It does not affect the result.
        wanted: what else to report: groups, the worst elements, quantiles
        on_elements: called with every block of losses in C order. With the reduction "none", the
            result then has no values.
        on_progress: called with the number of elements done, and the total if it is known
        executor: computes parts of the data in its processes, such as
            `concurrent.futures.ProcessPoolExecutor` or the executor of a Dask client. The result is
            bit-identical. It needs files or arrays that its processes can read.
        record: a file for a record of the run, which `verify` computes again. Arrays in memory may
            have up to 1,000 numbers.
        parameters: further arrays and the options of the loss by name; `mask` and `sample_weight`,
            arrays that every loss takes; `NAME_column`, names or globs of columns for the array
            NAME; `id`, the columns that pair rows of several tables; `join="inner"`, to drop rows
            without a matching key; `pair="position"`, to pair rows by position; `where`,
            conditions on rows such as "split=test"; `keep`, columns to show with each element;
            `classes`, the names of the classes; `skip_missing`, to drop rows with missing values;
            `input_format`, `header` and `delimiter`, for files that do not declare them

    Raises:
        UsageError: for parameters that are unknown or out of range
        DataError: for files that cannot be read, and data that the loss does not accept

    Example:
        >>> from losscli import evaluate
        >>> result = evaluate("nll", [[-0.5, -1.25], [-2.0, -0.25]], [0, 1])
        >>> result.value, result["count"]
        (0.375, 2)
    """
    execution = Execution(broadcast, check, strict, on_nan, threads)
    request = bind(find(loss), inputs, reduction, parameters, wanted, execution)
    if executor is not None and on_elements is not None:
        raise UsageError("an executor does not support on_elements")
    with _recording(record, [request]) as write:
        if executor is None:
            outcome = outcome_of(request, on_elements, on_progress, hashes=record is not None)
        else:
            from losscli.evaluation.parts import evaluate_in  # noqa: PLC0415 - seldom needed

            outcome = evaluate_in(request, executor, on_progress)
        write(outcome)
    return outcome.result


@contextmanager
def _recording(
    record: str | os.PathLike[str] | None,
    requests: Sequence[Request],
    used: Mapping[str, str] | None = None,
) -> Iterator[Callable[[Outcome[Any]], object]]:
    """Provide a function that writes the record of an outcome, or does nothing without a file.
    `used` has files that the record must not overwrite, and what they are."""
    if record is None:
        yield lambda outcome: None
        return
    from losscli.record.make import begun, writing  # noqa: PLC0415 - loads pyarrow

    with writing(os.fspath(record), begun((), requests), used or {}) as recording:
        yield recording.write


def merge(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    record: str | os.PathLike[str] | None = None,
) -> Result:
    """Merge the parts that `losscli LOSS ... --part K/N --save-part FILE` saved.

    The result is bit-identical to that of one run.

    Args:
        paths: the files of all parts in any order, or globs or directories of them
        record: a file for a record of the run, as for `evaluate`

    Raises:
        DataError: for files that are not parts, parts of different runs, and missing parts
    """
    from losscli.evaluation import part_file  # noqa: PLC0415 - loads pyarrow

    patterns = [paths] if isinstance(paths, str | os.PathLike) else paths
    parts = part_file.load_all([os.fspath(pattern) for pattern in patterns])
    with _recording(record, (), {part.path: "a part" for part in parts}) as write:
        outcome, notes = part_file.merge(parts)
        if record is not None:
            part_file.require_same_files(parts[0])
        write(outcome)
    return replace(outcome.result, notes=(*outcome.result.notes, *notes))


def compare(
    loss: str,
    a: Any,
    *inputs: Any,
    reduction: str | None = None,
    broadcast: bool = False,
    check: bool = True,
    strict: bool = False,
    on_nan: str = "warn",
    threads: int | None = None,
    wanted: Wanted = Wanted(),  # noqa: B008 - it is frozen
    on_progress: OnProgress | None = None,
    record: str | os.PathLike[str] | None = None,
    **parameters: Any,
) -> Comparison:
    """Compute the loss of two models on the same targets, and the difference.

    Args:
        loss: the name of the loss
        a: the loss's first array, of the first model
        inputs: the loss's first array, of the second model, and the further arrays of the loss. If
            `a` is a table with both models, leave these out and name two input columns.
        reduction: "mean", "sum", or another reduction of the loss to one number
        wanted: what else to report about the difference: groups, the largest differences
        record: a file for a record of the run, as for `evaluate`
        parameters: the same as for `evaluate`, as are the other arguments

    Raises:
        UsageError: for parameters that are unknown or out of range
        DataError: for files that cannot be read, and data that the loss does not accept

    Example:
        >>> from losscli import compare
        >>> comparison = compare("mse", [1.0, 2.0], [1.0, 3.0], [1.0, 1.0])
        >>> comparison.difference, comparison.wins
        (1.5, (0.5, 0.0))
    """
    execution = Execution(broadcast, check, strict, on_nan, threads)
    requests = models(find(loss), a, inputs, reduction, parameters, wanted, execution)
    with _recording(record, requests) as write:
        outcome = outcome_of_comparison(*requests, on_progress, hashes=record is not None)
        write(outcome)
    return outcome.result


def verify(
    record: str | os.PathLike[str],
    root: str | os.PathLike[str] | None = None,
    *,
    files_only: bool = False,
    on_progress: OnProgress | None = None,
) -> Verification:
    """Compute a record again, and compare its files, its environment and its numbers.

    CPU features are not switched off, unlike in `losscli verify`, since NumPy is already loaded.

    Args:
        record: the file that `--record` or `record=` wrote
        root: the folder that contains all files, also those that were moved; None is the folder of
            the record
        files_only: whether only the files are compared

    Returns:
        `is_verified`, whether the files and the numbers are the same, or numbers differ by what the
        environment explains; `is_exact`, whether all numbers have the same bits; and `findings`

    Raises:
        DataError: for a record that is not valid, and for files outside the root
    """
    from losscli.record.file import load  # noqa: PLC0415 - loads pyarrow
    from losscli.record.verify import verify as verified  # noqa: PLC0415

    place = None if root is None else os.fspath(root)
    return verified(load(os.fspath(record)), place, files_only=files_only, on_progress=on_progress)


def models(
    loss: Loss,
    a: Any,
    inputs: Sequence[Any],
    reduction: str | None,
    parameters: Mapping[str, Any],
    wanted: Wanted,
    execution: Execution,
) -> tuple[Request, Request]:
    """The requests of two models that are compared. Raises UsageError for losses, reductions and
    statistics that a comparison does not support."""
    if reduction == "none":
        raise UsageError("compare does not support --reduction none. Use --reduction mean.")
    if loss.pool is not None:
        raise UsageError(
            f"compare needs per-element losses, but {loss.name} is computed for the whole data "
            f"set. Run losscli {loss.name} on each model."
        )
    for option in options():
        if not option.in_comparison and option.name in wanted.statistics:
            raise UsageError(
                f"compare does not support --{kebab(option.name)}. Use --by for groups, or --top "
                "for the largest differences."
            )
    a_request, b_request = (
        bind(loss, arrays, reduction, given, wanted, execution, in_order=False)
        for arrays, given in _arrays_of_models(loss, a, inputs, parameters)
    )
    return a_request, b_request


def _arrays_of_models(
    loss: Loss, a: Any, inputs: Sequence[Any], parameters: Mapping[str, Any]
) -> Iterator[tuple[tuple[Any, ...], Mapping[str, Any]]]:
    """Yield the inputs and the parameters of each of two models. The first arrays of the models are
    separate inputs, or columns of one table."""
    first = loss.arrays[0].name
    columns = parameters.get(f"{first}_column")
    one_table = isinstance(a, str) and list(inputs) == [a] and isinstance(columns, list | tuple)
    if inputs and not (one_table and len(columns or ()) == 2):
        b, *others = inputs
        yield (a, *others), parameters
        yield (b, *others), parameters
        return
    if not isinstance(columns, list | tuple) or len(columns) != 2:
        option = option_of(first)
        raise UsageError(
            f"compare needs two models, but found one input. Give two files, or name two columns "
            f"of one table with {option} A_COLUMN {option} B_COLUMN."
        )
    for column in columns:
        yield (a,), {**parameters, f"{first}_column": [column]}


def function(loss: Loss) -> Callable[..., Any]:
    """The Python function of a loss. It takes arrays, and returns a float64 or, with the reduction
    none, an array of float64."""

    def call(*inputs: Any, reduction: str | None = None, **parameters: Any) -> Any:
        names = {array.name for array in loss.inputs}
        given: dict[str, Any] = {
            name: np.asarray(value) if name in names and value is not None else value
            for name, value in parameters.items()
        }
        arrays = [np.asarray(array) for array in inputs]
        result = evaluate(
            loss.name,
            *arrays,
            reduction=reduction,
            broadcast=True,
            check=False,
            wanted=Wanted(interval=False),
            **given,
        )
        for text in result.warnings:
            warnings.warn(text, RuntimeWarning, stacklevel=2)
        return np.float64(result.value) if result.values is None else result.values[()]

    signature = inspect.signature(loss.function)
    further = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
        for name, default in [
            *_layout_options(loss),
            *((array.name, None) for array in COMMON_ARRAYS),
            ("reduction", loss.default_reduction),
        ]
    ]
    call.__name__ = call.__qualname__ = loss.python_name
    call.__module__ = "losscli"
    call.__doc__ = _public_docstring(loss)
    call.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), *further], return_annotation=Any
    )
    return call


def _layout_options(loss: Loss) -> list[tuple[str, Any]]:
    """The options that are not parameters of the loss's own function, with their defaults."""
    own = inspect.signature(loss.function).parameters
    return [(option.name, option.default) for option in loss.options if option.name not in own]


def _public_docstring(loss: Loss) -> str:
    text = inspect.cleandoc(loss.function.__doc__ or "")
    helps = {option.name: option.help for option in loss.options}
    further = [f"{name}: {helps[name]}" for name, _ in _layout_options(loss)]
    further += [f"{array.name}: {array.help}" for array in COMMON_ARRAYS]
    others = ", ".join(f'"{name}"' for name in loss.reductions if name != "none")
    each = ', or "none" for per-element losses' if "none" in loss.reductions else ""
    reduction = f"reduction: {others}{each}"
    lines = "".join(f"\n    {line}" for line in [*further, reduction])
    return text.replace("\n\nRaises:", f"{lines}\n\nRaises:", 1)
