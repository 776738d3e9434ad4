"""Small tables that were misread in the past, each with its expected number or error."""

from __future__ import annotations

import io
import shlex
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import Run


class Case(NamedTuple):
    """`expected` is the number on standard output, or a text that the error contains."""

    id: str
    files: dict[str, str]
    command: str
    expected: float | str


LONG = "1000000000000000001", "1000000000000000002", "1000000000000000003"
LN = float(np.log(2.0))

CASES = [
    *(
        Case(
            f"a column called as predictions are that {option} names as well",
            {"t.csv": "pred,age,y\n10.5,20,10\n11,30,12\n9,40,9.5\n"},
            f"mse t.csv {option}",
            0.5,
        )
        for option in ("--cluster pred", "--where pred!=0", "--where pred=10.5,11,9")
    ),
    *(
        Case(
            f"a column called as predictions are that is taken by {option}",
            {"t.csv": "pred,age,y\n10.5,20,10\n11,30,12\n9,40,9.5\n"},
            f"mse t.csv {option}",
            "column 'pred' is named like predictions but is used for something else; age",
        )
        for option in ("--id pred", "--sample-weight-column pred")
    ),
    Case(
        "two columns of predictions, one of which names groups",
        {"t.csv": "prob_a,prob_b,label\n0.5,0.25,1\n0.25,0.5,0\n"},
        "bce t.csv --by prob_a",
        "any of prob_a, prob_b could be the input",
    ),
    *(
        Case(
            f"predictions that are {what}",
            {name: text},
            f"mse {name}",
            f"column 'pred' is named like predictions but contains {what}; age could be",
        )
        for what, name, text in (
            ("text", "t.jsonl", '{"pred":"10.5","age":20,"y":10}\n{"pred":"1","age":3,"y":2}\n'),
            ("no numbers", "t.jsonl", '{"pred":{"s":1.5},"age":20,"y":10}\n'),
            ("numbers with a decimal comma", "t.csv", "pred;age;y\n10,5;20;10\n11,2;30;12\n"),
        )
    ),
    Case(
        "weights beside the names of their classes",
        {
            "t.csv": "dog,bird,cat,label\n2,0,1,dog\n0,1,2,cat\n1,1,0,bird\n",
            "w.csv": "class,weight\ncat,10\ndog,1\nbird,1\n",
        },
        "ce t.csv -w w.csv",
        "column 'class' may name the class of each weight",
    ),
    Case(
        "rows of words and numbers without a header",
        {"a.csv": "img0,5\nimg1,3\nimg2,4\n", "b.csv": "img0,1\nimg1,3\nimg2,3\n"},
        "mse a.csv b.csv",
        "a.csv: the first line contains words and '5', so it may be column names or values",
    ),
    Case(
        "names with the numbers of classes above whole numbers",
        {"t.csv": "name,0,1,label\na,1,2,1\nb,3,1,0\n"},
        "ce t.csv",
        float(np.log1p(np.exp(-1.0)) + np.log1p(np.exp(-2.0))) / 2,
    ),
    Case(
        "decimal commas without a header",
        {"a.csv": "1;0,25\n2;0,5\n3;0,75\n", "b.csv": "1;0,2\n2;0,6\n3;0,7\n"},
        "mse a.csv b.csv --delimiter ';' --no-header",
        "column '1': expected decimal points, found numbers with a decimal comma",
    ),
    Case(
        "keys of two names in two orders",
        {"a.csv": "id,pred\na,1\nb,2\nc,5\n", "b.csv": "user_id,y\nc,5\na,1\nb,2\n"},
        "mse a.csv b.csv",
        "column 'user_id' has the same values as 'id' in a.csv, reordered",
    ),
    Case(
        "keys of two names in one order",
        {"a.csv": "id,pred\na,1\nb,2\nc,5\n", "b.csv": "user_id,y\na,2\nb,2\nc,5\n"},
        "mse a.csv b.csv",
        1 / 3,
    ),
    Case(
        "keys of more digits than a float has",
        {
            "a.csv": f"id,pred\n{LONG[0]},1\n{LONG[1]},2\n{LONG[2]},3\n",
            "b.csv": f"id,y\n{LONG[2]},3\n{LONG[0]},1\n{LONG[1]},2\n",
        },
        "mse a.csv b.csv",
        "the rows are not in the same order",
    ),
    Case(
        "a key that only the second and third tables share",
        {
            "p.csv": "pred\n1\n2\n3\n",
            "t.csv": "id,y\n1,1\n2,2\n3,3\n",
            "w.csv": "id,w\n3,0\n2,0\n1,1\n",
        },
        "mse p.csv t.csv --sample-weight w.csv",
        "w.csv:2: column 'id'",
    ),
    Case(
        "two models with their keys in other orders",
        {
            "a.csv": "id,pred\n1,1\n2,2\n3,3\n",
            "b.csv": "id,pred\n3,3\n2,2\n1,1\n",
            "y.csv": "y\n1\n2\n3\n",
        },
        "compare mse a.csv b.csv y.csv",
        "b.csv:2: column 'id': found '3', but '1' in a.csv",
    ),
    Case(
        "rows of two models chosen by columns of each",
        {
            "a.csv": "pred,split\n0.9,a\n0.8,b\n",
            "b.csv": "pred,split\n0.9,b\n0.8,a\n",
            "y.csv": "y\n1\n1\n",
        },
        "compare bce a.csv b.csv y.csv --where split=a",
        "--where split: both a.csv and b.csv have this column",
    ),
    Case(
        "labels that name some columns of classes, and whole numbers in the others",
        {"t.csv": "cat,dog,cow,label\n0,1.5,-0.5,dog\n0,0.3,0.7,cow\n"},
        "ce t.csv",
        "or -i cat,dog,cow to use all of them",
    ),
    Case(
        "numbers before the stem",
        {"t.csv": "1_prob,0_prob,label\n0.5,0.25,1\n0.25,0.5,0\n"},
        "nll t.csv --from probs",
        LN,
    ),
    Case(
        "numbers in brackets",
        {"t.csv": "prob(1),prob(0),label\n0.5,0.25,1\n0.25,0.5,0\n"},
        "nll t.csv --from probs",
        LN,
    ),
    Case(
        "an index saved twice",
        {
            "a.csv": "Unnamed: 0.1,Unnamed: 0,rentals\n0,0,5\n1,1,7\n",
            "b.csv": "Unnamed: 0.1,Unnamed: 0,rentals\n0,0,6\n1,1,9\n",
        },
        "mse a.csv b.csv",
        2.5,
    ),
    Case(
        "an unquoted glob of shards without a usual target",
        {"0.csv": "pred,rain\n1,2\n3,4\n", "1.csv": "pred,rain\n5,6\n7,9\n"},
        "mse 0.csv 1.csv",
        "Put quotes around a glob",
    ),
    Case(
        "a column that breaks the numbers of the others",
        {"t.csv": "x0,x1,x2,x10,label\n1,2,3,9,0\n3,2,1,9,1\n1,1,1,9,2\n"},
        "ce t.csv",
        "the numbers of the columns x0, x1, x2, x10 have gaps",
    ),
    Case(
        "two features and a label",
        {"t.csv": "age,fare,label\n20,7.5,0\n30,8.5,1\n"},
        "ce t.csv",
        "Use -i age,fare to use all of them",
    ),
    Case(
        "shards of which one has more classes",
        {
            "s-0.csv": "logit_0,logit_1,label\n1,0,1\n",
            "s-1.csv": "logit_0,logit_1,logit_2,label\n0,0,5,1\n",
        },
        "ce 's-*.csv'",
        "this file and s-0.csv have different columns (logit_2)",
    ),
    Case(
        "shards of which one has a header",
        {"s-0.csv": "0.5,1\n", "s-1.csv": "0,1\n.5,1\n"},
        "mse 's-*.csv' -i 0 -t 1",
        "Use --header or --no-header for all of them",
    ),
    Case(
        "a list in another order than that of the classes",
        {"t.csv": "label,p_0,p_1\n0,0.9,0.1\n1,0.2,0.8\n"},
        "nll t.csv --from probs -i p_1,p_0",
        "Use -i p_0,p_1, or --class-base 0",
    ),
    Case(
        "names of classes in another case",
        {"t.csv": "label,p_Cat,p_Dog\n0,0.25,0.5\n1,0.5,0.25\n"},
        "nll t.csv --from probs --classes dog,cat",
        LN,
    ),
    Case(
        "names of some classes alone",
        {"t.csv": "label,p_cat,p_dog,p_bird2\n0,0.5,0.25,0.25\n"},
        "nll t.csv --from probs --classes dog,cat,bird",
        "matches only some of the columns",
    ),
    Case(
        "columns called true and false",
        {"t.csv": "label,p_True,p_False\ntrue,0.5,0.25\nfalse,0.25,0.5\n"},
        "nll t.csv --from probs",
        LN,
    ),
    Case(
        "columns called pos and neg",
        {"t.csv": "label,p_pos,p_neg\n1,0.5,0.25\n0,0.25,0.5\n"},
        "nll t.csv --from probs",
        LN,
    ),
    Case(
        "numbers behind two stems that overlap",
        {"p.csv": "p_1,p_2\n1,2\n", "y.csv": "y_3,y_2\n3,2\n"},
        "mse p.csv y.csv",
        "and the names differ",
    ),
    Case(
        "a key with a blank",
        {"a.csv": "user id,pred\n1,5\n2,7\n", "b.csv": "user id,y\n1,6\n2,9\n"},
        "mse a.csv b.csv",
        2.5,
    ),
    Case(
        "keys of which one has a fraction of 0",
        {"a.csv": "id,pred\n0.0,5\n1.0,7\n", "b.csv": "id,y\n1,9\n0,6\n"},
        "mse a.csv b.csv --id id",
        2.5,
    ),
    Case(
        "columns that add up to the same and are no keys",
        {"a.csv": "n,pred\n1,5\n4,7\n", "b.csv": "n,y\n2,6\n3,9\n"},
        "mse a.csv b.csv",
        2.5,
    ),
    Case(
        "a join without any row",
        {"a.csv": "id,pred\n1,5\n", "b.csv": "id,y\n2,6\n"},
        "mse a.csv b.csv --id id --join inner",
        "no key of this file is in all other files",
    ),
    Case(
        "a condition that no value of the column can meet",
        {"t.csv": "fold,pred,y\n1,1,2\n2,1,3\n"},
        "mse t.csv --where fold=3",
        "matches none of 2 rows",
    ),
    Case(
        "three files of a comparison, of which the first has a target",
        {"a.csv": "pred,target\n1,2\n", "b.csv": "pred,target\n3,2\n", "y.csv": "target\n5\n"},
        "compare mse a.csv b.csv y.csv -f json",
        '"difference": -12.0',
    ),
    Case(
        "masks of two models",
        {
            "a.csv": "pred,y,mask\n1,0,1\n2,0,1\n3,0,0\n",
            "b.csv": "pred,y,mask\n1,0,1\n2,0,0\n3,0,1\n",
        },
        "compare mse a.csv b.csv --mask-column mask -f csv",
        "a,1.0,",
    ),
    Case(
        "classes of the second model in the order of --classes",
        {
            "a.csv": "0.25,0.5\n0.5,0.25\n",
            "b.csv": "p_cat,p_dog\n0.5,0.25\n0.25,0.5\n",
            "y.csv": "label\ncat\ndog\n",
        },
        "compare nll a.csv b.csv y.csv --from probs --classes dog,cat -f csv",
        f"b,{LN!r},",
    ),
    Case(
        "classes called as missing values are",
        {"t.csv": "NA,None,label\n0.5,0.25,NA\n0.25,0.5,None\n"},
        "nll t.csv --from probs",
        LN,
    ),
    Case(
        "classes called as missing values are by --classes",
        {"x.csv": "0.5,0.25\n0.25,0.5\n", "y.csv": "label\nNA\nnull\n"},
        "nll x.csv y.csv --from probs --classes NA,null",
        LN,
    ),
    Case(
        "a target of missing values",
        {"t.csv": "p_0,p_1,label\n0.5,0.25,NA\n0.25,0.5,NA\n"},
        "nll t.csv --from probs",
        "--skip-missing",
    ),
    Case(
        "whole numbers that two tables share",
        {"a.csv": "hour,sales\n0,1.5\n1,2.5\n", "b.csv": "hour,sales\n0,4.5\n1,5.5\n"},
        "mse a.csv b.csv",
        "Use --id hour for a key, or list the columns of data: -i sales -t sales",
    ),
    Case(
        "a first row of a word and a number",
        {"a.csv": "img0.png,10.5\nimg1.png,20.5\n", "b.csv": "img0.png,19.5\nimg1.png,23.5\n"},
        "mse a.csv b.csv",
        "Use --header or --no-header",
    ),
    Case(
        "numbers below 0 behind a stem",
        {"t.csv": "prob_-1,prob_0,prob_1,label\n.5,.25,.25,-1\n.25,.25,.5,1\n.25,.5,.25,0\n"},
        "nll t.csv --from probs",
        LN,
    ),
    Case(
        "numbers within the names",
        {"t.csv": "P(y=1),P(y=0),label\n0.5,0.25,1\n0.25,0.5,0\n"},
        "nll t.csv --from probs",
        LN,
    ),
    Case(
        "names of classes that are numbers",
        {"a.csv": "a,b,c\n0.7,0.2,0.1\n", "b.csv": "label\n2\n"},
        "nll a.csv b.csv --from probs --classes 2,0,1",
        "--classes 2,0,1 gives numbers, and the labels are numbers too",
    ),
    Case(
        "one table for both models",
        {"t.csv": "a_0,a_1,b_0,b_1,label\n0,0,1,1,0\n0,0,1,1,1\n"},
        "compare ce t.csv t.csv -i a_0,a_1 -i b_0,b_1 -t label -f csv",
        f"b,{LN!r},",
    ),
    Case(
        "a condition that excludes no rows",
        {"t.csv": "fold,pred,y\n1.0,1,2\n2.0,1,3\n"},
        "mse t.csv --where fold!=1 --strict",
        "--where fold!=1 excludes no rows",
    ),
    Case(
        "labels that a condition leaves out",
        {"t.csv": "label,p_1,p_2,p_3,s\n0,.8,.1,.1,a\n1,.1,.8,.1,b\n2,.1,.1,.8,b\n"},
        "nll t.csv --from probs --where s=b",
        "Use --class-base 1 if labels start at 1, or --class-base 0 if labels start at 0",
    ),
    Case(
        "times in two ways of writing",
        {
            "a.csv": "when,pred\n2024-01-01,1\n2024-01-02,2\n",
            "b.csv": "when,y\n2024-01-02 00:00:00,2\n2024-01-01 00:00:00,1\n",
        },
        "mse a.csv b.csv",
        "the rows are not in the same order",
    ),
    Case(
        "a column called Class beside --by class",
        {"t.csv": "Class,c0,c1,label\na,0,1,0\nb,1,0,1\n"},
        "ce t.csv --by class",
        "has a column 'Class', but --by class groups by the target",
    ),
]


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_a_table_is_read_as_it_is_meant(
    case: Case, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in case.files.items():
        (tmp_path / name).write_text(text)
    code, out, err = run(*shlex.split(case.command))
    if isinstance(case.expected, float):
        assert (code, float(out)) == (0, pytest.approx(case.expected, rel=1e-12)), err
    elif code == 0:
        assert case.expected in out
    else:
        assert (code, out, len(err.splitlines())) == (1, "", 1)
        assert case.expected in err


@pytest.mark.parametrize(
    "keys",
    [
        pa.array([bytes([k]) * 16 for k in range(3)], pa.binary(16)),
        pa.array([b"a", b"b", b"c"]),
        pa.array([10**18 + k for k in range(3)]).cast(pa.decimal128(20, 0)),
        pa.array([0, 1, 2], pa.timestamp("ns")),
    ],
)
def test_keys_of_any_type_are_compared(keys: pa.Array, run: Run, tmp_path: Path) -> None:
    a, b = tmp_path / "a.parquet", tmp_path / "b.parquet"
    pa.parquet.write_table(pa.table({"id": keys, "pred": [1.0, 2.0, 3.0]}), a)
    pa.parquet.write_table(pa.table({"id": keys.take([2, 1, 0]), "y": [3.0, 2.0, 1.0]}), b)
    code, out, err = run("mse", a, b)
    assert (code, out) == (1, "")
    assert "the rows are not in the same order" in err
    assert run("mse", a, b, "--pair", "position")[1] == "2.6666666666666665\n"


def test_one_row_of_classes_in_a_file_of_arrays(run: Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "c.npz", logits=np.array([0.0, np.log(3.0)]))
    code, out, _ = run("ce", tmp_path / "c.npz", "1")
    assert code == 0
    assert float(out) == pytest.approx(np.log(4 / 3))


@pytest.mark.slow
def test_many_columns_and_many_words_end(run: Run, tmp_path: Path) -> None:
    names = [f"logit_{k}" for k in range(20_000)]
    header = io.StringIO()
    header.write(",".join([*names, "label"]) + "\n" + "0," * len(names) + "1\n")
    (tmp_path / "wide.csv").write_text(header.getvalue())
    code, out, err = run("ce", tmp_path / "wide.csv")
    assert code == 0, err
    assert float(out) == pytest.approx(np.log(20_000))
    for file, middles in (("p.csv", "xyz"), ("y.csv", "uvw")):
        long = [f"{'a_' * 40}{middle}{'_b' * 40}" for middle in middles]
        (tmp_path / file).write_text(",".join(long) + "\n1,2,3\n")
    assert "and the names differ" in run("mse", tmp_path / "p.csv", tmp_path / "y.csv")[2]
