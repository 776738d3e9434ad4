"""Tables as other tools write them: losscli prints the right number, or an error with an option
that helps.

The expected numbers come from the formulas below, never from losscli. A test whose id begins with a
number such as `1.7`, or is named `test_1_7_...`, repeats a fault of version 0.1.
"""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run
from pyarrow import parquet
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

import losscli


@dataclass(frozen=True)
class Case:
    """A command on files, and its expected number or error.

    `value` is the number to print. Without `value`, the command must fail with exit code 1 and one
    line. `says` are patterns that stderr must contain. With `or_error` the command may also refuse,
    but must not print another number. With `fixed` the error must print an option (`-i` or `-t`)
    with which the same command gives the number `fixed`.
    """

    id: str
    files: Mapping[str, Any]
    command: str
    value: float | None = None
    says: tuple[str, ...] = ()
    or_error: bool = False
    fixed: float | None = None


# ------------------------------------------------------------------ files


def savetxt(array: Numbers) -> str:
    """The text that `numpy.savetxt(path, array, delimiter=",")` writes."""
    rows = array.reshape(len(array), -1).tolist()
    return "".join(",".join(f"{cell:.18e}" for cell in row) + "\n" for row in rows)


def in_rows(columns: Columns, order: Sequence[int]) -> Columns:
    """The same rows in another order."""
    return {name: [as_list(column)[row] for row in order] for name, column in columns.items()}


def in_columns(columns: Columns, *names: str) -> Columns:
    """The same columns in another order."""
    assert sorted(names) == sorted(columns)
    return {name: columns[name] for name in names}


def classes(names: Sequence[str], rows: Numbers) -> Columns:
    """A column for each class."""
    return dict(zip(names, rows.T, strict=True))


# ------------------------------------------------------------------ data

RNG = np.random.default_rng(14)
ROWS = 12
ORDER = [7, 2, 9, 0, 11, 4, 1, 10, 6, 3, 8, 5]  # another order of the rows
IDS = 100 + np.arange(ROWS)
WORDS = [f"row-{number}" for number in IDS]
LOGITS = RNG.normal(scale=2, size=(ROWS, 3)).round(3)
PROBS = softmax(LOGITS)
LABELS = np.array([0, 1, 2, 1, 0, 2, 2, 0, 1, 1, 2, 0])
ANIMALS = ["cat", "dog", "bird"]
NAMES = [ANIMALS[label] for label in LABELS]
PREDICTED = [ANIMALS[label] for label in PROBS.argmax(axis=1)]
RENTALS = RNG.integers(10, 90, ROWS)
FORECAST = RENTALS + RNG.integers(-9, 10, ROWS)
REAL = RNG.normal(size=ROWS).round(3)
GUESS = (REAL + RNG.normal(scale=0.5, size=ROWS)).round(3)
TOPICS = ["toxic", "obscene", "threat"]
SCORES = RNG.uniform(0.05, 0.95, (ROWS, 3)).round(3)
SECOND_SCORES = RNG.uniform(0.05, 0.95, (ROWS, 3)).round(3)
TRUTHS = RNG.integers(0, 2, (ROWS, 3))
DISTRIBUTIONS = softmax(RNG.normal(size=(ROWS, 3)))
DAYS = [f"2024-01-{day:02d}" for day in range(1, ROWS + 1)]
SECONDS = RNG.uniform(0, 30, ROWS).round(2)
SHARES = RNG.uniform(0.05, 0.95, ROWS).round(3)
YES = RNG.integers(0, 2, ROWS)
BIG = RNG.normal(scale=2, size=(ROWS, 12)).round(3)
BIG_LABELS = np.array([11, 10, 2, 1, 0, 3, 9, 10, 2, 5, 11, 7])

# ------------------------------------------------------------------ Kaggle

FIRST_DIFFERENCE = (str(IDS[0]), str(IDS[7]), "--id", "--pair position")
SHUFFLED_WORDS = (WORDS[0], WORDS[7], "--id", "--pair position")


def submission(key: str = "id", keys: Any = IDS) -> Columns:
    return {key: keys, "rentals": FORECAST}


def solution(key: str = "id", keys: Any = IDS) -> Columns:
    return {key: keys, "rentals": RENTALS}


def shuffled(columns: Columns) -> Columns:
    return in_rows(columns, ORDER)


