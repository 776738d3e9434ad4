"""Everything about a loss follows from its registration. There is no other list of losses."""

from __future__ import annotations

import ast
import doctest
import inspect
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
from catalogue import CATALOGUE, catalogue
from oracle import OTHERS, OURS, reference_of

import losscli
from losscli import text
from losscli.api import function
from losscli.cli.main import main
from losscli.elements import PerElement
from losscli.losses import LISTED, kebab
from losscli.losses.arrays import Array
from losscli.losses.layout.elementwise import same_shape
from losscli.losses.options import Interval
from losscli.losses.registry import LOSSES, REGISTERED, Loss, find, loss
from losscli.statistics.exact import ExactSums
from losscli.statistics.student import t_quantile

PACKAGE = Path(losscli.__file__).parent


@pytest.mark.parametrize("name", LOSSES)
def test_the_example_in_the_docstring(name: str) -> None:
    python_name = LOSSES[name].python_name
    documented = getattr(losscli, python_name)
    test = doctest.DocTestParser().get_doctest(documented.__doc__, {}, python_name, None, 0)
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0


def test_the_examples_of_the_package() -> None:
    others = (losscli.compare, t_quantile, text.printable, text.harmless_cell, text.plain_markdown)
    for documented in (losscli.evaluate, ExactSums, *others):
        names = {documented.__name__: documented, "np": np}
        test = doctest.DocTestParser().get_doctest(
            documented.__doc__ or "", names, "example", None, 0
        )
        assert test.examples
        assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize("name", LOSSES)
def test_the_python_function(name: str) -> None:
    entry = LOSSES[name]
    python = getattr(losscli, entry.python_name)
    parameters = inspect.signature(python).parameters
    names = [one.name for one in (*entry.inputs, *entry.options)]
    assert sorted(parameters) == sorted([*names, "reduction"])
    required = [array.name for array in entry.arrays if array.required]
    for parameter in parameters.values():
        keyword = parameter.kind is parameter.KEYWORD_ONLY
        assert keyword == (parameter.name not in required)
        assert f"    {parameter.name}: " in python.__doc__
    assert entry.python_name in dir(losscli)
    assert entry.python_name in losscli.__all__


@pytest.mark.parametrize("name", LOSSES)
def test_the_help_of_the_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    entry = LOSSES[name]
    assert entry.summary[:30] in text
    for one in (*entry.arrays, *entry.options):
        assert f"--{kebab(one.name)}" in text
    for array in entry.arrays:
        assert f"--{kebab(array.name)}-column" in text
        assert array.name.upper() in text or not array.required


