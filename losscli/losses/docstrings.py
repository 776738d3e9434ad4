"""Parse the docstring of a loss: its summary, formula, symbols, parameters and source."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from losscli.errors import LosscliError

_PYTORCH = "torch.nn.functional."


@dataclass(frozen=True)
class Source:
    """The definition of a loss: a function of another package, a paper or a formula.

    `references` are a URL and papers. `str` returns the name.
    """

    name: str
    references: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name

    @property
    def is_pytorch(self) -> bool:
        """Whether it is a function of torch.nn.functional."""
        return self.name.startswith(_PYTORCH)

    @property
    def short(self) -> str:
        """The name, without the module of a PyTorch function."""
        return self.name.removeprefix(_PYTORCH)


def docstring_of(function: Callable[..., Any]) -> str:
    if sys.flags.optimize > 1:
        raise LosscliError(
            "losscli needs docstrings. Run it without python -OO and without PYTHONOPTIMIZE=2."
        )
    return inspect.cleandoc(function.__doc__ or "")


def summary(docstring: str) -> str:
    """The first line."""
    return docstring.partition("\n")[0]


def formula(docstring: str) -> str:
    """The first indented lines. Raises TypeError if there are none."""
    return _search(r"\n\n((?:    \S.*\n)+)", docstring)


def symbols(docstring: str) -> str:
    """The paragraph below the formula, which explains its symbols."""
    return " ".join(_search(r"\n\n(?:    \S.*\n)+\n((?:(?!\w+:)\S.*\n)*)", docstring).split())


def source(docstring: str) -> Source:
    """The source: the name after `Source:`, and the lines below the name as references."""
    name, *references = _search(r"^Source: ((?:.+(?:\n|\Z))+)", docstring).splitlines()
    return Source(name, tuple(references))


def parameter_help(docstring: str) -> dict[str, str]:
    """The text of each parameter in the section `Args:`; empty if there is no such section."""
    if "\nArgs:\n" not in docstring:
        return {}
    section = _search(r"\nArgs:\n((?:    .*(?:\n|\Z))+)", docstring)
    entries = re.split(r"^(\w+): ", inspect.cleandoc(section), flags=re.MULTILINE)[1:]
    texts = (" ".join(text.split()) for text in entries[1::2])
    return dict(zip(entries[0::2], texts, strict=True))


def _search(pattern: str, docstring: str) -> str:
    match = re.search(pattern, docstring, flags=re.MULTILINE)
    if match is None:
        raise TypeError(f"a loss's docstring lacks {pattern!r}:\n{docstring}")
    return inspect.cleandoc(match[1])