KAGGLE = [
    Case(
        "1.1 whole numbers beside the key",
        {"sub.csv": submission(), "sol.csv": solution()},
        "mse sub.csv sol.csv --id id",
        squared(FORECAST, RENTALS),
    ),
    Case(
        "1.1 whole numbers beside the key, shuffled",
        {"sub.csv": submission(), "sol.csv": shuffled(solution())},
        "mse sub.csv sol.csv --id id",
        squared(FORECAST, RENTALS),
    ),
    Case(
        "1.1 the key stands last",
        {"sub.csv": submission(), "sol.csv": in_columns(shuffled(solution()), "rentals", "id")},
        "mse sub.csv sol.csv --id id",
        squared(FORECAST, RENTALS),
    ),
    Case(
        "1.1 Parquet and JSON lines",
        {"sub.parquet": submission("Id"), "sol.jsonl": shuffled(solution("Id"))},
        "mse sub.parquet sol.jsonl --id Id",
        squared(FORECAST, RENTALS),
    ),
    Case(
        "1.1 the same rows need no --id",
        {"sub.csv": submission(), "sol.csv": solution()},
        "mse sub.csv sol.csv",
        squared(FORECAST, RENTALS),
    ),
    Case(
        "1.7 the same ids, text in one file and numbers in the other",
        {"sub.csv": submission(), "sol.parquet": solution()},
        "mse sub.csv sol.parquet",
        squared(FORECAST, RENTALS),
    ),
    Case(
        "no ids at all",
        {"sub.csv": {"rentals": FORECAST}, "sol.csv": {"rentals": RENTALS}},
        "mse sub.csv sol.csv",
        squared(FORECAST, RENTALS),
    ),
    Case(
        "1.2 logits against class indices by key",
        {
            "a.csv": {"id": IDS, "c0": LOGITS[:, 0], "c1": LOGITS[:, 1], "c2": LOGITS[:, 2]},
            "b.csv": shuffled({"id": IDS, "label": LABELS}),
        },
        "ce a.csv b.csv --id id",
        cross_entropy(LOGITS, LABELS),
    ),
    Case(
        "1.2 two classes, so that id and label have the input's shape",
        {
            "a.csv": {"id": IDS, "c0": LOGITS[:, 0], "c1": LOGITS[:, 1]},
            "b.csv": shuffled({"id": IDS, "label": YES}),
        },
        "ce a.csv b.csv --id id",
        cross_entropy(LOGITS[:, :2], YES),
    ),
    Case(
        "1.3 names of classes beside the key",
        {
            "sub.csv": {"id": IDS, **classes(ANIMALS, PROBS)},
            "sol.csv": shuffled({"id": IDS, "label": NAMES}),
        },
        "nll sub.csv sol.csv --from probs --id id",
        log_loss(PROBS, LABELS),
    ),
    Case(
        "1.3 names of classes, columns in another order",
        {
            "sub.csv": {"bird": PROBS[:, 2], "id": IDS, "cat": PROBS[:, 0], "dog": PROBS[:, 1]},
            "sol.csv": {"label": NAMES, "id": IDS},
        },
        "nll sub.csv sol.csv --from probs",
        log_loss(PROBS, LABELS),
    ),
    Case(
        "1.7 --id after the error",
        {"sub.csv": submission(), "sol.csv": shuffled(solution())},
        "mse sub.csv sol.csv --id id --strict",
        squared(FORECAST, RENTALS),
    ),
    Case(
        "1.7 --pair position decides for positions",
        {"sub.csv": submission(), "sol.csv": shuffled(solution())},
        "mse sub.csv sol.csv --pair position",
        squared(FORECAST, RENTALS[ORDER]),
    ),
    *(
        Case(
            f"1.7 shuffled {key or 'unnamed'}",
            {"sub.csv": submission(key), "sol.csv": shuffled(solution(key))},
            "mse sub.csv sol.csv -i rentals -t rentals",
            says=FIRST_DIFFERENCE,
        )
        for key in (
            *("id", "ids", "idx", "index", "row", "row_id", ".row", "rowIndex", "rownames"),
            *("uid", "uuid", "user_id", "PassengerId", "ID", "", "Unnamed: 0"),
        )
    ),
    *(
        Case(
            f"1.7 shuffled {key}, no columns named",
            {"sub.csv": submission(key), "sol.csv": shuffled(solution(key))},
            "mse sub.csv sol.csv",
            says=FIRST_DIFFERENCE,
        )
        for key in ("id", "user_id", "PassengerId")
    ),
    Case(
        "1.7 shuffled uuid of text",
        {"sub.csv": submission("uuid", WORDS), "sol.csv": shuffled(solution("uuid", WORDS))},
        "mse sub.csv sol.csv",
        says=SHUFFLED_WORDS,
    ),
    Case(
        "1.7 shuffled id of floats",
        {"sub.csv": submission("id", IDS * 1.0), "sol.csv": shuffled(solution("id", IDS * 1.0))},
        "mse sub.csv sol.csv",
        says=FIRST_DIFFERENCE,
    ),
    Case(
        "1.7 any column with the same values in another order",
        {"sub.csv": submission("name", WORDS), "sol.csv": shuffled(solution("name", WORDS))},
        "mse sub.csv sol.csv",
        says=SHUFFLED_WORDS,
    ),
    Case(
        "1.7 whole numbers in another order, whatever the name",
        {
            "sub.csv": {"sample": IDS, "pred": GUESS},
            "sol.csv": shuffled({"sample": IDS, "y": REAL}),
        },
        "mse sub.csv sol.csv",
        says=FIRST_DIFFERENCE,
    ),
    Case(
        "1.7 ids that differ, though not in their order",
        {"sub.csv": submission(), "sol.csv": solution("id", IDS + 1000)},
        "mse sub.csv sol.csv",
        says=("100", "1100", "--id", "--pair position"),
    ),
    Case(
        "1.7 one id differs in the last row",
        {"sub.csv": submission(), "sol.csv": solution("id", [*IDS[:-1], 999])},
        "mse sub.csv sol.csv",
        says=("111", "999", "--id", "--pair position"),
    ),
    Case(
        "texts that have nothing to do with each other decide nothing",
        {
            "sub.csv": {"pred": GUESS, "comment": [f"a{row}" for row in range(ROWS)]},
            "sol.csv": {"label": REAL, "comment": [f"b{row}" for row in range(ROWS)]},
        },
        "mse sub.csv sol.csv",
        squared(GUESS, REAL),
    ),
    Case(
        "1.7 a fold in another order",
        {
            "sub.csv": {"fold": YES, "pred": GUESS},
            "sol.csv": shuffled({"fold": YES, "y": REAL}),
        },
        "mse sub.csv sol.csv",
        says=("fold", "--id", "--pair position"),
    ),
    Case(
        "the columns of --by and --cluster are no input",
        {"t.csv": {"fold": YES * 1.0, "doc": IDS // 3, "x": GUESS, "target": REAL}},
        "mse t.csv --by fold --cluster doc -f json",
        squared(GUESS, REAL),
    ),
    Case(
        "a composite key",
        {
            "sub.csv": {"user": IDS // 4, "item": IDS % 4, "pred": GUESS},
            "sol.csv": shuffled({"user": IDS // 4, "item": IDS % 4, "y": REAL}),
        },
        "mse sub.csv sol.csv --id user,item",
        squared(GUESS, REAL),
    ),
    Case(
        "half of a composite key is no key",
        {
            "sub.csv": {"user": IDS // 4, "item": IDS % 4, "pred": GUESS},
            "sol.csv": shuffled({"user": IDS // 4, "item": IDS % 4, "y": REAL}),
        },
        "mse sub.csv sol.csv --id user",
        says=("sub.csv|sol.csv",),
    ),
    Case(
        "keys that one side lacks",
        {"sub.csv": in_rows(submission(), ORDER[:9]), "sol.csv": solution()},
        "mse sub.csv sol.csv --id id",
        says=(r"\b3\b",),
    ),
    Case(
        "an inner join is asked for",
        {
            "sub.csv": in_rows(submission(), ORDER[:9]),
            "sol.csv": in_rows(solution(), sorted(ORDER[1:])),
        },
        "mse sub.csv sol.csv --id id --join inner",
        squared(FORECAST[ORDER[1:9]], RENTALS[ORDER[1:9]]),
        says=(r"\b1\b", r"\b3\b"),
    ),
    Case(
        "several candidates in the solution",
        {"sub.csv": submission(), "sol.csv": {**solution(), "fold": YES}},
        "mse sub.csv sol.csv",
        says=("-t", "rentals"),
    ),
    Case(
        "the only remaining column of a target's file, whatever it holds",
        {"sub.csv": {"id": IDS, "pred": GUESS}, "sol.csv": {"id": IDS, "SalePrice": RENTALS}},
        "mse sub.csv sol.csv --id id",
        squared(GUESS, RENTALS),
    ),
]

# ------------------------------------------------------------------ Kaggle, several labels

SUBMITTED: Columns = {"id": IDS, **classes(TOPICS, SCORES)}
LABELLED: Columns = {"id": IDS, **classes(TOPICS, TRUTHS)}
TURNED = in_columns(LABELLED, "threat", "id", "toxic", "obscene")


def renamed(columns: Columns, form: str) -> Columns:
    """The same columns under other names, except for the key."""
    return {name if name == "id" else form.format(name): one for name, one in columns.items()}


MULTI_LABEL = [
    Case(
        "1.8 label columns in another order",
        {"sub.csv": SUBMITTED, "labels.csv": shuffled(TURNED)},
        "bce sub.csv labels.csv --id id",
        binary(SCORES, TRUTHS),
    ),
    Case(
        "1.8 the same by position",
        {"sub.csv": SUBMITTED, "labels.csv": TURNED},
        "bce sub.csv labels.csv",
        binary(SCORES, TRUTHS),
    ),
    *(
        Case(
            f"1.8 names with {form} on one side",
            {"sub.csv": renamed(SUBMITTED, form), "labels.csv": TURNED},
            "bce sub.csv labels.csv --id id",
            binary(SCORES, TRUTHS),
        )
        for form in ("p_{}", "pred.{}", "{}-score", "prob of {}", "y_{}_hat")
    ),
    Case(
        "1.8 kl-div of two tables",
        {
            "p.csv": classes(ANIMALS, np.log(PROBS)),
            "q.csv": in_columns(classes(ANIMALS, DISTRIBUTIONS), "bird", "cat", "dog"),
        },
        "kl-div p.csv q.csv",
        divergence(np.log(PROBS), DISTRIBUTIONS),
    ),
    Case(
        "1.8 numbers behind the stems pair, 1 before 10",
        {
            "p.csv": classes(["p_1", "p_2", "p_10"], SCORES),
            "y.csv": in_columns(classes(["y_1", "y_2", "y_10"], TRUTHS), "y_1", "y_10", "y_2"),
        },
        "bce p.csv y.csv",
        binary(SCORES, TRUTHS),
        or_error=True,
    ),
    Case(
        "1.8 compare of two models",
        {
            "a.csv": SUBMITTED,
            "b.csv": in_columns(SUBMITTED, "threat", "id", "toxic", "obscene"),
            "labels.csv": LABELLED,
        },
        "compare bce a.csv b.csv labels.csv --id id -f json",
        0.0,
    ),
    Case(
        "1.8 compare of two models, one better",
        {
            "a.csv": SUBMITTED,
            "b.csv": in_columns(
                {"id": IDS, **classes(TOPICS, SECOND_SCORES)}, "id", "threat", "obscene", "toxic"
            ),
            "labels.csv": shuffled(TURNED),
        },
        "compare bce a.csv b.csv labels.csv --id id -f json",
        binary(SECOND_SCORES, TRUTHS) - binary(SCORES, TRUTHS),
    ),
    Case(
        "1.8 compare, the targets shuffled",
        {"a.csv": SUBMITTED, "b.csv": SUBMITTED, "labels.csv": shuffled(LABELLED)},
        "compare bce a.csv b.csv labels.csv",
        says=FIRST_DIFFERENCE,
    ),
    Case(
        "lists on both sides pair as typed",
        {
            "sub.csv": SUBMITTED,
            "labels.csv": {"id": IDS, "c": TRUTHS[:, 2], "a": TRUTHS[:, 0], "b": TRUTHS[:, 1]},
        },
        "bce sub.csv labels.csv -i toxic,obscene,threat -t a,b,c",
        binary(SCORES, TRUTHS),
    ),
    Case(
        "sets of names that differ",
        {
            "sub.csv": SUBMITTED,
            "labels.csv": {"id": IDS, **classes(["toxic", "obscene", "insult"], TRUTHS)},
        },
        "bce sub.csv labels.csv --id id",
        says=("threat", "insult"),
    ),
    Case(
        "sets of names that have nothing in common",
        {"sub.csv": SUBMITTED, "labels.csv": {"id": IDS, **classes(["a", "b", "c"], TRUTHS)}},
        "bce sub.csv labels.csv",
        says=("toxic", r"\ba\b"),
    ),
    Case(
        "a further column of the target",
        {"sub.csv": SUBMITTED, "labels.csv": {"fold": YES, **shuffled(TURNED)}},
        "bce sub.csv labels.csv --id id",
        says=("fold", "-t"),
        fixed=binary(SCORES, TRUTHS),
    ),
    Case(
        "a further column of the input",
        {"sub.csv": {**SUBMITTED, "seconds": SECONDS / 30}, "labels.csv": TURNED},
        "bce sub.csv labels.csv --id id",
        says=("seconds", "-i"),
        fixed=binary(SCORES, TRUTHS),
    ),
    Case(
        "an array pairs by position",
        {"sub.npy": SCORES, "labels.csv": LABELLED},
        "bce sub.npy labels.csv",
        binary(SCORES, TRUTHS),
    ),
    Case(
        "a side without a header pairs by position",
        {"sub.csv": savetxt(SCORES), "labels.csv": classes(TOPICS, TRUTHS)},
        "bce sub.csv labels.csv",
        binary(SCORES, TRUTHS),
    ),
    Case(
        "names that are numbers count as none",
        {"sub.csv": classes(["0", "1", "2"], SCORES), "labels.csv": classes(TOPICS, TRUTHS)},
        "bce sub.csv labels.csv",
        binary(SCORES, TRUTHS),
    ),
    Case(
        "two models of one table",
        {"both.csv": {"model_a": SHARES, "model_b": SCORES[:, 0], "label": YES}},
        "compare bce both.csv -i model_a -i model_b -t label -f json",
        binary(SCORES[:, 0], YES) - binary(SHARES, YES),
    ),
]

# ------------------------------------------------------------------ pandas

INDEX = np.arange(ROWS)
LEVEL = "__index_level_0__"

PANDAS = [
    Case(
        "1.4 two series",
        {"a.csv": {"": INDEX, "rentals": FORECAST}, "b.csv": {"": INDEX, "rentals": RENTALS}},
        "mse a.csv b.csv",
        squared(FORECAST, RENTALS),
    ),
    Case(
        "1.4 two series that were read and written once more",
        {
            "a.csv": {"Unnamed: 0": INDEX, "rentals": FORECAST},
            "b.csv": {"Unnamed: 0": INDEX, "rentals": RENTALS},
        },
        "mse a.csv b.csv",
        squared(FORECAST, RENTALS),
    ),
    Case(
        "1.4 two Parquet files with an index",
        {
            "a.parquet": {"rentals": FORECAST, LEVEL: INDEX},
            "b.parquet": {"rentals": RENTALS, LEVEL: INDEX},
        },
        "mse a.parquet b.parquet",
        squared(FORECAST, RENTALS),
    ),
    Case(
        "1.4 an index on one side alone",
        {"a.csv": {"": INDEX, "rentals": FORECAST}, "b.csv": {"rentals": RENTALS}},
        "mse a.csv b.csv",
        squared(FORECAST, RENTALS),
    ),
    Case(
        "1.4 an index of floats",
        {"a.csv": {"": INDEX * 1.0, "x": GUESS}, "b.csv": {"": INDEX * 1.0, "x": REAL}},
        "mse a.csv b.csv",
        squared(GUESS, REAL),
    ),
    Case(
        "1.4 an index in another order",
        {
            "a.parquet": {"rentals": FORECAST, LEVEL: IDS},
            "b.parquet": shuffled({"rentals": RENTALS, LEVEL: IDS}),
        },
        "mse a.parquet b.parquet",
        says=FIRST_DIFFERENCE,
    ),
    Case(
        "1.4 the index as the key",
        {
            "a.parquet": {"rentals": FORECAST, LEVEL: IDS},
            "b.parquet": shuffled({"rentals": RENTALS, LEVEL: IDS}),
        },
        f"mse a.parquet b.parquet --id {LEVEL}",
        squared(FORECAST, RENTALS),
    ),
    Case(
        "1.4 an index in one table with everything",
        {"t.csv": {"": INDEX, **classes(["c0", "c1", "c2"], LOGITS), "label": LABELS}},
        "ce t.csv",
        cross_entropy(LOGITS, LABELS),
    ),
    Case(
        "1.5 the index beside the labels of two classes",
        {"x.npy": LOGITS[:, :2], "labels.csv": {"": INDEX, "label": YES}},
        "ce x.npy labels.csv",
        cross_entropy(LOGITS[:, :2], YES),
    ),
    Case(
        "1.5 fold beside the labels of two classes",
        {"x.npy": LOGITS[:, :2], "labels.csv": {"fold": YES[ORDER], "label": YES}},
        "ce x.npy labels.csv",
        cross_entropy(LOGITS[:, :2], YES),
    ),
    Case(
        "1.5 fold beside a target of no usual name",
        {"x.npy": LOGITS[:, :2], "labels.csv": {"fold": YES[ORDER], "Survived": YES}},
        "ce x.npy labels.csv",
        says=("fold", "Survived", "-t"),
    ),
    Case(
        "1.6 keys of floats",
        {
            "a.csv": {"key": IDS * 1.0, "x": GUESS},
            "b.csv": shuffled({"key": IDS * 1.0, "x": REAL}),
        },
        "l1 a.csv b.csv --id key",
        absolute(GUESS, REAL),
    ),
    Case(
        "1.6 keys of floats in Parquet",
        {
            "a.parquet": {"x": GUESS, "key": IDS * 1.0},
            "b.parquet": shuffled({"key": IDS * 1.0, "x": REAL}),
        },
        "l1 a.parquet b.parquet --id key",
        absolute(GUESS, REAL),
    ),
    Case(
        "1.12b the index of the target's Parquet file",
        {"x.npy": LOGITS[:, :2], "labels.parquet": {"label": YES, LEVEL: YES[ORDER]}},
        "ce x.npy labels.parquet",
        cross_entropy(LOGITS[:, :2], YES),
    ),
    Case(
        "1.12b the index of shuffled rows and no usual name",
        {"x.npy": LOGITS[:, :2], "labels.parquet": {"Survived": YES, LEVEL: IDS[ORDER]}},
        "ce x.npy labels.parquet",
        cross_entropy(LOGITS[:, :2], YES),
    ),
    Case(
        "1.12f a first row of 0,1 is a row, or a question",
        {"p.npy": SCORES[:3, :2], "y.csv": "0,1\n1,0\n1,1\n"},
        "bce p.npy y.csv",
        binary(SCORES[:3, :2], np.array([[0, 1], [1, 0], [1, 1]])),
        or_error=True,
    ),
    Case(
        "1.12f a first row of 0,1, by hand",
        {"p.npy": SCORES[:3, :2], "y.csv": "0,1\n1,0\n1,1\n"},
        "bce p.npy y.csv --no-header",
        binary(SCORES[:3, :2], np.array([[0, 1], [1, 0], [1, 1]])),
    ),
    Case(
        "1.12f a first line of 0,1 above reals is a header",
        {"p.csv": classes(["0", "1"], LOGITS[:, :2]), "y.npy": YES},
        "ce p.csv y.npy",
        cross_entropy(LOGITS[:, :2], YES),
    ),
    Case(
        "a key that is named is data",
        {"t.csv": {"id": IDS, "y": RENTALS}},
        "l1 t.csv -i id -t y",
        absolute(IDS, RENTALS),
    ),
    Case(
        "a key that is the only column is data",
        {"x.npy": GUESS, "y.csv": {"index": IDS}},
        "l1 x.npy y.csv",
        absolute(GUESS, IDS),
    ),
    *(
        Case(
            f"{name} is no key",
            {"x.npy": LOGITS, "y.csv": {"id": IDS, name: LABELS}},
            "ce x.npy y.csv",
            cross_entropy(LOGITS, LABELS),
        )
        for name in ("label_id", "class_id", "targetId", "category_id")
    ),
]

# ------------------------------------------------------------------ one table of logits or classes

STEMS: Columns = {**classes(["logit_0", "logit_1", "logit_2"], LOGITS), "label": LABELS}
TWELVE = [f"logit_{number}" for number in range(12)]
BIG_TABLE: Columns = {**classes(TWELVE, BIG), "label": BIG_LABELS}
TEXT_ORDER = {name: BIG_TABLE[name] for name in (*sorted(TWELVE), "label")}
WINES = np.array([3, 5, 4, 4, 3, 5, 5, 3, 4, 4, 5, 3])
WHOLE = np.array([[0.0, 0.25, 0.75], [0.0, 0.5, 0.5], [0.0, 0.75, 0.25]])

ONE_TABLE = [
    Case(
        "1.9 a further column of floats",
        {"lg.csv": {**STEMS, "elapsed_s": SECONDS}},
        "ce lg.csv",
        cross_entropy(LOGITS, LABELS),
    ),
    Case(
        "1.9 a further column of floats that comes first",
        {"lg.csv": {"elapsed_s": SECONDS, **STEMS}},
        "ce lg.csv",
        cross_entropy(LOGITS, LABELS),
    ),
    Case(
        "1.9 a maximum of the same stem",
        {
            "lg.csv": {
                "p_max": PROBS.max(axis=1),
                **classes(["p_0", "p_1", "p_2"], PROBS),
                "y": LABELS,
            }
        },
        "nll lg.csv --from probs",
        log_loss(PROBS, LABELS),
    ),
    Case(
        "1.9 a predicted class of text and a score",
        {"lg.jsonl": {"pred": PREDICTED, "score": SHARES, **STEMS}},
        "ce lg.jsonl",
        cross_entropy(LOGITS, LABELS),
    ),
    Case(
        "1.9 two stems",
        {
            "lg.csv": {
                **classes(["u_0", "u_1", "u_2"], SCORES),
                **classes(["v_0", "v_1", "v_2"], LOGITS),
                "y": LABELS,
            }
        },
        "ce lg.csv",
        says=("-i", "u_", "v_"),
    ),
    Case(
        "1.9 several columns that could be the input",
        {"t.csv": {"first": GUESS, "second": SHARES, "target": REAL}},
        "mse t.csv",
        says=("first", "second", "-i"),
    ),
    Case(
        "1.9 weights are no input",
        {"t.csv": {"weight": SECONDS, "x": GUESS, "target": REAL}},
        "mse t.csv",
        squared(GUESS, REAL),
    ),
    Case(
        "1.10 a key of whole numbers and logits of whole numbers",
        {
            "q.csv": {
                "id": IDS,
                "c0": [1, -2, 0, 3, 2, -1, 0, 1, 1, 2, 0, -3],
                "c1": [0, 1, 2, 2, -1, 1, 3, 0, -2, 1, 0, 1],
                "label": YES,
            }
        },
        "ce q.csv",
        cross_entropy(
            np.array(
                [
                    [1, -2, 0, 3, 2, -1, 0, 1, 1, 2, 0, -3],
                    [0, 1, 2, 2, -1, 1, 3, 0, -2, 1, 0, 1],
                ]
            ).T,
            YES,
        ),
    ),
    Case(
        "1.11 columns sorted as text",
        {"t.csv": TEXT_ORDER},
        "ce t.csv",
        cross_entropy(BIG, BIG_LABELS),
        says=("order",),
    ),
    Case(
        "1.11 a glob whose order is not that of the numbers",
        {"t.csv": TEXT_ORDER},
        "ce t.csv -i 'logit_*'",
        says=("logit_10", "logit_2"),
    ),
    Case(
        "1.11 a glob in the order of the numbers",
        {"t.csv": BIG_TABLE},
        "ce t.csv -i 'logit_*'",
        cross_entropy(BIG, BIG_LABELS),
    ),
    Case(
        "1.11 a list by hand",
        {"t.csv": TEXT_ORDER},
        f"ce t.csv -i {','.join(TWELVE)}",
        cross_entropy(BIG, BIG_LABELS),
    ),
    Case(
        "1.11 p_1 before p_0",
        {"t.csv": {"p_1": PROBS[:, 1], "p_0": 1 - PROBS[:, 1], "label": YES}},
        "nll t.csv --from probs",
        log_loss(np.stack([1 - PROBS[:, 1], PROBS[:, 1]], axis=1), YES),
    ),
    Case(
        "1.11 p_1 before p_0 by a glob",
        {"t.csv": {"p_1": PROBS[:, 1], "p_0": 1 - PROBS[:, 1], "label": YES}},
        "nll t.csv --from probs -i 'p_*'",
        says=("p_1", "p_0"),
    ),
    Case(
        "a list is as typed",
        {"t.csv": {**classes(["a", "b", "c"], LOGITS), "label": LABELS}},
        "ce t.csv -i b,c,a",
        cross_entropy(LOGITS[:, [1, 2, 0]], LABELS),
    ),
    *(
        Case(
            f"1.11b columns named by the labels {','.join(names)}{', turned' if turned else ''}",
            {"t.csv": {**classes(names[::-1] if turned else names, PROBS), "quality": labels}},
            "nll t.csv --from probs -t quality",
            log_loss(
                PROBS, np.array([(names[::-1] if turned else names).index(str(y)) for y in labels])
            ),
        )
        for names, labels in (
            (["3", "4", "5"], WINES),
            (["1", "5", "10"], np.array([1, 5, 10])[LABELS]),
            (["1", "2", "3"], 1 + YES),
            (["2", "0", "1"], LABELS),
        )
        for turned in (False, True)
    ),
    Case(
        "1.11b columns named -1 and 1",
        {"t.csv": {**classes(["-1", "1"], softmax(LOGITS[:, :2])), "label": 2 * YES - 1}},
        "nll t.csv --from probs",
        log_loss(softmax(LOGITS[:, :2]), YES),
    ),
    Case(
        "1.11b columns named -1 and 1, typed",
        {"t.csv": {**classes(["1", "-1"], softmax(LOGITS[:, :2])), "label": 2 * YES - 1}},
        "nll t.csv --from probs -i -1,1 -t label",
        log_loss(softmax(LOGITS[:, :2]), 1 - YES),
    ),
    Case(
        "1.11b labels 1 and 2 beside 1,2,3",
        {"t.csv": {**classes(["1", "2", "3"], PROBS), "y": 1 + YES}},
        "nll t.csv --from probs",
        log_loss(PROBS, YES),
    ),
    Case(
        "1.11b labels 1 and 2 beside prob_1..prob_3",
        {"t.csv": {**classes(["prob_1", "prob_2", "prob_3"], PROBS), "y": 1 + YES}},
        "nll t.csv --from probs",
        log_loss(PROBS, YES),
    ),
    Case(
        "1.11b in two tables",
        {"p.csv": classes(["3", "4", "5"], PROBS), "y.csv": {"quality": WINES}},
        "nll p.csv y.csv --from probs",
        log_loss(PROBS, WINES - 3),
        or_error=True,  # 3,4,5 could be a list of numbers
    ),
    Case(
        "1.11b a label that no column is called",
        {"t.csv": {**classes(["3", "4", "5"], PROBS), "y": np.where(WINES == 3, 6, WINES)}},
        "nll t.csv --from probs",
        says=("6",),
    ),
    Case(
        "1.11b a gap without a label",
        {"t.csv": {**classes(["p_1", "p_5", "p_10"], PROBS), "y": LABELS}},
        "nll t.csv --from probs",
        log_loss(PROBS, LABELS),
        or_error=True,
    ),
    Case(
        "a class without a row is a class",
        {"t.csv": {**classes(ANIMALS, LOGITS), "label": np.array(ANIMALS)[YES]}},
        "ce t.csv",
        cross_entropy(LOGITS, YES),
        or_error=True,
    ),
    Case(
        "1.12c a class of zeros that were written as whole numbers",
        {
            "t.csv": {
                **{"p0": ["0", "0", "0"]},
                **classes(["p1", "p2"], WHOLE[:, 1:]),
                "label": [1, 2, 2],
            }
        },
        "nll t.csv --from probs",
        log_loss(WHOLE, np.array([1, 2, 2])),
    ),
    Case(
        "1.12d class is a column that is not the target",
        {"t.csv": {**STEMS, "class": ["x", "y"] * (ROWS // 2)}},
        "ce t.csv -t label --by class",
        says=("class", "--by-column"),
    ),
    Case(
        "1.12e compare with rows of targets that differ",
        {
            "a.csv": {**classes(["x1", "x2", "x3"], LOGITS), **classes(["y1", "y2", "y3"], TRUTHS)},
            "b.csv": {
                **classes(["x1", "x2", "x3"], LOGITS),
                **classes(["y1", "y2", "y3"], 1 - TRUTHS),
            },
        },
        "compare multilabel-soft-margin a.csv b.csv -i x1,x2,x3 -t y1,y2,y3",
        says=("target",),
    ),
    Case(
        "1.12e compare with distributions that differ",
        {
            "a.csv": {**classes(["x1", "x2", "x3"], LOGITS), **classes(["q1", "q2", "q3"], PROBS)},
            "b.csv": {
                **classes(["x1", "x2", "x3"], LOGITS),
                **classes(["q1", "q2", "q3"], DISTRIBUTIONS),
            },
        },
        "compare ce a.csv b.csv -i x1,x2,x3 -t q1,q2,q3",
        says=("target",),
    ),
    Case(
        "1.13 two names for 21 classes",
        {"x.npy": RNG.normal(size=(ROWS, 21)), "y.npy": YES},
        "ce x.npy y.npy --classes road,car",
        says=(r"\b2\b", r"\b21\b"),
    ),
    Case(
        "1.13 four names for three columns",
        {"t.csv": {**classes(["c0", "c1", "c2"], LOGITS), "label": NAMES}},
        "ce t.csv --classes cat,dog,bird,fish",
        says=(r"\b4\b", r"\b3\b"),
    ),
    Case(
        "1.13 as many names as columns, and fewer labels",
        {"t.csv": {**classes(["c0", "c1", "c2"], LOGITS), "label": np.array(ANIMALS)[YES]}},
        "ce t.csv --classes cat,dog,bird",
        cross_entropy(LOGITS, YES),
    ),
    Case(
        "1.15 compare with weights that differ",
        {
            "a.csv": {"pred": GUESS, "y": REAL, "w": SECONDS},
            "b.csv": {"pred": GUESS, "y": REAL, "w": SECONDS[::-1]},
        },
        "compare mse a.csv b.csv --weight-column w",
        says=("weight",),
    ),
    Case(
        "1.15 compare with the same weights",
        {
            "a.csv": {"pred": GUESS, "y": REAL, "w": SECONDS},
            "b.csv": {"pred": SHARES, "y": REAL, "w": SECONDS},
        },
        "compare mse a.csv b.csv --weight-column w -f json",
        float(((SHARES - REAL) ** 2 - (GUESS - REAL) ** 2) @ SECONDS / SECONDS.sum()),
    ),
    Case(
        "1.17 compare by names of classes",
        {
            "a.csv": classes(ANIMALS, np.log(PROBS)),
            "b.csv": in_columns(classes(ANIMALS, np.log(DISTRIBUTIONS)), "bird", "cat", "dog"),
            "y.csv": {"label": NAMES},
        },
        "compare nll a.csv b.csv y.csv -f json",
        log_loss(DISTRIBUTIONS, LABELS) - log_loss(PROBS, LABELS),
    ),
    Case(
        "two targets of the first tier",
        {"t.csv": {"pred": GUESS, "label": REAL, "target": RENTALS}},
        "mse t.csv",
        says=("label", "target", "-t"),
    ),
    Case(
        "two targets of the second tier",
        {"t.csv": {"pred": GUESS, "actual": REAL, "truth": RENTALS}},
        "mse t.csv",
        says=("actual", "truth", "-t"),
    ),
    Case(
        "y gives way to label",
        {"t.csv": {"pred": GUESS, "y": RENTALS, "label": REAL}},
        "mse t.csv",
        squared(GUESS, REAL),
    ),
    Case(
        "the first tier comes before the second",
        {"t.csv": {"pred": GUESS, "obs": RENTALS, "Y_True": REAL}},
        "mse t.csv",
        squared(GUESS, REAL),
    ),
    Case(
        "two targets of one tier in the target's file",
        {"x.npy": GUESS, "y.csv": {"labels": REAL, "targets": RENTALS}},
        "mse x.npy y.csv",
        says=("labels", "targets", "-t"),
    ),
]

# ------------------------------------------------------------------ files in parts

PARTS = {
    "gs/part-0.parquet": {name: as_list(column)[:7] for name, column in STEMS.items()},
    "gs/part-1.parquet": {name: as_list(column)[7:] for name, column in STEMS.items()},
}
HALVES = {
    "gs/a.parquet": {name: as_list(column)[:6] for name, column in STEMS.items()},
    "gs/b.parquet": {name: as_list(column)[6:] for name, column in STEMS.items()},
}

SHARDS = [
    Case(
        "1.12 a glob that the shell expanded",
        HALVES,
        "ce gs/a.parquet gs/b.parquet -t label",
        says=("quot|--input",),
    ),
    Case(
        "1.12 a glob that the shell expanded, nothing named",
        HALVES,
        "ce gs/a.parquet gs/b.parquet",
        says=("quot|--input",),
    ),
    Case(
        "1.12 a glob that the shell expanded, columns named",
        HALVES,
        "ce gs/a.parquet gs/b.parquet -i 'logit_*' -t label",
        says=("quot|--input",),
    ),
    Case(
        "1.12 a glob in quotes",
        PARTS,
        "ce 'gs/*.parquet' -t label",
        cross_entropy(LOGITS, LABELS),
    ),
    Case(
        "1.12 --input and --target decide",
        HALVES,
        "ce --input gs/a.parquet --target gs/b.parquet -t label",
        cross_entropy(LOGITS[:6], LABELS[6:]),
    ),
    Case(
        "shards whose columns stand in another order",
        {
            **PARTS,
            "gs/part-1.parquet": in_columns(
                PARTS["gs/part-1.parquet"], "label", "logit_2", "logit_0", "logit_1"
            ),
        },
        "ce 'gs/*.parquet' -t label",
        cross_entropy(LOGITS, LABELS),
        or_error=True,
    ),
]

# ------------------------------------------------------------------ Hugging Face

TOKENS = [[101, 7, 102], [101, 102]] * (ROWS // 2)
DATASET: Columns = {"logits": LOGITS, "label": LABELS}

HUGGING_FACE = [
    Case(
        "Trainer: predictions and label_ids",
        {"out.npz": {"predictions": LOGITS, "label_ids": LABELS}},
        "ce out.npz",
        cross_entropy(LOGITS, LABELS),
    ),
    Case(
        "Trainer: by hand",
        {"out.npz": {"label_ids": LABELS, "predictions": LOGITS}},
        "ce out.npz -i predictions -t label_ids",
        cross_entropy(LOGITS, LABELS),
    ),
    Case(
        "Trainer: regression, (N, 1) against (N)",
        {"out.npz": {"predictions": GUESS[:, None], "label_ids": REAL}},
        "mse out.npz",
        squared(GUESS, REAL),
    ),
    Case(
        "datasets: list column and label",
        {"d.parquet": DATASET},
        "ce d.parquet",
        cross_entropy(LOGITS, LABELS),
    ),
    Case(
        "datasets: tokens and text beside them",
        {"d.parquet": {"text": WORDS, "input_ids": TOKENS, **DATASET, "score": SHARES}},
        "ce d.parquet",
        cross_entropy(LOGITS, LABELS),
    ),
    Case(
        "datasets: as JSON lines, the label first",
        {"d.jsonl": {"label": LABELS, "idx": INDEX, "logits": LOGITS}},
        "ce d.jsonl",
        cross_entropy(LOGITS, LABELS),
    ),
    Case(
        "datasets: two tables by idx",
        {
            "p.parquet": {"idx": IDS, "logits": LOGITS},
            "d.parquet": shuffled({"idx": IDS, "label": LABELS, "text": WORDS}),
        },
        "ce p.parquet d.parquet --id idx",
        cross_entropy(LOGITS, LABELS),
    ),
    Case(
        "datasets: two tables, shuffled",
        {
            "p.parquet": {"idx": IDS, "logits": LOGITS},
            "d.parquet": shuffled({"idx": IDS, "label": LABELS}),
        },
        "ce p.parquet d.parquet",
        says=FIRST_DIFFERENCE,
    ),
    Case(
        "datasets: two lists that could be the input",
        {"d.parquet": {"u": LOGITS, "v": PROBS, "label": LABELS}},
        "ce d.parquet",
        says=(r"\bu\b", r"\bv\b", "-i"),
    ),
    Case(
        "datasets: label and labels",
        {"d.parquet": {**DATASET, "labels": LABELS}},
        "ce d.parquet",
        says=("label", "labels", "-t"),
    ),
]

# ------------------------------------------------------------------ AutoML benchmark

AUTOML: Columns = {**classes(ANIMALS, PROBS), "predictions": PREDICTED, "truth": NAMES}

AUTOML_BENCHMARK = [
    Case(
        "AutoML: names of classes",
        {"predictions.csv": AUTOML},
        "nll predictions.csv --from probs",
        log_loss(PROBS, LABELS),
    ),
    Case(
        "AutoML: columns in another order",
        {"predictions.csv": in_columns(AUTOML, "truth", "dog", "predictions", "bird", "cat")},
        "nll predictions.csv --from probs",
        log_loss(PROBS, LABELS),
    ),
    Case(
        "AutoML: numbers of classes",
        {
            "predictions.csv": {
                **classes(["0", "1", "2"], PROBS),
                "predictions": PROBS.argmax(axis=1),
                "truth": LABELS,
            }
        },
        "nll predictions.csv --from probs",
        log_loss(PROBS, LABELS),
    ),
    Case(
        "AutoML: numbers of classes in another order",
        {
            "predictions.csv": {
                **classes(["2", "0", "1"], PROBS[:, [2, 0, 1]]),
                "predictions": PROBS.argmax(axis=1),
                "truth": LABELS,
            }
        },
        "nll predictions.csv --from probs",
        log_loss(PROBS, LABELS),
    ),
    Case(
        "AutoML: regression",
        {"predictions.csv": {"predictions": GUESS, "truth": REAL}},
        "mse predictions.csv",
        squared(GUESS, REAL),
    ),
    Case(
        "AutoML: regression, with repeats and folds beside it",
        {"predictions.csv": {"id": WORDS, "fold": YES, "truth": REAL, "predictions": GUESS}},
        "mse predictions.csv",
        squared(GUESS, REAL),
    ),
    Case(
        "AutoML: two truths",
        {"predictions.csv": {**AUTOML, "actual": NAMES[::-1]}},
        "nll predictions.csv --from probs",
        says=("truth", "actual", "-t"),
    ),
    # scikit-learn 1.9.1 gives this for log_loss(["dog", "cat", "bird"], p, labels=["bird", "cat",
    # "dog"]) with p = [[0.2, 0.1, 0.7], [0.2, 0.5, 0.3], [0.4, 0.3, 0.3]], since it sorts the
    # classes.
    Case(
        "AutoML: as scikit-learn counts",
        {
            "predictions.csv": "cat,dog,bird,predictions,truth\n"
            "0.1,0.7,0.2,dog,dog\n0.5,0.3,0.2,cat,cat\n0.3,0.3,0.4,bird,bird\n"
        },
        "nll predictions.csv --from probs",
        0.6553709521242777,
    ),
]

# ------------------------------------------------------------------ tidymodels and caret

TIDY: Columns = {
    **classes([".pred_cat", ".pred_dog", ".pred_bird"], PROBS),
    ".pred_class": PREDICTED,
    "truth": NAMES,
}
CARET: Columns = {
    "pred": PREDICTED,
    "obs": NAMES,
    "rowIndex": 1 + INDEX,
    **classes(ANIMALS, PROBS),
    "Resample": ["Fold1", "Fold2"] * (ROWS // 2),
}
IN_R_ORDER = [".pred_class", ".pred_bird", "truth", ".row", ".pred_cat", ".pred_dog"]

R = [
    Case(
        "tidymodels: classes",
        {"t.csv": TIDY},
        "nll t.csv --from probs",
        log_loss(PROBS, LABELS),
    ),
    Case(
        "tidymodels: classes in another order, with .row",
        {"t.csv": in_columns({**TIDY, ".row": 1 + INDEX}, *IN_R_ORDER)},
        "nll t.csv --from probs",
        log_loss(PROBS, LABELS),
    ),
    Case(
        "tidymodels: classes by a glob",
        {"t.parquet": TIDY},
        "nll t.parquet --from probs -i '.pred_*' -t truth",
        log_loss(PROBS, LABELS),
        or_error=True,  # the glob matches .pred_class, which is text
    ),
    Case(
        "tidymodels: regression",
        {"t.csv": {".pred": GUESS, ".row": 1 + INDEX, "truth": REAL}},
        "mse t.csv",
        squared(GUESS, REAL),
    ),
    Case(
        "tidymodels: an interval beside .pred",
        {
            "t.csv": {
                ".pred_lower": GUESS - 1,
                ".pred_upper": GUESS + 1,
                ".pred": GUESS,
                "truth": REAL,
            }
        },
        "mse t.csv",
        squared(GUESS, REAL),
    ),
    Case(
        "tidymodels: two tables by .row",
        {
            "p.csv": {".row": IDS, ".pred": GUESS},
            "y.csv": shuffled({"truth": REAL, ".row": IDS}),
        },
        "mse p.csv y.csv --id .row",
        squared(GUESS, REAL),
    ),
    Case(
        "tidymodels: two tables, shuffled",
        {
            "p.csv": {".row": IDS, ".pred": GUESS},
            "y.csv": shuffled({"truth": REAL, ".row": IDS}),
        },
        "mse p.csv y.csv",
        says=FIRST_DIFFERENCE,
    ),
    Case("caret: classes", {"t.csv": CARET}, "nll t.csv --from probs", log_loss(PROBS, LABELS)),
    Case(
        "caret: classes in another order",
        {"t.csv": in_columns(CARET, "bird", "Resample", "obs", "dog", "rowIndex", "pred", "cat")},
        "nll t.csv --from probs",
        log_loss(PROBS, LABELS),
    ),
    Case(
        "caret: regression",
        {"t.csv": {"pred": GUESS, "obs": REAL, "rowIndex": 1 + INDEX, "Resample": WORDS}},
        "mse t.csv",
        squared(GUESS, REAL),
    ),
    Case(
        "caret: a column of tuning beside two predictions",
        {"t.csv": {"first": GUESS, "lambda": SHARES, "obs": REAL, "rowIndex": 1 + INDEX}},
        "mse t.csv",
        says=("first", "lambda", "-i"),
    ),
]

# ------------------------------------------------------------------ Spark ML

SPARK: Columns = {
    "features": RNG.normal(size=(ROWS, 4)),
    "label": LABELS * 1.0,
    "rawPrediction": LOGITS,
    "probability": DISTRIBUTIONS,
    "prediction": DISTRIBUTIONS.argmax(axis=1) * 1.0,
}

SPARK_ML = [
    Case(
        "Spark: rawPrediction holds logits",
        {"s.parquet": SPARK},
        "ce s.parquet --from logits",
        cross_entropy(LOGITS, LABELS),
    ),
    Case(
        "Spark: probability",
        {"s.parquet": SPARK},
        "nll s.parquet --from probs",
        log_loss(DISTRIBUTIONS, LABELS),
    ),
    Case(
        "Spark: columns in another order",
        {"s.parquet": dict(reversed(SPARK.items()))},
        "nll s.parquet --from probs",
        log_loss(DISTRIBUTIONS, LABELS),
    ),
    Case(
        "Spark: the default of --from",
        {"s.parquet": SPARK},
        "ce s.parquet",
        cross_entropy(LOGITS, LABELS),
        or_error=True,
    ),
    Case(
        "Spark: rawPrediction alone",
        {"s.parquet": {name: SPARK[name] for name in ("prediction", "rawPrediction", "label")}},
        "ce s.parquet",
        cross_entropy(LOGITS, LABELS),
    ),
    Case(
        "Spark: regression",
        {"s.parquet": {"features": SPARK["features"], "prediction": GUESS, "label": REAL}},
        "mse s.parquet",
        squared(GUESS, REAL),
    ),
    Case(
        "Spark: two tables, shuffled by text",
        {
            "p.parquet": {"uid": WORDS, "probability": PROBS},
            "y.parquet": shuffled({"uid": WORDS, "label": LABELS * 1.0}),
        },
        "nll p.parquet y.parquet --from probs",
        says=SHUFFLED_WORDS,
    ),
]

# ------------------------------------------------------------------ Prophet

PROPHET: Columns = {
    "ds": DAYS,
    "yhat": GUESS,
    "yhat_lower": GUESS - 0.5,
    "yhat_upper": GUESS + 0.5,
}
ACTUAL: Columns = {"ds": DAYS, "y": REAL}

PROPHETS = [
    Case(
        "Prophet: forecast against history",
        {"forecast.csv": PROPHET, "history.csv": ACTUAL},
        "mse forecast.csv history.csv",
        squared(GUESS, REAL),
    ),
    Case(
        "Prophet: merged, as cross-validation writes it",
        {"cv.csv": {**PROPHET, "y": REAL, "cutoff": DAYS[::-1]}},
        "mse cv.csv",
        squared(GUESS, REAL),
    ),
    Case(
        "Prophet: columns in another order",
        {
            "forecast.csv": in_columns(PROPHET, "yhat_upper", "yhat_lower", "ds", "yhat"),
            "history.csv": in_columns(ACTUAL, "y", "ds"),
        },
        "l1 forecast.csv history.csv",
        absolute(GUESS, REAL),
    ),
    Case(
        "Prophet: shuffled, by --id ds",
        {"forecast.csv": PROPHET, "history.csv": shuffled(ACTUAL)},
        "mse forecast.csv history.csv --id ds",
        squared(GUESS, REAL),
    ),
    Case(
        "Prophet: shuffled",
        {"forecast.csv": PROPHET, "history.csv": shuffled(ACTUAL)},
        "mse forecast.csv history.csv",
        says=(DAYS[0], DAYS[7], "--id", "--pair position"),
    ),
    Case(
        "Prophet: the forecast goes further than history",
        {"forecast.csv": PROPHET, "history.csv": in_rows(ACTUAL, range(9))},
        "mse forecast.csv history.csv --id ds",
        says=(r"\b3\b", DAYS[9]),
    ),
    Case(
        "Prophet: the forecast goes further than history, joined",
        {"forecast.csv": PROPHET, "history.csv": in_rows(ACTUAL, range(9))},
        "mse forecast.csv history.csv --id ds --join inner",
        squared(GUESS[:9], REAL[:9]),
        says=(r"\b3\b",),
    ),
]

# ------------------------------------------------------------------ Keras

MAPS = RNG.uniform(0.05, 0.95, (2, 3, 4)).round(3)
MASKS = RNG.integers(0, 2, (2, 3, 4))

KERAS = [
    Case(
        "Keras: savetxt of probabilities and labels",
        {"p.csv": savetxt(PROBS), "y.csv": savetxt(LABELS)},
        "nll p.csv y.csv --from probs",
        log_loss(PROBS, LABELS),
    ),
    Case(
        "Keras: savetxt of (N, 1) against (N)",
        {"p.csv": savetxt(SHARES), "y.npy": YES},
        "bce p.csv y.npy",
        binary(SHARES, YES),
    ),
    *(
        Case(
            f"Keras: {loss} of {shape} against {other}",
            {"x.npy": x.reshape(shape), "y.npy": y.reshape(other)},
            f"{loss} x.npy y.npy",
            formula(x, y),
            says=("note",),
        )
        for loss, formula, x, y in (
            ("mse", squared, GUESS, REAL),
            ("l1", absolute, GUESS, REAL),
            ("bce", binary, SHARES, YES),
        )
        for shape, other in (((ROWS, 1), (ROWS,)), ((ROWS,), (ROWS, 1)))
    ),
    Case(
        "Keras: (N, H, W, 1) against (N, 1, H, W)",
        {"x.npy": MAPS[..., None], "y.npy": MASKS[:, None]},
        "bce x.npy y.npy",
        binary(MAPS, MASKS),
        says=("note",),
    ),
    Case(
        "Keras: (N, H, W, 1) against (N, H, W)",
        {"x.npy": MAPS[..., None], "y.npy": MASKS},
        "bce x.npy y.npy",
        binary(MAPS, MASKS),
        or_error=True,
    ),
    Case(
        "Keras: --broadcast keeps PyTorch's broadcast",
        {"x.npy": GUESS[:, None], "y.npy": REAL},
        "mse x.npy y.npy --broadcast",
        squared(GUESS[:, None], REAL),
    ),
    Case(
        "Keras: (N, 1) against a column of a table",
        {"x.npy": GUESS[:, None], "y.csv": {"": INDEX, "y": REAL}},
        "mse x.npy y.csv",
        squared(GUESS, REAL),
    ),
    Case(
        "Keras: (N, 2) against (N) is a mistake",
        {"x.npy": LOGITS[:, :2], "y.npy": REAL},
        "mse x.npy y.npy",
    ),
]

TWO = np.column_stack([1 - SHARES, SHARES])

# The Brier score takes the probability of class 1 in one column, or a column for each class.
BRIER = [
    *(
        Case(
            f"Brier: {id}",
            {"t.csv": {**columns, "label": YES}},
            f"brier t.csv {words}",
            squared(SHARES, YES),
        )
        for id, words, columns in (
            ("one column", "", {"x": SHARES}),
            ("one column with a key", "", {"id": IDS, "x": SHARES}),
            ("a usual name", "", {"age": SECONDS, "score": SHARES}),
            ("a usual name, named", "-i p_1", classes(["p_0", "p_1"], TWO)),
            ("two columns", "", classes(["p_0", "p_1"], TWO)),
            ("two columns in another order", "", classes(["p_1", "p_0"], TWO[:, ::-1])),
            ("two columns named after words", "", classes(["no", "yes"], TWO)),
            ("a predicted class", "", {"pred": YES, **classes(["p_0", "p_1"], TWO)}),
        )
    ),
    Case(
        "Brier: three columns",
        {"t.csv": {**classes(["p_0", "p_1", "p_2"], PROBS), "label": LABELS}},
        "brier t.csv",
        brier(PROBS, LABELS),
    ),
    Case(
        "Brier: names of classes",
        {"t.csv": {**classes(ANIMALS, PROBS), "label": NAMES}},
        "brier t.csv",
        brier(PROBS, LABELS),
    ),
    Case(
        "Brier: a column of lists",
        {"t.parquet": {"probs": list(PROBS), "label": LABELS}},
        "brier t.parquet",
        brier(PROBS, LABELS),
    ),
    Case(
        "Brier: two files of a column for each class",
        {"p.csv": classes(ANIMALS, PROBS), "q.csv": classes(ANIMALS[::-1], DISTRIBUTIONS)},
        "brier p.csv q.csv",
        3 * squared(PROBS[:, ::-1], DISTRIBUTIONS),
    ),
    Case(
        "Brier: two files with a key, shuffled",
        {
            "p.csv": {"id": IDS, "target": SHARES},
            "y.csv": shuffled({"id": IDS, "target": YES}),
        },
        "brier p.csv y.csv --id id",
        squared(SHARES, YES),
    ),
    Case(
        "Brier: one column or two",
        {"t.csv": {"prob": SHARES, **classes(["p_0", "p_1"], TWO), "label": YES}},
        "brier t.csv",
        says=("any of .*p_0, p_1.* could be the input. Use -i", "-i prob"),
        fixed=squared(SHARES, YES),
    ),
    Case(
        "Brier: a usual name or features",
        {"t.csv": {"score": SHARES, **classes(["x_0", "x_1"], SCORES[:, :2]), "label": YES}},
        "brier t.csv",
        says=("-i x_0,x_1", "-i score"),
    ),
    Case(
        "Brier: two columns without usual names",
        {"t.csv": {"cat": 1 - SHARES, "dog": SHARES, "label": YES}},
        "brier t.csv",
        says=("-i cat,dog to use all of them, or name one column if it predicts class 1",),
        fixed=squared(SHARES, YES),
    ),
    Case(
        "Brier: two models",
        {"t.csv": {"prob1": SHARES, "prob2": SCORES[:, 0], "label": YES}},
        "brier t.csv",
        says=("column 'prob1' starts a row that sums to .*, not 1. Use -i with one column",),
    ),
    Case(
        "Brier: a probability of one of three classes",
        {"t.csv": {"prob": SHARES, "label": LABELS}},
        "brier t.csv",
        says=("target in line 4 is 2.*; expected 0, 1 or a number between",),
    ),
    Case(
        "Brier: columns of labels",
        {"p.csv": classes(TOPICS, SCORES), "y.csv": classes(TOPICS, TRUTHS)},
        "brier p.csv y.csv",
        says=("Use losscli mse if each column is a 0/1 label of its own",),
    ),
    Case(
        "Brier: one column for two labels",
        {"t.csv": {"prob": SHARES, "a": YES, "b": YES}},
        "brier t.csv -i prob -t a,b",
        says=("is the probability of class 1 and takes a target of the same shape. Choose one",),
    ),
]

CASES = [
    *(*KAGGLE, *MULTI_LABEL, *PANDAS, *ONE_TABLE, *SHARDS, *HUGGING_FACE),
    *(*AUTOML_BENCHMARK, *R, *SPARK_ML, *PROPHETS, *KERAS, *BRIER),
]


def cases(numbers: bool) -> list[Any]:
    """The cases that print a number, or the cases that fail."""
    chosen = [case for case in CASES if (case.value is not None) == numbers]
    return [pytest.param(case, id=case.id) for case in chosen]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that writes files into the current directory, which is empty before."""
    monkeypatch.chdir(tmp_path)

    def written(files: Mapping[str, Any]) -> None:
        for name, content in files.items():
            write_file(tmp_path / name, content)

    return written


def number_of(out: str) -> float:
    """The printed number: alone, or the value or difference in JSON."""
    if not out.startswith("{"):
        return float(out)
    record = json.loads(out)
    return float(record["difference"] if "difference" in record else record["value"])


def require_refusal(code: int, out: str, err: str) -> None:
    """Require an empty stdout, one line on stderr and exit code 1."""
    assert (code, out) == (1, ""), err
    [line] = err.splitlines()
    assert line.startswith("losscli: error: ")
    assert "internal error" not in line


@pytest.mark.parametrize("case", cases(numbers=True))
def test_the_right_number(case: Case, run: Run, written: Any) -> None:
    written(case.files)
    code, out, err = run(*shlex.split(case.command))
    if case.or_error and code != 0:
        require_refusal(code, out, err)
        return
    assert code == 0, err
    assert number_of(out) == pytest.approx(case.value, rel=1e-9, abs=1e-12), err
    for pattern in case.says:
        assert re.search(pattern, err), err


@pytest.mark.parametrize("case", cases(numbers=False))
def test_an_error(case: Case, run: Run, written: Any) -> None:
    written(case.files)
    code, out, err = run(*shlex.split(case.command))
    require_refusal(code, out, err)
    for pattern in case.says:
        assert re.search(pattern, err), err
    if case.fixed is not None:
        require_fix(case, err, run)


def require_fix(case: Case, err: str, run: Run) -> None:
    """The error shows options that, appended to the command, give the right number."""
    printed = re.findall(r"""-[it] (?:'[^']*'|"[^"]*"|[^\s;,.)`]+(?:,[^\s;,.)`]+)*)""", err)
    for option in (*printed, " ".join(printed)):
        code, out, _ = run(*shlex.split(f"{case.command} {option}"))
        if code == 0 and number_of(out) == pytest.approx(case.fixed, rel=1e-9):
            return
    pytest.fail(f"none of {printed} gives {case.fixed}: {err}")


# ------------------------------------------------------------------ more than one number


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("key", ["id", "word"])
def test_1_7_keys_that_differ_at_the_end_of_many_rows(
    key: str, suffix: str, run: Run, written: Any, tmp_path: Path
) -> None:
    numbers = np.arange(150_000)
    turned = np.array([*numbers[:-2], numbers[-1], numbers[-2]])
    keys, others = (
        one if key == "id" else [f"w{number}" for number in one] for one in (numbers, turned)
    )
    files = (f"a.{suffix}", f"b.{suffix}")
    written({files[0]: {key: keys, "pred": numbers}, files[1]: {key: others, "y": turned + 1}})
    code, out, err = run("mse", *files, "--output", "out.csv")
    require_refusal(code, out, err)
    for word in ("149998", "149999", "--id", "--pair position"):
        assert word in err
    assert not (tmp_path / "out.csv").exists()
    assert run("mse", *files, "--id", key, "-q")[:2] == (0, "1.0\n")


def test_1_12d_a_column_called_class_is_taken_by_its_name(run: Run, written: Any) -> None:
    written({"t.csv": {**STEMS, "class": ["x", "y"] * (ROWS // 2)}})
    code, out, _ = run(*shlex.split("ce t.csv -t label --by-column class -f csv -q"))
    assert code == 0
    rows = csv.DictReader(out.split("\n\n")[1].splitlines())  # the rows after the loss
    found = {row["class"]: float(row["value"]) for row in rows}
    expected = {
        name: cross_entropy(LOGITS[start::2], LABELS[start::2]) for start, name in enumerate("xy")
    }
    assert found == pytest.approx(expected)


def test_1_12d_a_target_called_class_groups_by_itself(run: Run, written: Any) -> None:
    written({"t.csv": {**{**STEMS, "class": LABELS}}})
    code, out, _ = run(*shlex.split("ce t.csv -i 'logit_*' -t class --by class -f csv -q"))
    assert code == 0
    rows = csv.DictReader(out.split("\n\n")[1].splitlines())  # the rows after the loss
    found = {row["class"]: float(row["value"]) for row in rows}
    expected = {
        str(label): cross_entropy(LOGITS[label == LABELS], LABELS[label == LABELS])
        for label in range(3)
    }
    assert found == pytest.approx(expected)


def test_1_16_compare_leaves_out_the_same_rows_of_both(run: Run, written: Any) -> None:
    first, second = list(map(str, GUESS)), list(map(str, SHARES))
    first[2], second[5] = "", ""
    written({"a.csv": {"pred": first, "y": REAL}, "b.csv": {"pred": second, "y": REAL}})
    code, out, err = run(*shlex.split("compare l1 a.csv b.csv --skip-missing -f json"))
    assert code == 0, err
    both = [row for row in range(ROWS) if row not in (2, 5)]
    record = json.loads(out)
    a, b = absolute(GUESS[both], REAL[both]), absolute(SHARES[both], REAL[both])
    assert record["a"]["value"] == pytest.approx(a)
    assert record["b"]["value"] == pytest.approx(b)
    assert record["difference"] == pytest.approx(b - a)
    assert record["a"]["count"] == record["b"]["count"] == len(both)


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.jsonl"])
def test_1_18_the_key_is_the_first_column_of_the_output(
    name: str, run: Run, written: Any, tmp_path: Path
) -> None:
    written({"sub.csv": submission("uuid", WORDS), "sol.csv": shuffled(solution("uuid", WORDS))})
    code, _, err = run(*shlex.split(f"mse sub.csv sol.csv --id uuid --output {name}"))
    assert code == 0, err
    columns = read_output(tmp_path / name)
    assert next(iter(columns)) == "uuid"
    losses = dict(zip(columns["uuid"], map(float, columns["loss"]), strict=True))
    assert losses == dict(zip(WORDS, (FORECAST - RENTALS) ** 2.0, strict=True))


def test_1_18_the_key_is_the_first_column_of_the_rows(run: Run, written: Any) -> None:
    written({"sub.csv": submission("uuid", WORDS), "sol.csv": shuffled(solution("uuid", WORDS))})
    code, out, err = run(*shlex.split("mse sub.csv sol.csv --id uuid -r none -f csv"))
    assert code == 0, err
    assert out.startswith("uuid,")
    losses = {row["uuid"]: float(row["loss"]) for row in csv.DictReader(out.splitlines())}
    assert losses == dict(zip(WORDS, (FORECAST - RENTALS) ** 2.0, strict=True))


def read_output(path: Path) -> dict[str, list[Any]]:
    """The columns of an output file, in order."""
    if path.suffix == ".parquet":
        columns: dict[str, list[Any]] = parquet.read_table(path).to_pydict()
        return columns
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        rows = list(csv.DictReader(path.read_text().splitlines()))
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize(
    ("shape", "other"), [((ROWS, 1), (ROWS,)), ((ROWS,), (ROWS, 1)), ((3, 2, 2, 1), (3, 1, 2, 2))]
)
def test_evaluate_squeezes_and_the_function_broadcasts(shape: Any, other: Any) -> None:
    x, y = GUESS.reshape(shape), REAL.reshape(other)
    assert losscli.evaluate("mse", x, y).value == pytest.approx(squared(GUESS, REAL))
    with pytest.warns(RuntimeWarning, match="broadcast"):
        assert losscli.mse(x, y) == pytest.approx(squared(x, y))


# ------------------------------------------------------------------ inspect

LM_EVALUATION = [
    {
        "doc_id": row,
        "target": str(row % 2),
        "filtered_resps": [[f"{-row}.5", "False"], ["-1.25", "True"]],
        "acc": float(row % 2),
        "acc_norm": float(row % 3 == 0),
    }
    for row in range(ROWS)
]
WIDE = RNG.normal(size=(300, 300)).round(3)
MANY = RNG.permutation(300)

INSPECTED = [
    Case(
        "Kaggle, shuffled",
        {"sub.csv": submission(), "sol.csv": shuffled(solution())},
        "sub.csv sol.csv",
        squared(FORECAST, RENTALS),
    ),
    Case(
        "a key and names of classes",
        {"t.parquet": {"id": IDS, **classes(ANIMALS, PROBS), "label": NAMES}},
        "t.parquet",
        log_loss(PROBS, LABELS),
    ),
    Case(
        "class indices from 1",
        {"x.npy": LOGITS, "y.npy": LABELS + 1},
        "x.npy y.npy",
        cross_entropy(LOGITS, LABELS),
    ),
    Case(
        "255 is a class of 300",
        {"x.npy": WIDE, "y.npy": MANY},
        "x.npy y.npy",
        cross_entropy(WIDE, MANY),
    ),
    Case(
        "names of columns with blanks",
        {
            "t.csv": {
                **classes(["Figure", "Bed", "Chair 2"], PROBS),
                "label": np.array(["Figure", "Bed", "Chair 2"])[LABELS],
            }
        },
        "t.csv",
        log_loss(PROBS, LABELS),
    ),
    Case(
        "weights",
        {"d.csv": {"weight": SECONDS, "pred": GUESS, "target": REAL}},
        "d.csv",
        squared(GUESS, REAL),
    ),
    Case(
        "an index of pandas",
        {"d.csv": {"": INDEX, "pred": GUESS, "target": REAL}},
        "d.csv",
        squared(GUESS, REAL),
    ),
]


LOSSES = ["ce", "cross-entropy", "nll", "bce", "bce-with-logits", "mse", "l1", "kl-div"]


def proposed(out: str, err: str) -> list[str]:
    """The commands that inspect prints."""
    return re.findall(rf"\blosscli ((?:{'|'.join(LOSSES)}) .*)", out + err)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in INSPECTED])
def test_inspect_prints_a_command_that_runs(case: Case, run: Run, written: Any) -> None:
    written(case.files)
    code, out, err = run("inspect", *case.command.split())
    assert code == 0, err
    commands = proposed(out, err)
    assert commands
    for command in commands:
        code, out, err = run(*shlex.split(command))
        assert code == 0, f"{command}: {err}"
        assert number_of(out) == pytest.approx(case.value, rel=1e-9), command


def test_1_14_inspect_proposes_nothing_on_accuracies(run: Run, written: Any) -> None:
    text = "".join(json.dumps(row) + "\n" for row in LM_EVALUATION)
    written({"samples_task.jsonl": text})
    _, out, err = run("inspect", "samples_task.jsonl")
    for command in proposed(out, err):
        assert "acc" not in command
        assert run(*shlex.split(command))[0] == 0, command
    code, out, err = run("ce", "samples_task.jsonl")
    require_refusal(code, out, err)
