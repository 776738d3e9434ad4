"""The words of a command: its options, made from the registry, and what was given with them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from losscli.losses import kebab
from losscli.losses.options import NONE
from losscli.readers import JOINS, PAIRS
from losscli.readers.formats import FORMATS as FILE_FORMATS
from losscli.report import FORMATS
from losscli.statistics import options

if TYPE_CHECKING:
    from losscli.losses.arrays import ArrayParameter
    from losscli.losses.options import Option
    from losscli.losses.registry import Loss
    from losscli.statistics.statistic import Option as StatisticOption

_SHORT = {"input": "-i", "target": "-t", "weight": "-w"}

_ARRAYS, _FILES, _LOSS, _DETAIL, _RESULT = "Arrays", "Files", "Loss", "Detail", "Result"

_OUTPUT_HELP = "Write the loss of each element: .npy, .csv, .parquet or .jsonl."
_BY_HELP = (
    "Report the loss of each group, worst first. LABEL is a column, a file of labels, or one of "
    "class, column (of the input) and file. Repeat for combinations."
)
_BY_COLUMN_HELP = "Like --by, for a column that is called class, column or file."
_CLUSTER_HELP = "What belongs together, as the tokens of a document, counts as one sample."
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
    of_one_model = (one.name for one in options() if not one.in_comparison)
    left_out = {
        *("more", "output", "fail_above", "fail_on", "signature"),
        *(first.name, *LEGACY, *of_one_model),
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
        metavar=_metavar(option),
        parser=partial(_none_or, option.kind) if option.has_none else None,
        show_default=not (option.several or option.detected) and option.default is not None,
        rich_help_panel=_LOSS,
    )
    kind = list[int] if option.several else option.kind
    without = option.several or option.detected or option.default is None
    return _parameter(
        option.name, kind | None if without else kind, info, None if without else option.default
    )


def _metavar(option: Option) -> str | None:
    if option.several:
        return "INDEX"
    if option.has_none:
        return f"<{option.kind.__name__}|{NONE}>"
    return FLAG if option.kind is bool else None


def _none_or(kind: Callable[[str], Any], text: Any) -> Any:
    """The word for None as it is, as None would be an option that was not given."""
    try:
        return text if text == NONE else kind(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is neither a number nor {NONE}") from error


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
    decimals = typer.Option(
        "--decimals",
        metavar="N",
        help="Show N decimals on a terminal. [default: as many as give four digits]",
        rich_help_panel=_RESULT,
    )
    broadcast = "Let input and target broadcast to more elements than either has."
    return [
        _parameter("reduction", Literal[loss.reductions], reduction, loss.default_reduction),
        _parameter("format", Literal[FORMATS] | None, format_name, None),
        _parameter("decimals", int | None, decimals, None),
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
    """What is reported beside the number, where it goes, and when it is too large."""
    details = {
        "output": (str | None, None, ["-o"], "FILE", _OUTPUT_HELP),
        "by": (list[str] | None, None, [], "LABEL", _BY_HELP),
        "by_column": (list[str] | None, None, [], "COLUMN", _BY_COLUMN_HELP),
        "cluster": (str | None, None, [], "COLUMN", _CLUSTER_HELP),
        **{option.name: _of_statistic(option) for option in _options_of_statistics(loss)},
        "digest": (bool, False, [], FLAG, "Report the SHA-256 of every file that was read."),
        "signature": (bool, False, [], FLAG, "Show one line that identifies the computation."),
        "fail_above": (float | None, None, [], "NUMBER", "Exit with 3 if the loss is larger."),
        "fail_on": (Literal["loss", "upper"] | None, None, [], None, _FAIL_ON_HELP),
    }
    return [
        _parameter(
            name,
            kind,
            typer.Option(
                f"--{kebab(name)}", *short, metavar=metavar, help=text, rich_help_panel=_DETAIL
            ),
            default,
        )
        for name, (kind, default, short, metavar, text) in details.items()
    ]


def _options_of_statistics(loss: Loss) -> list[StatisticOption]:
    has_classes = any(option.name == "class_base" for option in loss.options)
    return [one for one in options() if one.for_losses == "all" or has_classes]


def _of_statistic(option: StatisticOption) -> tuple[Any, Any, list[str], str | None, str]:
    """A switch, or an option that takes one word."""
    if option.kind is bool:
        return bool, False, [], FLAG, option.help
    kind = str if option.kind is tuple else option.kind
    return kind | None, None, [], option.metavar, option.help


def _legacy_switch(name: str) -> inspect.Parameter:
    option = kebab(name)
    info = typer.Option(f"--{option}/--no-{option}", hidden=True)
    return _parameter(name, bool | None, info, None)


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


def escaped(text: str) -> str:
    """A sentence for the help, where brackets would be markup."""
    return (text[0].upper() + text[1:]).replace("[", "\\[")
