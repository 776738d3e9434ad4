"""The list of losses that the command line reads instead of importing them.

    python tests/catalogue.py

writes it anew; a test fails where it differs from what the families hold.
"""

from __future__ import annotations

import json
from importlib import import_module
from pkgutil import iter_modules

from conftest import ROOT

from losscli import losses
from losscli.losses.registry import REGISTERED

CATALOGUE = ROOT / "losscli" / "losses" / "catalogue.py"

HEAD = '''"""What `losscli --help` says of the losses. Made by tests/catalogue.py, not by hand."""

from typing import Literal

# The groups of losses in the help.
Group = Literal["classification", "regression", "ranking"]

# The name, the alias, the module of the family, the group and the summary.
ROWS: list[tuple[str, str | None, str, Group, str]] = [
'''


def main() -> None:
    CATALOGUE.write_text(catalogue(), encoding="utf-8")


def catalogue() -> str:
    """The file, by what the families register."""
    families = [f"{losses.__name__}.{module.name}" for module in iter_modules(losses.__path__)]
    for family in families:
        import_module(family)
    rows = (
        (one.name, one.alias, family, one.group, one.summary)
        for family in families
        for one in REGISTERED.values()
        if one.function.__module__ == family
    )
    return f"{HEAD}{''.join(map(_written, rows))}]\n"


def _written(row: tuple[str | None, ...]) -> str:
    cells = ("None" if cell is None else json.dumps(cell, ensure_ascii=False) for cell in row)
    return "".join(["    (\n", *(f"        {cell},\n" for cell in cells), "    ),\n"])


if __name__ == "__main__":
    main()
