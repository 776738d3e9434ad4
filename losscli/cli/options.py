"""The arguments and options of a command, made from the registry."""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

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

_ARRAYS, _FILES, _LOSS, _DETAIL, _RESULT = "Arrays", "Files", "Loss", "Reports", "Output"

_OUTPUT_HELP = "Write per-element losses to FILE: .npy, .csv, .parquet or .jsonl."
_BY_HELP = (
    "Report the loss of each group, worst first. LABEL is a column, a file of labels, or one of "
    "class, column (of the input) and file. Repeat for combinations."
)
_BY_COLUMN_HELP = "Group by a column, even if it is called class, column or file."
_CLUSTER_HELP = (
    "Count rows with the same value in COLUMN as one sample when the interval is computed."
)
FAIL_ABOVE_HELP = "Exit with code 3 if the loss is above NUMBER."
FAIL_ON_HELP = (
    "Compare the loss, or the upper end of its interval, with --fail-above. [default: loss]"
)
_PART_HELP = "Compute only part K of N. Merge the saved parts with losscli merge."
_SAVE_PART_HELP = "Write the statistics of the part to FILE, as JSON."
RECORD_HELP = "Write what was computed from which files to FILE, for losscli verify."
REPORT_HELP = "Write a page about the result to FILE.html, for a browser, with a record of the run."
_ON_HELP = (
    "Compute on the workers of the Dask scheduler at ADDRESS. With local, start workers on this "
    "machine."
)

_REDUCTION_HELP = "Reduce the losses to one number; none prints each loss."
FORMAT_HELP = (
    f"Print as one of {', '.join(FORMATS)}. [default: table on a terminal, plain in a pipe]"
)
DECIMALS_HELP = "Show N decimals on a terminal. [default: four digits]"
SIGNATURE_HELP = "Show one line that identifies the computation."
QUIET_HELP = "Hide notes on stderr. Results and warnings remain."

INPUT_FORMAT = f"Read the first file as one of {', '.join(FILE_FORMATS)}. [default: by its name]"

HEADER_HELP = "Treat the first CSV line as column names. [default: detect]"
DELIMITER_HELP = "Split CSV lines at this character, or at 'tab'. [default: detect]"
ANONYMOUS_HELP = "Read s3:// and gs:// objects without credentials."
WHERE_HELP = (
    "Keep only rows where COLUMN is VALUE. COLUMN!=VALUE keeps the other rows. Separate several "
    "values with commas. Repeat for several conditions."
)

# PyTorch's deprecated switches, which `reduction` replaces.
LEGACY = ("size_average", "reduce")


def parameters_of(loss: Loss) -> list[inspect.Parameter]:
    """The parameters of a loss's command."""
    arrays = [parameter for array in loss.inputs for parameter in _array_parameters(loss, array)]
    more = typer.Argument(hidden=True)
    return [
        *arrays,
        _parameter("more", list[str] | None, more, None),
        *_files(loss),
        *map(_option, loss.options),
        *_common(loss),
    ]


def comparison_parameters(loss: Loss) -> list[inspect.Parameter]:
    """The parameters of `compare LOSS`: those of the loss, with a second input, and without options
    that describe the result of one model."""
    first = loss.arrays[0]
    second = typer.Argument(
        metavar="[B]",
        help=f"{first.name} of the second model. Without B, A is a table and -i names a column "
        "of each model.",
    )
    worse = typer.Option(
        "--fail-if-worse",
        help="Exit with code 3 if B is significantly worse than A.",
        rich_help_panel=_DETAIL,
    )
    of_one_model = (option.name for option in options() if not option.in_comparison)
    left_out = {
        *("more", "output", "fail_above", "fail_on", "signature", "part", "save_part", "on"),
        *(first.name, *LEGACY, *of_one_model),
    }
    parameters = [p for p in parameters_of(loss) if p.name not in left_out]
    parameters[0] = _parameter(
        parameters[0].name,
        str,
        typer.Argument(metavar="A", help=f"{first.name} of the first model."),
        inspect.Parameter.empty,
    )
    reductions = tuple(name for name in loss.reductions if name != "none")
    indices = {parameter.name: index for index, parameter in enumerate(parameters)}
    parameters[indices["reduction"]] = _reduction(loss, reductions)
    parameters.insert(1, _parameter("second_argument", str | None, second, None))
    parameters.append(_parameter("fail_if_worse", bool, worse, False))
    return parameters