def test_the_list_of_losses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["losses"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header == "loss\tinputs\tformula\tsource\tsummary"
    assert [row.split("\t")[0] for row in rows] == list(LOSSES)
    [nll] = [row for row in rows if row.startswith("nll\t")]
    assert nll.split("\t") == [
        "nll",
        "input target [weight]",
        "-weight[y] · x[y]",
        "torch.nn.functional.nll_loss",
        "Negative log-likelihood of the target class, from log-probabilities.",
    ]


def test_a_public_name_is_made_once_and_no_other_is() -> None:
    for name in losscli.__all__:
        assert getattr(losscli, name) is getattr(losscli, name)
    with pytest.raises(AttributeError, match="module 'losscli' has no attribute 'ce'"):
        _ = losscli.ce


def test_the_parameters_of_the_losses_are_those_of_their_sources() -> None:
    pytest.importorskip("torch")
    for entry in LOSSES.values():
        theirs = inspect.signature(reference_of(entry))
        known = {
            name: parameter
            for name, parameter in theirs.parameters.items()
            if name not in ("size_average", "reduce", "reduction")
        }
        options = [option for option in entry.options if option.name not in OURS]
        ours = {one.name for one in (*entry.arrays, *options)}
        assert ours == set(known) - ({"weight"} if entry.name == "smooth-l1" else set())
        for option in options:
            assert known[option.name].default == option.default


def test_an_option_with_a_default_can_be_switched_off(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """At logits of 0, q = 1/2 and each cost is log 2: (1/2)² log 2, times 0.25 and 0.75, or times
    1."""
    without = 0.25 * math.log(2)
    [alpha] = [option for option in LOSSES["focal"].options if option.name == "alpha"]
    assert (alpha.kind, alpha.default, alpha.optional) == (float, 0.25, True)
    assert losscli.focal([0.0, 0.0], [0, 1], alpha=None) == pytest.approx(without, rel=1e-15)
    assert losscli.focal([0.0, 0.0], [0, 1]) == pytest.approx(without / 2, rel=1e-15)
    for words, expected in (([], without / 2), (["--alpha", "none"], without)):
        assert main(["focal", "0,0", "0,1", *words]) == 0
        assert float(capsys.readouterr().out) == pytest.approx(expected, rel=1e-15)
    assert main(["focal", "0,0", "0,1", "--alpha", "2"]) == 2
    assert "--alpha: expected a number from 0 to 1, found 2.0" in capsys.readouterr().err
    assert main(["focal", "0,0", "0,1", "--alpha", "off"]) == 2
    assert "--alpha: expected a number or none, found 'off'" in capsys.readouterr().err


def test_what_a_loss_measures_follows_from_its_options() -> None:
    nll, ce = LOSSES["nll"], LOSSES["cross-entropy"]
    assert nll.is_log_loss({"from_": "probs"})
    assert ce.is_log_loss({"label_smoothing": 0.0})
    assert not ce.is_log_loss({"label_smoothing": 0.1})
    assert not LOSSES["multi-margin"].is_log_loss({})
    assert [name for name in LOSSES if LOSSES[name].is_squared_error] == ["mse"]
    assert [nll.picks({"from_": kind}) for kind in ("log-probs", "probs", "logits")] == [
        *(True, True),
        False,
    ]
    assert not ce.picks({"from_": "logits"})
    assert ce.kind_of_input({"from_": "probs"}) == "probs"
    assert LOSSES["bce"].kind_of_input({}) == "probs"
    assert LOSSES["l1"].kind_of_input({}) is None


def test_the_source_of_a_loss() -> None:
    for entry in LOSSES.values():
        assert entry.source.is_pytorch == (entry.source.name not in OTHERS)
    assert str(LOSSES["nll"].source) == "torch.nn.functional.nll_loss"
    assert LOSSES["nll"].source.short == "nll_loss"
    focal = LOSSES["focal"].source
    assert str(focal) == focal.short == "torchvision.ops.sigmoid_focal_loss"
    assert focal.references[1] == "Lin et al., Focal Loss for Dense Object Detection, ICCV 2017"
    assert LOSSES["ctc"].source.references == (
        "Graves et al., Connectionist Temporal Classification, ICML 2006",
    )


def test_a_loss_is_found_by_alias_and_with_underscores() -> None:
    assert find("ce") is find("cross_entropy") is find("cross-entropy")
    with pytest.raises(losscli.errors.UsageError, match="no loss is named 'x'. Use one of bce"):
        find("x")


@pytest.fixture
def added() -> Iterator[Loss]:
    """A loss that consists only of a registered function."""

    @loss(group="regression", layout=same_shape)
    def scaled_cosh(
        input: Array, target: Array, *, scale: Annotated[float, Interval(0.0)] = 1.0
    ) -> PerElement:
        """Logarithm of the hyperbolic cosine of the difference.

            log cosh(scale · (x - y))

        Args:
            input: numbers, any shape
            target: numbers, the input's shape
            scale: multiply differences by this

        Source: none
        """
        return PerElement(np.log(np.cosh(scale * (input - target))))

    yield LOSSES["scaled-cosh"]
    for known in (LISTED, REGISTERED):
        del known["scaled-cosh"]


def test_an_added_loss_is_there_at_once(
    added: Loss, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    expected = float(np.log(np.cosh([2.0, 0.0])).mean())
    np.save(tmp_path / "x.npy", [1.0, 2.0])
    assert main(["scaled-cosh", str(tmp_path / "x.npy"), "0,2", "--scale", "2"]) == 0
    assert capsys.readouterr().out == f"{expected!r}\n"
    assert function(added)([1.0, 2.0], [0.0, 2.0], scale=2.0) == expected
    assert losscli.evaluate("scaled_cosh", [1.0, 2.0], [0.0, 2.0], scale=2.0).value == expected
    assert main(["scaled-cosh", "--help"]) == 0
    assert "Multiply differences by this." in capsys.readouterr().out
    assert main(["losses"]) == 0
    assert "log cosh(scale · (x - y))" in capsys.readouterr().out
    assert main(["scaled-cosh", "1", "2", "--scale", "-1"]) == 2
    assert "--scale: expected a number at least 0, found -1.0" in capsys.readouterr().err


def test_the_list_of_commands_is_that_of_the_registry() -> None:
    """If this fails, run tests/catalogue.py."""
    assert CATALOGUE.read_text(encoding="utf-8") == catalogue()


def _words(path: Path) -> set[str]:
    """The names and the complete strings of a source file, without docstrings and comments."""
    words = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Constant(value=str(text)):
                words.add(text)
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                words.add(name)
    return words


def test_no_loss_is_named_outside_its_family() -> None:
    """Except in the suggestions of `losscli inspect`, which have tests of their own."""
    names = {name for entry in LOSSES.values() for name in (entry.name, entry.python_name)}
    for path in set(PACKAGE.rglob("*.py")) - {PACKAGE / "evaluation" / "propose.py"}:
        if path.parent.name != "losses" or path.stem in ("__init__", "layout", "registry"):
            assert not names & _words(path), path


def test_two_losses_of_one_name() -> None:
    """Otherwise the second loss would silently replace the first."""

    def mse(input: Array, target: Array) -> PerElement:
        raise AssertionError

    mse.__doc__ = LOSSES["mse"].function.__doc__
    with pytest.raises(TypeError, match="two losses are called mse"):
        loss(group="regression", layout=same_shape)(mse)
    assert losscli.mse([1.0], [3.0]) == 4.0
