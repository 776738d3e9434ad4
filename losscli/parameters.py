"""The words of a command: its options, made from the registry, and what was given with them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from losscli.errors import UsageError
from losscli.losses import kebab
from losscli.readers import FORMATS as FILE_FORMATS
from losscli.readers import JOINS, PAIRS
from losscli.report import FORMATS

if TYPE_CHECKING:
    from losscli.actions import Showing
    from losscli.losses.registry import ArrayParameter, Loss, Option

_NUMBER = re.compile(r"\s*[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf(inity)?)\s*", re.IGNORECASE)

_SHORT = {"input": "-i", "target": "-t", "weight": "-w"}

_ARRAYS, _FILES, _LOSS, _DETAIL, _RESULT = "Arrays", "Files", "Loss", "Detail", "Result"

_OUTPUT_HELP = "Write the loss of each element: .npy, .csv, .parquet or .jsonl."
_BY_HELP = (
    "Report the loss of each group, worst first. LABEL is a column, a file of labels, or one of "
    "class, column (of the input) and file. Repeat for combinations."
)
_BY_COLUMN_HELP = "Like --by, for a column that is called class, column or file."
_CLUSTER_HELP = "What belongs together, as the tokens of a document, counts as one sample."
_QUANTILES_HELP = "Such as 0.5,0.9,0.99; at most 0.1 % off."
_FAIL_ON_HELP = "What --fail-above judges: the loss, or the upper end of its interval."

_REDUCTION_HELP = "One number, or the loss of each element."
FORMAT_HELP = f"{', '.join(FORMATS)}; unless given, table on a terminal and plain in a pipe."

INPUT_FORMAT = f"The format of the first file, whatever it is called: {', '.join(FILE_FORMATS)}."

HEADER_HELP = "Treat the first CSV line as column names. [default: detect]"
DELIMITER_HELP = "CSV delimiter: one character, or tab. [default: detect]"
WHERE_HELP = (
    "Keep only rows with this label, or with any other for !=. Separate several values with "
    "commas. May be repeated."
)

# PyTorch's deprecated switches in place of `reduction`.
LEGACY = ("size_average", "reduce")

# In the help, a switch that takes no value.
FLAG = " "


def parameters_of(loss: Loss) -> list[inspect.Parameter]:
    """The parameters of a loss's command."""
    arrays = [one for array in loss.inputs for one in _array_parameters(loss, array)]
    more = typer.Argument(hidden=True)
    return [
        *arrays,
        _parameter("more", list[str] | None, more, None),
        *_files(loss),
        *map(_option, loss.options),
        *_common(loss),
    ]


def comparison_parameters(loss: Loss) -> list[inspect.Parameter]:
    """Those of a loss with a second input, without what tells of one result alone."""
    first = loss.arrays[0]
    second = typer.Argument(
        metavar="[B]",
        help=f"The {first.name} of the second model. Without it, A is a table and -i names a "
        "column of each model.",
    )
    worse = typer.Option(
        "--fail-if-worse",
        metavar=FLAG,
        help="Exit with 3 if B is worse than A by more than chance.",
        rich_help_panel=_DETAIL,
    )
    left_out = {
        *("more", "output", "quantiles", "histogram", "accuracy", "fail_above", "fail_on"),
        *(first.name, *LEGACY),
    }
    parameters = [one for one in parameters_of(loss) if one.name not in left_out]
    parameters[0] = _parameter(
        parameters[0].name,
        str,
        typer.Argument(metavar="A", help=f"The {first.name} of the first model."),
        inspect.Parameter.empty,
    )
    parameters.insert(1, _parameter("second_argument", str | None, second, None))
    parameters.append(_parameter("fail_if_worse", bool, worse, False))
    return parameters


def _array_parameters(loss: Loss, array: ArrayParameter) -> list[inspect.Parameter]:
    """An argument if the array is required, an option for its file and one for its columns."""
    option, first = f"--{kebab(array.name)}", loss.arrays[0]
    short = [_SHORT[array.name]] if array.name in _SHORT else []
    file = typer.Option(
        option,
        *([] if array.required else short),
        metavar="FILE" if array.required else "FILE|NUMBERS",
        help=f"The same as {array.name.upper()}; may be repeated, for a file in several parts."
        if array.required
        else escaped(array.help),
        rich_help_panel=_ARRAYS,
    )
    how = "names or globs, with commas between them; may be repeated. Without a file, columns of "
    column = typer.Option(
        f"{option}-column",
        *(short if array.required else []),
        metavar="COLUMN",
        help=f"Columns of a table to take as {array.name}"
        + (f": {how}{first.name.upper()}." if array == first else "."),
        rich_help_panel=_ARRAYS,
    )
    parameters = [
        _parameter(array.name, list[str] | None, file, None),
        _parameter(f"{array.name}_column", list[str] | None, column, None),
    ]
    if array.required:
        argument = typer.Argument(metavar=array.name.upper(), help=escaped(array.help))
        parameters.insert(0, _parameter(f"{array.name}_argument", str | None, argument, None))
    return parameters