def _array_parameters(loss: Loss, array: ArrayParameter) -> list[inspect.Parameter]:
    """An argument if the array is required, an option for its file, and one for its columns."""
    option, first = f"--{kebab(array.name)}", loss.arrays[0]
    short = [_SHORT[array.name]] if array.name in _SHORT else []
    file = typer.Option(
        option,
        *([] if array.required else short),
        metavar="FILE" if array.required else "FILE|NUMBERS",
        help=f"Read {array.name.upper()} from this file. Repeat to concatenate files."
        if array.required
        else array.help,
        rich_help_panel=_ARRAYS,
    )
    how = (
        " Give names or globs. Separate them with commas, or repeat the option. An array without "
        f"a file of its own uses columns of {first.name.upper()}."
    )
    name = array.name.replace("_", " ")
    column = typer.Option(
        f"{option}-column",
        *(short if array.required else []),
        metavar="COLUMN",
        help=f"Use these columns as the {name}.{how if array == first else ''}",
        rich_help_panel=_ARRAYS,
    )
    parameters = [
        _parameter(array.name, list[str] | None, file, None),
        _parameter(f"{array.name}_column", list[str] | None, column, None),
    ]
    if array.required:
        argument = typer.Argument(metavar=array.name.upper(), help=array.help)
        parameters.insert(0, _parameter(f"{array.name}_argument", str | None, argument, None))
    return parameters


