"""Errors that a user can cause, each with the exit code of the command line."""

from collections.abc import Sequence


class LosscliError(ValueError):
    """An error that the user can fix. Its text is one line."""

    exit_code = 1


class DataError(LosscliError):
    """The data is wrong, or a file cannot be read or written."""


class KindError(DataError):
    """Valid data of a type that no loss accepts, such as text, lists of lists or records."""


class UsageError(LosscliError):
    """The call is wrong, regardless of what the files contain."""

    exit_code = 2


def option_error(name: str, value: object, expected: str) -> UsageError:
    """The error for an option whose value cannot be used. `name` is the option's Python name."""
    option = name.rstrip("_").replace("_", "-")
    return UsageError(f"--{option}: expected {expected}, found {value!r}")


class GateError(LosscliError):
    """The result exceeds a limit (`--fail-above` or `--fail-if-worse`)."""

    exit_code = 3


class ArrayError(DataError):
    """An array, or one of its elements, is invalid for the loss.

    The error contains the name of the array and, for an element, the position in the block. The
    caller adds the name of the file, because a loss processes blocks and does not know files.
    """

    def __init__(self, array: str, problem: str, position: tuple[int, ...] | None = None) -> None:
        super().__init__(f"{array} {problem}")
        self.array = array
        self.problem = problem
        self.position = position


def shortened(value: object, most: int = 120) -> str:
    """The text of a value, for a message. The middle of a long text is replaced by dots.

    >>> shortened("abcdefghijk", most=9)
    'abc...ijk'
    """
    text = str(value)
    if len(text) <= most:
        return text
    half = (most - 3) // 2
    return f"{text[:half]}...{text[-half:]}"


def quoted(value: object) -> str:
    """A name or a value from a file, quoted and shortened for a message."""
    return shortened(repr(value))


def listed(names: Sequence[str]) -> str:
    """Names for a message: up to six in full, else the first three, the last and the count."""
    if len(names) <= 6:
        return ", ".join(map(shortened, names))
    return f"{listed(names[:3])}, ..., {shortened(names[-1])} ({len(names)})"


def first_line(error: BaseException) -> str:
    """The first line of another library's message, without the source locations that follow."""
    return shortened(str(error).partition("\n")[0], 400)