def _files(loss: Loss) -> list[inspect.Parameter]:
    """How files are read, where they do not tell themselves."""
    options: dict[str, tuple[str, Any, str]] = {
        "id": (
            "COLUMN",
            str | None,
            "Pair the rows of several tables by this key: one column, or several with commas.",
        ),
        "join": (
            "inner",
            Literal[JOINS] | None,
            "Leave out rows whose key another table lacks. [default: an error]",
        ),
        "pair": (
            "position",
            Literal[PAIRS] | None,
            "Pair rows by their position, whatever the columns of the tables say.",
        ),
        "where": ("COLUMN=VALUE", list[str] | None, WHERE_HELP),
        "keep": (
            "COLUMN",
            list[str] | None,
            "Show this column with each element in --top, --output and -r none. May be repeated.",
        ),
        "skip_missing": (FLAG, bool, "Leave out rows that lack a value, instead of an error."),
        "input_format": (
            "FORMAT",
            str | None,
            INPUT_FORMAT,
        ),
        "header": (FLAG, bool | None, HEADER_HELP),
        "delimiter": ("CHARACTER", str | None, DELIMITER_HELP),
    }
    if any(option.name == "class_base" for option in loss.options):
        names = "Names of the classes, with commas between them, or a file of one a line."
        options["classes"] = ("NAMES|FILE", str | None, names)
    return [
        _parameter(
            name,
            kind,
            typer.Option(
                _switch_names(name, kind),
                metavar=metavar,
                help=escaped(text),
                rich_help_panel=_FILES,
            ),
            False if kind is bool else None,
        )
        for name, (metavar, kind, text) in options.items()
    ]


def _switch_names(name: str, kind: Any) -> str:
    option = kebab(name)
    return f"--{option}/--no-{option}" if kind == bool | None else f"--{option}"


def _option(option: Option) -> inspect.Parameter:
    unless = f"; {option.default} unless given" if option.several else ""
    info = typer.Option(
        _names(option),
        help=escaped(option.help + unless),
        metavar="INDEX" if option.several else FLAG if option.kind is bool else None,
        show_default=not (option.several or option.detected) and option.default is not None,
        rich_help_panel=_LOSS,
    )
    kind = list[int] if option.several else option.kind
    without = option.several or option.detected or option.default is None
    return _parameter(
        option.name, kind | None if without else kind, info, None if without else option.default
    )


def _names(option: Option) -> str:
    name = kebab(option.name)
    return f"--{name}/--no-{name}" if option.kind is bool else f"--{name}"


def _common(loss: Loss) -> list[inspect.Parameter]:
    """What every loss takes."""
    reduction = typer.Option("--reduction", "-r", help=_REDUCTION_HELP, rich_help_panel=_RESULT)
    format_name = typer.Option(
        "--format", "-f", metavar="FORMAT", help=FORMAT_HELP, rich_help_panel=_RESULT
    )
    threads = typer.Option(
        "--threads",
        "-j",
        metavar="N",
        help="How many threads compute; unless given, one for each core. The result is the same.",
        rich_help_panel=_RESULT,
    )
    on_nan = typer.Option(
        "--on-nan",
        help="What a loss that is NaN does; skip leaves it out.",
        rich_help_panel=_RESULT,
    )
    broadcast = "Let input and target broadcast to more elements than either has."
    return [
        _parameter("reduction", Literal[loss.reductions], reduction, "mean"),
        _parameter("format", Literal[FORMATS] | None, format_name, None),
        *_details(loss),
        *([_switch("broadcast", broadcast)] if loss.broadcasts else []),
        _parameter("threads", int | None, threads, None),
        _parameter("on_nan", Literal["warn", "error", "skip"], on_nan, "warn"),
        _switch("no_check", "Do not look for mistakes in what the arrays hold."),
        _switch("strict", "Take what looks wrong for an error."),
        _switch("quiet", "No notes on stderr on what was chosen.", "-q"),
        *(_legacy_switch(name) for name in LEGACY),
    ]


