"""One-line errors for unknown commands and options, with a suggestion."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import typer

from losscli.errors import UsageError
from losscli.losses import LISTED
from losscli.losses.names import MEANT
from losscli.readers.formats import known_format

# The minimum similarity of a name that is suggested.
_NEAR = 0.75

# Options of other tools, and the option to use instead.
_ELSEWHERE = {
    "--sep": "--delimiter",
    "--separator": "--delimiter",
    "--delim": "--delimiter",
    "--label": "-t COLUMN (--target-column)",
    "--labels": "-t COLUMN (--target-column)",
    "--truth": "-t COLUMN (--target-column)",
    "--predictions": "-i COLUMN (--input-column)",
    "--preds": "-i COLUMN (--input-column)",
    "--logits": "-i COLUMN (--input-column)",
    "--group": "--by",
    "--group-by": "--by",
    "--groupby": "--by",
    "--filter": "--where",
    "--key": "--id",
    "--worst": "--top",
    "--top-k": "--top",
    "--ignore": "--ignore-index",
    "--ignore-idx": "--ignore-index",
    "--smoothing": "--label-smoothing",
    "--axis": "--class-axis",
    "--names": "--classes",
    "--class-names": "--classes",
    "--json": "--format json",
    "--csv": "--format csv",
    "--output-format": "--format",
    "--workers": "--threads",
    "--jobs": "--threads",
    "--silent": "--quiet",
    "--precision": "--decimals",
    "--threshold": "--fail-above",
    "--max": "--fail-above",
    "--part": "losscli LOSS for each model: compare has no parts",
    "--save-part": "losscli LOSS for each model: compare has no parts",
    "--on": "losscli LOSS for each model: compare runs on this machine",
    "--record": "the file alone: losscli verify run.json",
    "--ci": "no option: the interval is always shown",
}


def require_command(words: Sequence[str], others: Sequence[str]) -> None:
    """Raise UsageError for an unknown command, with a suggestion. `others` are the commands other
    than losses."""
    compares = words[:1] == ["compare"]
    name = next(iter(words[1:] if compares else words), "-")
    known = [name for listed in LISTED.values() for name in (listed.name, listed.alias) if name]
    if name.startswith("-") or name in known or (not compares and name in others):
        return
    if known_format(name):
        raise UsageError(f"{name} is a file, not a command. Use losscli inspect {name}.")
    plain = name.lower().replace("_", "-")
    meant = MEANT.get(plain) or _meant(plain, known if compares else (*known, *others))
    raise UsageError(f"there is no command {name}. {meant or 'Run losscli --help for a list.'}")


def message_of(error: typer.TyperException) -> str:
    """An error of typer as one line, with a suggestion for an unknown option."""
    message = error.format_message().replace("Value error, ", "")
    option = getattr(error, "option_name", None)  # typer does not export the class of these errors
    if option is not None and hasattr(error, "possibilities"):
        context = getattr(error, "ctx", None)
        parameters = [] if context is None else context.command.params
        return f"there is no option {option}. {_option_meant(option, parameters)}"
    if option is not None:
        return f"{message[0].lower()}{message[1:]}"
    if isinstance(error, typer.BadParameter) and error.param is not None:
        if error.param.param_type_name == "argument":
            return f"{(error.param.metavar or error.param.name).rstrip('.')} is missing"
        forms = getattr(error.param, "opts", ())
        return f"{max(forms, key=len, default='')}: {error.message.replace('Value error, ', '')}"
    return message


def _option_meant(option: str, parameters: Iterable[object]) -> str:
    plain = option.lower().replace("_", "-")
    if plain in _ELSEWHERE:
        return f"Use {_ELSEWHERE[plain]}."
    known = [form for parameter in parameters for form in getattr(parameter, "opts", ())]
    return _meant(plain, known) or "Run the command with --help for a list."


def _meant(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 2, _NEAR)
    return f"Did you mean {' or '.join(near)}?" if near else ""
