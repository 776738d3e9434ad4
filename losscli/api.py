"""Python in, result out: `evaluate`, `compare`, and a function for each loss."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from losscli.binding.ambiguity import option_of
from losscli.errors import UsageError
from losscli.evaluation.compare import compare_requests
from losscli.evaluation.evaluate import OnProgress, evaluate_request
from losscli.evaluation.run import OnElements
from losscli.losses.arrays import COMMON_ARRAYS
from losscli.losses.registry import Loss, find
from losscli.request.arguments import bind
from losscli.request.request import Request
from losscli.request.wanted import Execution, Wanted
from losscli.result import Comparison, Result
from losscli.statistics import options


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
    **parameters: Any,
) -> Result:
    """Compute a loss over files or arrays, block by block, in constant memory.

    Args:
        loss: its name, such as "nll" or "cross-entropy"
        inputs: the arrays of the loss in the order of its signature, each an array, the path of a
            file, a directory or a glob, or a list of such paths
        reduction: "none", "mean", "sum", or another that the loss has; None is the mean, or what
            the loss has instead
        broadcast: whether input and target may broadcast to more elements than either has
        check: whether to look for mistakes in the data, such as logits where log-probabilities
            belong
        strict: whether suspicious data raises DataError, as soon as it is known
        on_nan: what to do with a loss that is NaN: count it and "warn", raise an "error", or "skip"
            it
        threads: how many threads compute; None is one for each core. The result has the same bits.
        wanted: what else to report: groups, the worst elements, quantiles
        on_elements: called with every block of losses in C order; with the reduction "none"
            the result then has no values
        on_progress: called with the number of elements done, and of all if that is known
        parameters: further arrays and the options of the loss by name, and the arrays that every
            loss takes, `mask` and `sample_weight`; for each array NAME that comes from a table,
            NAME_column: names or globs of columns; `id`, a column by which
            rows of several tables are paired; `classes`, the names of the classes; `skip_missing`,
            to leave out rows without a value; `input_format`, `header` and `delimiter`, where the
            files do not say

    Raises:
        UsageError: for parameters that the loss does not take, or out of their range
        DataError: for files that cannot be read, and data that the loss cannot take

    Example:
        >>> from losscli import evaluate
        >>> result = evaluate("nll", [[-0.5, -1.25], [-2.0, -0.25]], [0, 1])
        >>> result.value, result["count"]
        (0.375, 2)
    """
    execution = Execution(broadcast, check, strict, on_nan, threads)
    request = bind(find(loss), inputs, reduction, parameters, wanted, execution)
    return evaluate_request(request, on_elements, on_progress)


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
    **parameters: Any,
) -> Comparison:
    """Compute a loss of two models on the same targets, and how they differ.

    Args:
        loss: its name
        a: what the loss takes first, of the first model
        inputs: the same of the second model, and the further arrays of the loss; where there is
            nothing but `a`, a table, the two columns of its input are those of the two models
        reduction: "mean", "sum", or another that the loss has and that gives one number
        wanted: what else to report of the difference: groups, the largest ones
        parameters: as `evaluate` takes them, as all others

    Raises:
        UsageError: for parameters that the loss does not take, or out of their range
        DataError: for files that cannot be read, and data that the loss cannot take

    Example:
        >>> from losscli import compare
        >>> comparison = compare("mse", [1.0, 2.0], [1.0, 3.0], [1.0, 1.0])
        >>> comparison.difference, comparison.wins
        (1.5, (0.5, 0.0))
    """
    execution = Execution(broadcast, check, strict, on_nan, threads)
    a_request, b_request = models(find(loss), a, inputs, reduction, parameters, wanted, execution)
    return compare_requests(a_request, b_request, on_progress)


def models(
    loss: Loss,
    a: Any,
    inputs: Sequence[Any],
    reduction: str | None,
    parameters: Mapping[str, Any],
    wanted: Wanted,
    execution: Execution,
) -> tuple[Request, Request]:
    """The requests of two models that are compared."""
    if reduction == "none":
        raise UsageError("compare gives one number, and --reduction none many")
    if loss.pool is not None:
        raise UsageError(f"compare pairs losses of elements, and {loss.name} has none")
    if any(not option.in_comparison and option.name in wanted.statistics for option in options()):
        raise UsageError("compare reports groups and the largest differences, and nothing else")
    of_a, of_b = (
        bind(loss, arrays, reduction, given, wanted, execution, in_order=False)
        for arrays, given in _arrays_of_models(loss, a, inputs, parameters)
    )
    return of_a, of_b


def _arrays_of_models(
    loss: Loss, a: Any, inputs: Sequence[Any], parameters: Mapping[str, Any]
) -> Iterator[tuple[tuple[Any, ...], Mapping[str, Any]]]:
    """What each of two models is bound from: an input of its own, or columns of one table."""
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
            f"found one file, and expected two models: A and B as two files, or as columns of one "
            f"table with {option} A_COLUMN {option} B_COLUMN"
        )
    for column in columns:
        yield (a,), {**parameters, f"{first}_column": [column]}


def function(loss: Loss) -> Callable[..., Any]:
    """The Python function of a loss: arrays in, a float64 or an array of them out."""

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
    """The options that the loss's own function lacks, with their defaults."""
    own = inspect.signature(loss.function).parameters
    return [(option.name, option.default) for option in loss.options if option.name not in own]


def _public_docstring(loss: Loss) -> str:
    text = inspect.cleandoc(loss.function.__doc__ or "")
    helps = {option.name: option.help for option in loss.options}
    further = [f"{name}: {helps[name]}" for name, _ in _layout_options(loss)]
    further += [f"{array.name}: {array.help}" for array in COMMON_ARRAYS]
    others = ", ".join(f'"{name}"' for name in loss.reductions if name != "none")
    each = ', or "none" for the loss of each element' if "none" in loss.reductions else ""
    reduction = f"reduction: {others}{each}"
    lines = "".join(f"\n    {line}" for line in [*further, reduction])
    return text.replace("\n\nRaises:", f"{lines}\n\nRaises:", 1)
