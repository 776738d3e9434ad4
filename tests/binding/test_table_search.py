"""A random search for tables for which losscli prints a wrong number.

Each search draws tables, a command and the expected number. The command must print that number or
fail with exit code 1 and one line. `LOSSCLI_SEARCHES=5000 pytest -m slow -rP` on this file searches
for longer and shows the counts. `LOSSCLI_FIRST_SEARCH=123 LOSSCLI_SEARCHES=1` repeats one search.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random

import numpy as np
import pytest
from conftest import Run
from tables import (
    Columns,
    Numbers,
    absolute,
    as_list,
    binary,
    brier,
    cross_entropy,
    divergence,
    log_loss,
    softmax,
    squared,
    write_file,
)

SEARCHES = int(os.environ.get("LOSSCLI_SEARCHES", "300"))
FIRST_SEARCH = int(os.environ.get("LOSSCLI_FIRST_SEARCH", "0"))
LEAST_ANSWERED = 0.4
MOST_SHOWN = 3  # the number of wrong results that a failure shows in full

Formula = Callable[[Numbers, Numbers], float]


# ------------------------------------------------------------------ what is drawn


@dataclass(frozen=True)
class Problem:
    """The arrays of a loss, the names of their columns and the options that choose them.

    `input_known` and `target_known`: a name or an option determines the columns. `in_order`: the
    columns must keep their order, because their names do not determine it.
    """

    loss: str
    options: tuple[str, ...]
    x: Numbers
    y: Numbers
    inputs: Columns
    targets: Columns
    formula: Formula
    input_known: bool
    target_known: bool
    input_glob: str | None = None
    target_glob: str | None = None
    in_order: bool = False

    @property
    def rows(self) -> int:
        return len(self.x)

    @property
    def all_known(self) -> bool:
        return self.input_known and self.target_known

    @property
    def has_several_targets(self) -> bool:
        return len(self.targets) > 1


@dataclass(frozen=True)
class Pairing:
    """How the rows of two tables are paired.

    `first` and `second` are the rows of the problem that each table contains, in its order. `meant`
    are the rows of the input and of the target that the expected number is computed from.
    """

    first: Sequence[int]
    second: Sequence[int]
    meant: tuple[Sequence[int], Sequence[int]]
    options: tuple[str, ...] = ()
    keys: dict[str, Sequence[object]] = field(default_factory=dict)
    sides: tuple[bool, bool] = (True, True)


@dataclass(frozen=True)
class Search:
    """Tables by file name, a command, and the expected number."""

    seed: int
    files: dict[str, Columns]
    command: list[str]
    number: float


def draw(seed: int) -> Search:
    """The search with this seed."""
    rng = Random(seed)
    kinds = [draw_classes, draw_single, draw_several]
    problem = rng.choices(kinds, [5, 4, 4])[0](rng)
    is_pair = chance(rng, 0.65)
    problem = name_columns(rng, problem, is_pair)
    if is_pair:
        return draw_pair(rng, seed, problem)
    return draw_table(rng, seed, problem)


def chance(rng: Random, probability: float) -> bool:
    return rng.random() < probability


# ------------------------------------------------------------------ losses over classes

NAMES = ["cat", "dog", "bird", "fish", "horse"]
TARGETS = ["label", "labels", "target", "y", "y_true", "Label", "truth", "obs", "actual"]
ODD_TARGETS = ["quality", "Survived", "SalePrice"]
LISTS = {
    "ce": ["logits", "output", "logit"],
    "nll": ["probability", "probs_list", "prediction"],
    "brier": ["probability", "probs_list", "prediction"],
}
OF_CLASSES: dict[str, Formula] = {"ce": cross_entropy, "nll": log_loss, "brier": brier}


def draw_classes(rng: Random) -> Problem:
    """Cross-entropy of logits, or the log loss or the Brier score of probabilities."""
    count = rng.randint(2, 5)
    rows = rng.randint(3 * count, 40)
    numbers = np.random.default_rng(rng.randrange(1 << 30))
    x = numbers.normal(scale=2, size=(rows, count)).round(3)
    labels = draw_labels(rng, rows, count)
    loss = rng.choice(["ce", "ce", "nll", "brier"])
    if loss != "ce":
        x = softmax(x)
    names, written, glob = draw_class_names(rng, count)
    inputs: Columns = dict(zip(names, x.T, strict=True))
    if chance(rng, 0.15):
        name = rng.choice(LISTS[loss])
        inputs, glob, written = {name: x}, None, [*range(count)]
    elif loss == "ce" and chance(rng, 0.15):
        inputs, x = with_whole_numbers(inputs, x, rng.randrange(count))
    targets, target_known = draw_target(rng, [written[label] for label in labels])
    is_default = loss != "nll" and chance(rng, 0.5)
    options = () if is_default else ("--from", "logits" if loss == "ce" else "probs")
    formula = OF_CLASSES[loss]
    return Problem(loss, options, x, labels, inputs, targets, formula, True, target_known, glob)


def draw_labels(rng: Random, rows: int, count: int) -> Numbers:
    """Class indices. Every class occurs, since the column of an absent class could be any
    column."""
    some = rng.choices(range(count), k=rows - 3 * count)
    return np.array(shuffled(rng, [*range(count), *range(count), *range(count), *some]))


def draw_class_names(rng: Random, count: int) -> tuple[list[str], list[object], str | None]:
    """The names of the columns, the label of each in the target, and a glob that matches them."""
    stem = rng.choice(["logit_", "p_", "prob_", "c", "x.", "", ".pred_", "class "])
    glob = f"{stem}[-0-9]*" if stem in ("", "c") else f"{stem}*"
    style = rng.choice(["from 0", "from 0", "from 1", "names", "gaps"])
    if style == "names":
        stem = rng.choice(["", "p_", ".pred_", "prob."])
        return (
            [stem + name for name in NAMES[:count]],
            [*NAMES[:count]],
            f"{stem}*" if stem else None,
        )
    if style == "gaps":
        first, step = rng.choice([(3, 1), (1, 4), (-1, 2)])
        numbers = [first + step * number for number in range(count)]
        return [str(number) for number in numbers], [*numbers], "[-0-9]*"
    first = int(style[-1])
    numbers = list(range(first, first + count))
    return [f"{stem}{number}" for number in numbers], [*numbers], glob


def with_whole_numbers(inputs: Columns, x: Numbers, column: int) -> tuple[Columns, Numbers]:
    """The problem with one column of whole numbers, written as whole numbers."""
    whole = x.copy()
    whole[:, column] = x[:, column].round()
    name = list(inputs)[column]
    return {**inputs, name: whole[:, column].astype(int)}, whole


def draw_target(rng: Random, values: list[object]) -> tuple[Columns, bool]:
    """The target's column, and whether its name identifies it as a target."""
    known = chance(rng, 0.8)
    name = rng.choice(TARGETS if known else ODD_TARGETS)
    if isinstance(values[0], int) and chance(rng, 0.15):
        values = [float(str(value)) for value in values]
    return {name: values}, known


