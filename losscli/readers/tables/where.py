"""Where: a condition on the rows of a table."""

from __future__ import annotations

import re
from typing import NamedTuple

from losscli.errors import UsageError


class Where(NamedTuple):
    """A condition on the rows of the table that has the column. Rows match if the column has one of
    the values, or, if `negated`, none of the values.

    >>> Where.parsed("split=test,dev")
    Where(column='split', values=('test', 'dev'), negated=False)
    """

    column: str
    values: tuple[str, ...]
    negated: bool = False

    @classmethod
    def parsed(cls, text: str) -> Where:
        """Parse a condition such as `split=test` or `fold!=0,1`. Raises UsageError if the text is
        not a condition."""
        match = re.fullmatch(r"(.+?)(!?=)(.*)", text, re.DOTALL)
        if match is None:
            raise UsageError(
                f"--where {text!r}: expected COLUMN=VALUE or COLUMN!=VALUE, with commas between "
                "several values"
            )
        return cls(match[1], tuple(match[3].split(",")), match[2] == "!=")

    def __str__(self) -> str:
        return f"{self.column}{'!=' if self.negated else '='}{','.join(self.values)}"
