"""Text that a file stores once for many rows, in dictionaries and views."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tables import save_table

from losscli import Wanted, evaluate
from losscli.errors import DataError
from losscli.readers.tables.dictionaries import portions

NAMES = ["a", None, "a name of more than twelve bytes", "a"]

# Types that can contain the same names.
TYPES = [
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.dictionary(pa.int8(), pa.string()),
    pa.dictionary(pa.int64(), pa.large_string()),
]


def table_of(**columns: object) -> pa.Table:
    return pa.table({"x": [1.0, 2.0, 3.0, 4.0], "y": [0.0] * 4, **columns})


@pytest.fixture(params=TYPES, ids=str)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "t.arrow"
    save_table(path, table_of(z=pa.array(NAMES).cast(request.param)))
    return path


def test_names_are_the_same_labels_in_every_type(path: Path) -> None:
    wanted = Wanted(by=("z",))
    found = evaluate("mse", path, input_column="x", target_column="y", wanted=wanted).groups
    assert {group.labels[0]: group.value for group in found or ()} == {
        "a": (1 + 16) / 2,
        None: 4.0,
        NAMES[2]: 9.0,
    }


@pytest.mark.parametrize(("where", "mean"), [("z=a", 8.5), ("z!=a", 6.5), ("z=", 4.0)])
def test_a_condition_on_names_in_every_type(path: Path, where: str, mean: float) -> None:
    result = evaluate("mse", path, input_column="x", target_column="y", where=[where])
    assert result.value == mean


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_numbers_as_text_in_every_type(kind: pa.DataType, tmp_path: Path) -> None:
    words = pa.array([" 1", "2e0 ", " 1", "+4"]).cast(kind)
    save_table(tmp_path / "t.arrow", table_of(z=words))
    assert evaluate("mse", tmp_path / "t.arrow", input_column="x", target_column="z").value == 1.0


def test_a_word_of_a_dictionary_that_no_row_has(tmp_path: Path) -> None:
    words = pa.array(["1", "no number", "2"])
    column = pa.DictionaryArray.from_arrays(pa.array([0, 2, 0, 2], pa.int8()), words)
    save_table(tmp_path / "t.arrow", table_of(z=column))
    result = evaluate("mse", tmp_path / "t.arrow", input_column="x", target_column="z")
    assert result.value == (0 + 0 + 4 + 4) / 4


def test_the_first_row_with_a_word_that_is_no_number(tmp_path: Path) -> None:
    words = pa.array(["no", "1"])
    column = pa.DictionaryArray.from_arrays(pa.array([1, 1, 0, 0], pa.int8()), words)
    save_table(tmp_path / "t.arrow", table_of(z=column))
    with pytest.raises(DataError, match="row 2, column 'z': expected a number, found 'no'"):
        evaluate("mse", tmp_path / "t.arrow", input_column="x", target_column="z")


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_labels_of_steps_in_every_type(kind: pa.DataType, tmp_path: Path) -> None:
    labels = pa.array([["a", "b"], ["b"]])
    if pa.types.is_dictionary(kind) or pa.types.is_string_view(kind):
        labels = pa.ListArray.from_arrays(labels.offsets, labels.values.cast(kind))
    scores = pa.array([[[-1.0, -9.0], [-9.0, -2.0]], [[-9.0, -4.0]]])
    table = pa.table({"x": scores, "y": [[0, 1], [1]], "z": labels})
    save_table(tmp_path / "t.arrow", table)
    columns = {"input_column": "x", "target_column": "y"}
    wanted = Wanted(by=("z",))
    found = evaluate("nll", tmp_path / "t.arrow", check=False, wanted=wanted, **columns).groups
    assert {group.labels[0]: group.value for group in found or ()} == {"a": 1.0, "b": (2 + 4) / 2}


def views(text: str, begins: list[int], length: int) -> pa.Array:
    """Views of parts of a text, each longer than the 12 bytes that a view stores itself."""
    fields = np.zeros((len(begins), 4), np.int32)
    fields[:, 0] = length
    fields[:, 3] = begins
    for view, begin in zip(fields, begins, strict=True):
        view[1] = int.from_bytes(text[begin : begin + 4].encode(), "little")
    buffers = [None, pa.py_buffer(fields), pa.py_buffer(text.encode())]
    return pa.Array.from_buffers(pa.string_view(), len(begins), buffers)


def test_views_of_one_text_become_a_dictionary() -> None:
    """The dictionary contains each text once, however many rows have it."""
    text = "".join(map(chr, range(65, 91))) * 4000
    begins = [0, 1, 0, 2] * 1000
    batch = pa.record_batch({"z": views(text, begins, 26)})
    [part] = portions("t.arrow", batch)
    assert part.column(0).to_pylist() == [text[begin : begin + 26] for begin in begins]
    long = views(text, begins, 50_000)
    parts = list(portions("t.arrow", pa.record_batch({"z": long})))
    assert len(parts) > 1
    assert {len(part.column(0).dictionary) for part in parts} == {3}
    found = [word for part in parts for word in part.column(0).to_pylist()]
    assert found == [text[begin : begin + 50_000] for begin in begins]


@pytest.mark.parametrize("bytes_behind", [0, 1, 4, 15])
@pytest.mark.parametrize("rows", [0, 3])
def test_a_buffer_of_views_may_be_longer_than_its_column(rows: int, bytes_behind: int) -> None:
    fields = np.zeros((rows, 4), np.int32)  # views of empty text
    longer = pa.py_buffer(fields.tobytes() + bytes(bytes_behind))
    column = pa.Array.from_buffers(pa.string_view(), rows, [None, longer])
    parts = portions("t.arrow", pa.record_batch({"z": column}))
    assert [part.column(0).to_pylist() for part in parts] == [[""] * rows]


def test_halves_are_compared_by_their_values(tmp_path: Path) -> None:
    halves = pa.array([0.1, 2.0, None, 0.1], pa.float16())
    save_table(tmp_path / "t.parquet", table_of(z=halves))
    found = [
        evaluate(
            "mse", tmp_path / "t.parquet", input_column="x", target_column="y", where=[where]
        ).value
        for where in ("z=0.1", "z=2", "z!=2")
    ]
    assert found == [8.5, 4.0, (1 + 9 + 16) / 3]