# ------------------------------------------------------------------ losses of elements

PREDICTIONS = ["pred", "prediction", "predictions", "predicted", "y_pred", "yhat", ".pred"]
ODD_PREDICTIONS = ["rentals", "model_a", "value"]
FORMULAS: dict[str, Formula] = {"mse": squared, "l1": absolute, "bce": binary, "brier": squared}


def draw_single(rng: Random) -> Problem:
    """A loss of one column of predictions and one column of targets."""
    loss = rng.choice(list(FORMULAS))
    x, y = draw_elements(rng, loss, (rng.randint(5, 40), 1))
    known = chance(rng, 0.75)
    name = rng.choice(PREDICTIONS if known else ODD_PREDICTIONS)
    targets, target_known = draw_target(rng, as_list(y[:, 0]))
    if not (known or target_known) and chance(rng, 0.5):
        targets = {name: y[:, 0]}  # as on Kaggle: the same name in both files
    formula = FORMULAS[loss]
    return Problem(loss, (), x, y, {name: x[:, 0]}, targets, formula, known, target_known)


def draw_elements(rng: Random, loss: str, shape: tuple[int, int]) -> tuple[Numbers, Numbers]:
    """Inputs and targets for the loss, as real or whole numbers."""
    numbers = np.random.default_rng(rng.randrange(1 << 30))
    if loss in ("bce", "brier"):
        return numbers.uniform(0.02, 0.98, shape).round(3), numbers.integers(0, 2, shape)
    if chance(rng, 0.4):
        return numbers.integers(0, 90, shape), numbers.integers(0, 90, shape)
    return numbers.normal(size=shape).round(3), numbers.normal(size=shape).round(3)