def _files(loss: Loss) -> list[inspect.Parameter]:
    """The options for reading files and choosing rows."""
    options: dict[str, tuple[str | None, Any, str]] = {
        "id": (
            "COLUMN",
            str | None,
            "Pair rows of several tables by this key. Separate several columns with commas.",
        ),
        "join": (
            "inner",
            Literal[JOINS] | None,
            "Drop rows whose key another table lacks. [default: an error]",
        ),
        "pair": (
            "position",
            Literal[PAIRS] | None,
            "Pair rows by position, even if the tables share a column.",
        ),
        "where": ("COLUMN=VALUE", list[str] | None, WHERE_HELP),
        "keep": (
            "COLUMN",
            list[str] | None,
            "Show this column with each element of --top, --output and -r none. Repeatable.",
        ),
        "skip_missing": (None, bool, "Drop rows that lack a value. [default: an error]"),
        "input_format": (
            "FORMAT",
            str | None,
            INPUT_FORMAT,
        ),
        "header": (None, bool | None, HEADER_HELP),
        "delimiter": ("CHARACTER", str | None, DELIMITER_HELP),
        "anonymous": (None, bool, ANONYMOUS_HELP),
    }
    if loss.is_binary or any(option.name == "class_base" for option in loss.options):
        names = "Name the classes, separated by commas or in a file with one per line."
        options["classes"] = ("NAMES|FILE", str | None, names)
    return [
        _parameter(
            name,
            kind,
            typer.Option(
                _switch_names(name, kind),
                metavar=metavar,
                help=text,
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
    default = f" [default: {option.default}]" if option.several else ""
    info = typer.Option(
        _names(option),
        help=option.help + default,
        metavar=_metavar(option),
        parser=partial(_none_or, option.kind) if option.has_none else None,
        show_default=not (option.several or option.detected) and option.default is not None,
        rich_help_panel=_LOSS,
    )
    kind = list[int] if option.several else option.kind
    has_no_default = option.several or option.detected or option.default is None
    return _parameter(
        option.name,
        kind | None if has_no_default else kind,
        info,
        None if has_no_default else option.default,
    )


def _metavar(option: Option) -> str | None:
    if option.several:
        return "INDEX"
    if option.choices:
        return "|".join(map(str, option.choices))
    if option.kind is bool:
        return None
    metavar = "N" if option.kind is int else "NUMBER"
    return f"{metavar}|{NONE}" if option.has_none else metavar


def _none_or(kind: type[int | float], text: Any) -> Any:
    """A number, or the text `none`; Python's None means that the option was not given."""
    return text if text == NONE else _number(kind, text, f" or {NONE}")


def _number(kind: type[int | float], text: Any, alternative: str = "") -> Any:
    """The number that a text contains. Raises ValueError if the text is not a number."""
    try:
        return kind(text)
    except ValueError as error:
        expected = "a whole number" if kind is int else "a number"
        raise ValueError(f"expected {expected}{alternative}, found {text!r}") from error


def _names(option: Option) -> str:
    name = kebab(option.name)
    return f"--{name}/--no-{name}" if option.kind is bool else f"--{name}"


def _common(loss: Loss) -> list[inspect.Parameter]:
    """The options of every loss."""
    format_name = typer.Option(
        "--format", "-f", metavar="FORMAT", help=FORMAT_HELP, rich_help_panel=_RESULT
    )
    threads = typer.Option(
        "--threads",
        "-j",
        metavar="N",
        help="Use N threads. The result does not depend on N. [default: one per core]",
        rich_help_panel=_RESULT,
    )
    on_nan = typer.Option(
        "--on-nan",
        metavar="warn|error|skip",
        help="Warn about NaN losses, stop at the first, or skip them.",
        rich_help_panel=_RESULT,
    )
    decimals = typer.Option(
        "--decimals",
        metavar="N",
        help=DECIMALS_HELP,
        rich_help_panel=_RESULT,
    )
    broadcast = "Let input and target broadcast to more elements than either has."
    return [
        *_details(loss),
        _reduction(loss, loss.reductions),
        _parameter("format", Literal[FORMATS] | None, format_name, None),
        _parameter("decimals", int | None, decimals, None),
        *([_switch("broadcast", broadcast)] if loss.broadcasts else []),
        _parameter("threads", int | None, threads, None),
        _parameter("on_nan", Literal["warn", "error", "skip"], on_nan, "warn"),
        _switch("no_check", "Skip the checks for common mistakes in the input."),
        _switch("strict", "Treat warnings about suspicious input as errors."),
        _switch("quiet", QUIET_HELP, "-q"),
        *(_legacy_switch(name) for name in LEGACY),
    ]


def _reduction(loss: Loss, reductions: tuple[str, ...]) -> inspect.Parameter:
    option = typer.Option(
        "--reduction",
        "-r",
        metavar="|".join(reductions),
        help=_REDUCTION_HELP if "none" in reductions else "Reduce the losses to one number.",
        rich_help_panel=_RESULT,
    )
    return _parameter("reduction", Literal[reductions], option, loss.default_reduction)


def _details(loss: Loss) -> list[inspect.Parameter]:
    """The options for output files, reports and the gate."""
    details = {
        "output": (str | None, None, ["-o"], "FILE", _OUTPUT_HELP),
        "by": (list[str] | None, None, [], "LABEL", _BY_HELP),
        "by_column": (list[str] | None, None, [], "COLUMN", _BY_COLUMN_HELP),
        "cluster": (str | None, None, [], "COLUMN", _CLUSTER_HELP),
        **{option.name: _of_statistic(option) for option in _options_of_statistics(loss)},
        "digest": (bool, False, [], None, "Report the SHA-256 of every file read."),
        "signature": (bool, False, [], None, SIGNATURE_HELP),
        "fail_above": (float | None, None, [], "NUMBER", FAIL_ABOVE_HELP),
        "fail_on": (Literal["loss", "upper"] | None, None, [], "loss|upper", FAIL_ON_HELP),
        "record": (str | None, None, [], "FILE", RECORD_HELP),
        "report": (str | None, None, [], "FILE", REPORT_HELP),
        "part": (str | None, None, [], "K/N", _PART_HELP),
        "save_part": (str | None, None, [], "FILE", _SAVE_PART_HELP),
        "on": (str | None, None, [], "ADDRESS|local", _ON_HELP),
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
    supported = {
        "all": True,
        "classes": any(option.name == "class_base" for option in loss.options),
        "probabilities": loss.temper is not None,
    }
    return [option for option in options() if supported[option.for_losses]]


def _of_statistic(option: StatisticOption) -> tuple[Any, Any, list[str], str | None, str]:
    """The type, default, short names, metavar and help of the option of a statistic."""
    if option.kind is bool:
        return bool, False, [], None, option.help
    kind = str if option.kind is tuple else option.kind
    return kind | None, None, [], option.metavar, option.help


def _legacy_switch(name: str) -> inspect.Parameter:
    option = kebab(name)
    info = typer.Option(f"--{option}/--no-{option}", hidden=True)
    return _parameter(name, bool | None, info, None)


def _switch(name: str, text: str, *short: str) -> inspect.Parameter:
    info = typer.Option(f"--{kebab(name)}", *short, help=text, rich_help_panel=_RESULT)
    return _parameter(name, bool, info, False)


def _parameter(name: str, kind: Any, info: Any, default: Any) -> inspect.Parameter:
    """A keyword parameter. If its type includes int or float, its text is parsed as a number."""
    kinds = [kind, *get_args(kind), *(k for part in get_args(kind) for k in get_args(part))]
    number = next((k for k in (int, float) if k in kinds), None)
    if number is not None and info.parser is None:
        info.parser = partial(_number, number)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, info],
    )
