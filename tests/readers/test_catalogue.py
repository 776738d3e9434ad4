"""The list of formats is generated from their modules, and each format is tested."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from formats_catalogue import CATALOGUE, catalogue
from test_formats import FILES

from losscli.readers import Reading
from losscli.readers.formats import FORMATS, known_format, open_file
from losscli.readers.formats.catalogue import ROWS

# A format as another developer would add it: a table of one column, in a single file.
ADDED = """
import pyarrow as pa
from losscli.readers.formats.format import Format
from losscli.readers.tables.table import Table
from losscli.readers.tables.table_file import TableFile, from_row

FORMATS = (Format("words", ("w",), b"WORDS"),)


def open_file(origin, reading):
    with origin.stream() as file:
        numbers = [float(word) for word in file.read().split()[1:]]
    batch = pa.record_batch({"x": pa.array(numbers)})
    batches = lambda requested, first_row: from_row(iter([batch]), first_row)
    return Table(TableFile(origin.name, origin.size, batch.schema, batches))
"""

# Run a command with the module of a folder among the formats, and with a new catalogue.
PROGRAM = """
import sys
from importlib import reload
from losscli.readers import formats

folder, tests, *words = sys.argv[1:]
sys.path.insert(0, tests)
formats.__path__.append(folder)
from formats_catalogue import catalogue

exec(catalogue(), vars(formats.catalogue))
path = formats.__path__
reload(formats).__path__ = path

from losscli.cli.main import main
sys.exit(main(words))
"""


def test_the_list_is_what_the_modules_declare() -> None:
    """The comparison ignores the layout, since the script's output is formatted."""
    assert catalogue() == CATALOGUE.read_text(encoding="utf-8")


def test_no_two_formats_share_a_suffix() -> None:
    suffixes = [suffix for one in FORMATS.values() for suffix in one.all_suffixes]
    assert sorted(suffixes) == sorted(set(suffixes))
    assert [known_format(f"x.{suffix}.gz") for suffix in suffixes] == [
        one.name for one in FORMATS.values() for _ in one.all_suffixes
    ]


def test_every_format_but_that_of_a_single_array_has_a_file_with_everything() -> None:
    assert {known_format(name) for name in FILES} == {*FORMATS} - {"npy"}


@pytest.mark.parametrize("name", ROWS)
def test_a_module_opens_each_format(name: str, tmp_path: Path) -> None:
    """An empty file gives an error, not a missing module."""
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(ValueError, match=f"{tmp_path}/x: "):
        open_file(str(tmp_path / "x"), Reading(format=name))


@pytest.mark.slow
@pytest.mark.parametrize("file", ["t.words", "t.w", "t"])
def test_a_format_is_one_file(file: str, tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text(ADDED)
    (tmp_path / file).write_text("WORDS 1.5 2.5 5")
    tests = Path(__file__).parent.parent
    words = ["l1", tmp_path / file, "0,0,0", "-i", "x"]
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path, tests, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.stdout, run.stderr) == ("3.0\n", "")