TOPICS = ["toxic", "obscene", "threat", "insult", "hate"]
FORMS = ["{}", "{}", "{}", "p_{}", "pred.{}", "{}_score", "prob {}"]


def draw_several(rng: Random) -> Problem:
    """A loss of several columns and as many targets, paired by name."""
    loss = rng.choice(["bce", "bce", "mse", "l1", "kl-div", "kl-div"])
    count, rows = rng.randint(2, 5), rng.randint(5, 40)
    names = [*rng.choice([TOPICS, NAMES])[:count]]
    is_bare = chance(rng, 0.1)
    if is_bare:
        names = [str(number) for number in range(count)]
    one, other = rng.sample([rng.choice(FORMS), "{}"], 2)
    inputs, targets = ([form.format(name) for name in names] for form in (one, other))
    globs = [form.format("*") if form != "{}" else None for form in (one, other)]
    x, y, options, formula = draw_several_values(rng, loss, (rows, count))
    return Problem(
        loss,
        options,
        x,
        y,
        dict(zip(inputs, x.T, strict=True)),
        dict(zip(targets, y.T, strict=True)),
        formula,
        input_known=False,
        target_known=False,
        input_glob=globs[0],
        target_glob=globs[1],
        in_order=is_bare,
    )


def draw_several_values(
    rng: Random, loss: str, shape: tuple[int, int]
) -> tuple[Numbers, Numbers, tuple[str, ...], Formula]:
    """Inputs, targets, the options that describe them, and the formula."""
    if loss != "kl-div":
        return *draw_elements(rng, loss, shape), (), FORMULAS[loss]
    numbers = np.random.default_rng(rng.randrange(1 << 30))
    x, y = (softmax(numbers.normal(size=shape)) for _ in range(2))
    if chance(rng, 0.5):
        return x, y, ("--from", "probs"), lambda p, q: divergence(np.log(p), q)
    return np.log(x), y, (), divergence


# ------------------------------------------------------------------ -i and -t


def name_columns(rng: Random, problem: Problem, is_pair: bool) -> Problem:
    """The problem with or without the options that name its columns."""
    if is_pair or not problem.has_several_targets:
        names_input, names_target = chance(rng, 0.35), chance(rng, 0.35)
    else:
        names_input = names_target = True
    if not is_pair and set(problem.inputs) & set(problem.targets):
        problem = with_other_targets(problem)
    if not is_pair and not problem.all_known:  # otherwise most commands would be refused
        names_input = names_input or not problem.input_known
        names_target = names_target or not problem.target_known
    if names_input:
        words = draw_option(rng, "-i", problem.inputs, problem.input_glob)
        problem = replace(problem, options=(*problem.options, *words), input_known=True)
    if names_target:
        words = draw_option(rng, "-t", problem.targets, problem.target_glob)
        problem = replace(problem, options=(*problem.options, *words), target_known=True)
    return problem


def with_other_targets(problem: Problem) -> Problem:
    """The problem with other target names, so that both arrays fit into one table."""
    targets = {f"y_{name}": column for name, column in problem.targets.items()}
    return replace(problem, targets=targets, target_glob="y_*")


def draw_option(rng: Random, option: str, names: Columns, glob: str | None) -> list[str]:
    """The option with a list, with a glob, or repeated."""
    if glob is not None and chance(rng, 0.4):
        return [option, glob]
    if chance(rng, 0.2):
        return [word for name in names for word in (option, name)]
    return [option, ",".join(names)]