def _details(loss: Loss) -> list[inspect.Parameter]:
    """What can be told beside the number, where it goes, and when it is too large."""
    options: dict[str, tuple[Any, Any, list[str], str | None, str]] = {
        "output": (str | None, None, ["-o"], "FILE", _OUTPUT_HELP),
        "by": (list[str] | None, None, [], "LABEL", _BY_HELP),
        "by_column": (list[str] | None, None, [], "COLUMN", _BY_COLUMN_HELP),
        "cluster": (str | None, None, [], "COLUMN", _CLUSTER_HELP),
        "top": (int | None, None, [], "K", "The K worst elements, with their index."),
        "quantiles": (str | None, None, [], "SHARES", _QUANTILES_HELP),
        "histogram": (bool, False, [], FLAG, "How the losses are distributed."),
        "accuracy": (bool, False, [], FLAG, "How often the largest input is the target."),
        "digest": (bool, False, [], FLAG, "The SHA-256 of every file that was read."),
        "fail_above": (float | None, None, [], "NUMBER", "Exit with 3 if the loss is larger."),
        "fail_on": (Literal["loss", "upper"] | None, None, [], None, _FAIL_ON_HELP),
    }
    if not any(option.name == "class_base" for option in loss.options):
        del options["accuracy"]
    return [
        _parameter(
            name,
            kind,
            typer.Option(
                f"--{kebab(name)}", *short, metavar=metavar, help=text, rich_help_panel=_DETAIL
            ),
            default,
        )
        for name, (kind, default, short, metavar, text) in options.items()
    ]


def _legacy_switch(name: str) -> inspect.Parameter:
    option = kebab(name)
    info = typer.Option(f"--{option}/--no-{option}", hidden=True)
    return _parameter(name, bool | None, info, None)


def legacy_reduction(size_average: bool | None, reduce: bool | None) -> str:
    """What PyTorch's deprecated switches stand for."""
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


def _switch(name: str, text: str, *short: str) -> inspect.Parameter:
    info = typer.Option(
        f"--{kebab(name)}", *short, metavar=FLAG, help=text, rich_help_panel=_RESULT
    )
    return _parameter(name, bool, info, False)


def _parameter(name: str, kind: Any, info: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, info],
    )


def given_arrays(loss: Loss, words: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The arrays in their order, and all else that was given."""
    words["check"] = not words.pop("no_check")
    given = {name: value for name, value in words.items() if value is not None}
    first, *others = (f"{array.name}_argument" for array in loss.arrays)
    arguments = [given.pop(name, None) for name in (first, "second_argument", *others)]
    arguments += given.pop("more", [])
    given |= {
        array.name: _one_array(given[array.name]) for array in loss.inputs if array.name in given
    }
    return [_array(word) for word in arguments if word is not None], given


def showing_of(words: dict[str, Any]) -> Showing:
    from losscli.actions import Gate, Showing  # noqa: PLC0415

    above, on = words.pop("fail_above", None), words.pop("fail_on", None)
    if above is None and on is not None:
        raise UsageError(f"--fail-on {on} says what --fail-above judges, and that is missing")
    gate = None if above is None else Gate(above, on or "loss")
    return Showing(words.pop("format"), words.pop("output", None), gate, words.pop("quiet"))


def wanted_of(words: dict[str, Any]) -> dict[str, Any]:
    """What is to be told beside the number."""
    quantiles, top = words.pop("quantiles", None), words.pop("top")
    if top is not None and top < 1:
        raise UsageError(f"--top is {top}; expected at least 1")
    return {
        "by": _parts(words.pop("by")),
        "by_column": tuple(words.pop("by_column") or ()),
        "cluster": words.pop("cluster"),
        "accuracy": words.pop("accuracy", False),
        "top": top or 0,
        "quantiles": _parts(None if quantiles is None else [quantiles]),
        "histogram": words.pop("histogram", False),
        "digest": words.pop("digest"),
    }


def _parts(texts: Sequence[str] | None) -> tuple[str, ...]:
    """What stands between the commas of each."""
    return tuple(part.strip() for text in texts or () for part in text.split(","))


def _one_array(words: list[str]) -> str | list[float] | list[str]:
    """What an option was given: numbers, a path, or the paths of several parts."""
    return _array(words[0]) if len(words) == 1 else words


def _array(text: str) -> str | list[float]:
    """Numbers with commas between them are an array, anything else is a path."""
    return [float(part) for part in text.split(",")] if is_numbers(text) else text


def is_numbers(text: str) -> bool:
    return all(_NUMBER.fullmatch(part) for part in text.split(","))


def escaped(text: str) -> str:
    """A sentence for the help, where brackets would be markup."""
    return (text[0].upper() + text[1:]).replace("[", "\\[")
