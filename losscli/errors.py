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


def listed(names: Sequence[str]) -> str:
    """Names for a message: all of a few, else the first and last ones and how many there are."""
    if len(names) <= 6:
        return ", ".join(names)
    return f"{', '.join(names[:3])}, ..., {names[-1]} ({len(names)})"


def first_line(error: Exception) -> str:
    """What another library says, without the places in its code that follow."""
    return str(error).partition("\n")[0]