# ------------------------------------------------------------------ keys and rows

LISTED_KEYS = [*("id", "Id", "ids", "user_id", "PassengerId", "row", "rowIndex", "uid", "index")]
OTHER_KEYS = ["sample", "name", "key"]
UNNAMED = "unnamed"


def draw_key(rng: Random, problem: Problem, names_key: bool) -> tuple[str, list[object]]:
    """The name of a key and its values, each once.

    A key without a usual name is text if it could be data, since both tables have a second column
    like it.
    """
    name = rng.choice([*LISTED_KEYS, *([] if names_key else [UNNAMED]), *OTHER_KEYS])
    numbers: list[object] = [*rng.sample(range(100, 200), problem.rows)]
    if chance(rng, 0.5):
        numbers.sort(key=str)
    kind = rng.choice(["whole", "whole", "text", "float"])
    if name in OTHER_KEYS and (kind == "float" or not problem.all_known) and not names_key:
        kind = "text"
    if kind == "text":
        return name, [f"row-{number}" for number in numbers]
    return name, [float(str(number)) for number in numbers] if kind == "float" else numbers


def draw_pairing(rng: Random, problem: Problem) -> Pairing:
    """The order of the rows of two tables, and the option that pairs them."""
    kinds = [same_rows, rows_by_key, rows_by_position, joined_rows, undecided_rows]
    return rng.choices(kinds, [45, 30, 8, 7, 10])[0](rng, problem)


def same_rows(rng: Random, problem: Problem) -> Pairing:
    """The same rows in the same order, with a key in both tables, in one, or in neither."""
    rows = range(problem.rows)
    if chance(rng, 0.3):
        return Pairing(rows, rows, (rows, rows))
    name, keys = draw_key(rng, problem, names_key=False)
    sides = rng.choice([(True, True), (True, True), (True, False), (False, True)])
    return Pairing(rows, rows, (rows, rows), (), {name: keys}, sides)


def rows_by_key(rng: Random, problem: Problem) -> Pairing:
    """The same rows in any order, with --id."""
    name, keys = draw_key(rng, problem, names_key=True)
    rows = range(problem.rows)
    order = rows if chance(rng, 0.25) else shuffled(rng, rows)
    return Pairing(rows, order, (rows, rows), ("--id", name), {name: keys})


def rows_by_position(rng: Random, problem: Problem) -> Pairing:
    """The same rows in another order, with --pair position."""
    name, keys = draw_key(rng, problem, names_key=False)
    rows, order = range(problem.rows), shuffled(rng, range(problem.rows))
    return Pairing(rows, order, (rows, order), ("--pair", "position"), {name: keys})


def joined_rows(rng: Random, problem: Problem) -> Pairing:
    """Each table lacks some rows, with an inner join."""
    name, keys = draw_key(rng, problem, names_key=True)
    rows = shuffled(rng, range(problem.rows))
    first, second = rows[1:], shuffled(rng, rows[:-1])
    both = rows[1:-1]
    return Pairing(first, second, (both, both), ("--id", name, "--join", "inner"), {name: keys})


def undecided_rows(rng: Random, problem: Problem) -> Pairing:
    """The same rows in another order, with a key but without an option."""
    name, keys = draw_key(rng, problem, names_key=False)
    rows, order = range(problem.rows), shuffled(rng, range(problem.rows))
    return Pairing(rows, order, (rows, rows), (), {name: keys})


def shuffled(rng: Random, rows: Sequence[int]) -> list[int]:
    return rng.sample(list(rows), len(rows))


# ------------------------------------------------------------------ further columns

TEXTS = ["comment", "city", "split", "language"]
DATES = ["date", "created", "day"]
NUMBERS = {
    "whole": ["fold", "age", "n_tokens", "year"],
    "float": ["elapsed_s", "price", "latency", "temperature", "confidence"],
    "weight": ["weight", "sample_weight"],
    "boolean": ["is_test", "correct"],
    "constant": ["epoch", "version"],
    "unique": ["image_id", "uuid", "rank"],
    "list": ["embedding", "tokens", "bbox"],
    "stem": ["feature_1", "feature_2", "logit_max", "p_mean"],
}
LIKE_INPUTS = ["score", "y_pred", "fitted", "prediction"]


