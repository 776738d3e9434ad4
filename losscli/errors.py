"""The errors a user can cause, each with the exit code of the command line."""

from collections.abc import Sequence


class LosscliError(ValueError):
    """Anything a user can mend; its text is one line, ready to be shown."""

    exit_code = 1


class DataError(LosscliError):
    """The data is wrong or cannot be read or written."""


class KindError(DataError):
    """Sound data that is of no kind that a loss takes, such as text, lists of lists or records."""


class UsageError(LosscliError):
    """The call is wrong, whatever the files hold."""

    exit_code = 2


def option_error(name: str, value: object, expected: str) -> UsageError:
    """The error for an option whose value cannot be used; `name` may be that of a parameter."""
    option = name.rstrip("_").replace("_", "-")
    return UsageError(f"--{option}: expected {expected}, found {value!r}")


class GateError(LosscliError):
    """The result is worse than was allowed."""

    exit_code = 3


class ArrayError(DataError):
    """An array, or one element of it, cannot be what the loss expects.

    A loss sees blocks and not files: it gives the array's name and, for an element, the position
    in the block. Whoever knows the file adds it.
    """

    def __init__(self, array: str, problem: str, position: tuple[int, ...] | None = None) -> None:
        super().__init__(f"{array} {problem}")
        self.array = array
        self.problem = problem
        self.position = position


def shortened(value: object, most: int = 120) -> str:
    """What a file says, for a message: of what is long the middle is left out.

    >>> shortened("abcdefghijk", most=9)
    'abc...ijk'
    """
    text = str(value)
    if len(text) <= most:
        return text
    half = (most - 3) // 2
    return f"{text[:half]}...{text[-half:]}"


def quoted(value: object) -> str:
    """A name or a value from a file, for a message."""
    return shortened(repr(value))


def listed(names: Sequence[str]) -> str:
    """Names for a message: all of a few, else the first and last ones and how many there are."""
    if len(names) <= 6:
        return ", ".join(map(shortened, names))
    return f"{listed(names[:3])}, ..., {shortened(names[-1])} ({len(names)})"


def first_line(error: Exception) -> str:
    """What another library says, without the places in its code that follow."""
    return shortened(str(error).partition("\n")[0], 400)