def draw_extras(rng: Random, problem: Problem, suffix: str, taken: set[str]) -> Columns:
    """Further columns of a table. Names of columns with numbers are added to `taken`."""
    extras: Columns = {}
    for _ in range(rng.choices(range(4), [4, 4, 2, 1])[0]):
        name, values = draw_extra(rng, problem)
        is_number = not isinstance(values[0], str)
        is_list = isinstance(values[0], list)
        if (is_number and name in taken) or (is_list and suffix == "csv"):
            continue
        if is_matched(problem, name) or name in (*problem.inputs, *problem.targets):
            continue
        if is_number and not problem.all_known:
            taken.add(name)
        extras[name] = values
    return extras


def draw_extra(rng: Random, problem: Problem) -> tuple[str, list[object]]:
    """A further column with a matching name."""
    kind = rng.choice(["text", "text", "date", *NUMBERS, "like input"])
    if kind == "like input" and problem.input_known:
        return rng.choice(LIKE_INPUTS), [rng.random() for _ in range(problem.rows)]
    if kind in ("text", "like input"):
        return rng.choice(TEXTS), rng.choices(["north", "south", "east, west"], k=problem.rows)
    if kind == "date":
        return rng.choice(DATES), [f"2024-01-{rng.randint(1, 28):02d}" for _ in range(problem.rows)]
    return rng.choice(NUMBERS[kind]), draw_numbers(rng, kind, problem.rows)


def draw_numbers(rng: Random, kind: str, rows: int) -> list[object]:
    if kind == "whole":
        return [rng.randint(0, 4) for _ in range(rows)]
    if kind == "boolean":
        return [chance(rng, 0.5) for _ in range(rows)]
    if kind == "constant":
        return [1] * rows
    if kind == "unique":
        return [*rng.sample(range(1000), rows)]
    if kind == "list":
        return [[rng.random() for _ in range(3)] for _ in range(rows)]
    return [round(rng.random(), 3) for _ in range(rows)]


def is_matched(problem: Problem, name: str) -> bool:
    """Whether a glob of the command matches the column."""
    globs = [glob for glob in (problem.input_glob, problem.target_glob) if glob in problem.options]
    return any(fnmatchcase(name, str(glob)) for glob in globs)


# ------------------------------------------------------------------ tables


def draw_pair(rng: Random, seed: int, problem: Problem) -> Search:
    """The input in one table, the target in another table."""
    pairing = draw_pairing(rng, problem)
    taken: set[str] = set()
    sides = [problem.inputs, problem.targets]
    suffixes = draw_suffixes(rng, problem, pairing)
    files: dict[str, Columns] = {}
    for name, columns, rows, has_key, suffix in zip(
        "ab", sides, (pairing.first, pairing.second), pairing.sides, suffixes, strict=True
    ):
        extras = draw_extras(rng, problem, suffix, taken)
        keys = pairing.keys if has_key else {}
        table = in_rows({**keys, **columns, **extras}, rows)
        files[f"{name}.{suffix}"] = arranged(rng, table, suffix, problem)
    x, y = pairing.meant
    number = problem.formula(problem.x[list(x)], problem.y[list(y)])
    options = draw_option_order(rng, problem.options, pairing.options)
    return Search(seed, files, [problem.loss, *files, *options], number)


def draw_table(rng: Random, seed: int, problem: Problem) -> Search:
    """One table with all columns."""
    suffix = draw_suffix(rng, problem.inputs)
    extras = draw_extras(rng, problem, suffix, set())
    keys: Columns = {}
    if chance(rng, 0.5):
        name, values = draw_key(rng, problem, names_key=False)
        keys = {name: values}
    columns = {**keys, **problem.inputs, **problem.targets, **extras}
    file = f"t.{suffix}"
    files = {file: arranged(rng, columns, suffix, problem)}
    number = problem.formula(problem.x, problem.y)
    return Search(seed, files, [problem.loss, file, *problem.options], number)


def draw_suffix(rng: Random, columns: Columns) -> str:
    """A format that can contain the columns. CSV has no lists."""
    has_lists = any(isinstance(as_list(column)[0], list) for column in columns.values())
    return rng.choice(["parquet", "jsonl"] if has_lists else ["csv", "csv", "parquet", "jsonl"])


def draw_suffixes(rng: Random, problem: Problem, pairing: Pairing) -> list[str]:
    """The formats of two tables. Both tables name an index alike only if the formats are equal."""
    if UNNAMED in pairing.keys:
        return [draw_suffix(rng, problem.inputs)] * 2
    return [draw_suffix(rng, columns) for columns in (problem.inputs, problem.targets)]


def draw_option_order(rng: Random, one: tuple[str, ...], other: tuple[str, ...]) -> list[str]:
    return [*one, *other] if chance(rng, 0.5) else [*other, *one]


def arranged(rng: Random, columns: Columns, suffix: str, problem: Problem) -> Columns:
    """The columns in any order, with or without the index of pandas, named as in the format."""
    names = list(columns)
    if not problem.in_order:
        rng.shuffle(names)
    index = {"csv": "", "parquet": "__index_level_0__", "jsonl": "Unnamed: 0"}[suffix]
    table = {index if name == UNNAMED else name: as_list(columns[name]) for name in names}
    if index not in table and suffix != "jsonl" and chance(rng, 0.12):
        rows = [*range(len(table[names[0]]))]
        table = {"": rows, **table} if suffix == "csv" else {**table, index: rows}
    return table


def in_rows(columns: Columns, rows: Sequence[int]) -> Columns:
    lists = {name: as_list(column) for name, column in columns.items()}
    return {name: [column[row] for row in rows] for name, column in lists.items()}


# ------------------------------------------------------------------ the search


@dataclass
class Tally:
    """The number of searches by outcome."""

    answered: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)

    def count(self, search: Search, code: int, out: str, err: str) -> None:
        if code == 0 and is_number(out, search.number):
            self.answered += 1
        elif code == 1 and not out and len(err.splitlines()) == 1 and "internal error" not in err:
            self.refused += 1
        else:
            self.wrong.append(report(search, code, out, err))

    def __str__(self) -> str:
        return f"{self.answered} answered, {self.refused} refused, {len(self.wrong)} wrong"


def is_number(out: str, expected: float) -> bool:
    try:
        return float(out) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    except ValueError:
        return False


def report(search: Search, code: int, out: str, err: str) -> str:
    """The command, the files and both numbers."""
    shown = [f"{name}:\n{as_text(columns)}" for name, columns in search.files.items()]
    lines = [
        f"search {search.seed}: losscli {shlex.join(search.command)}",
        f"exit code {code}, printed {out.strip() or 'nothing'}, meant {search.number!r}",
        err.strip(),
        *shown,
    ]
    return "\n".join(lines)


def as_text(columns: Columns) -> str:
    rows = zip(*columns.values(), strict=True)
    return "\n".join([", ".join(map(repr, columns)), *(", ".join(map(repr, row)) for row in rows)])


@pytest.mark.slow
def test_no_table_gives_a_wrong_number(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tally = Tally()
    for seed in range(FIRST_SEARCH, FIRST_SEARCH + SEARCHES):
        search = draw(seed)
        for name, columns in search.files.items():
            write_file(tmp_path / name, columns)
        tally.count(search, *run(*search.command))
    print(tally)
    if tally.wrong:
        pytest.fail("\n\n".join([str(tally), *tally.wrong[:MOST_SHOWN]]), pytrace=False)
    if SEARCHES >= 100:
        assert tally.answered >= LEAST_ANSWERED * SEARCHES, tally


def test_a_search_is_the_same_each_time() -> None:
    assert repr(draw(7)) == repr(draw(7))
