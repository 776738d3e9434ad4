"""Paths that cannot be read, and full disks."""

from __future__ import annotations

import errno
import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from conftest import Run
from pyarrow import ipc, parquet

from losscli.cli import actions
from losscli.readers.tables import reordered


def write(path: Path, **columns: Any) -> Path:
    table = pa.table(columns)
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
    else:
        with ipc.new_file(path, table.schema) as file:
            file.write_table(table)
    return path


def refusal(run: Run, *words: object, code: int = 1) -> str:
    """The one line that the command prints as an error."""
    found, out, err = run(*words)
    assert (found, out) == (code, "")
    [line] = err.splitlines()
    assert "internal error" not in line
    assert "write the result" not in line
    return str(line.removeprefix("losscli: error: "))


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that not even root may enter."""
    folder = tmp_path / "locked"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)

    def refusing(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *arguments: Any, **named: Any) -> Any:
            if isinstance(path, str | os.PathLike) and "locked" in os.fspath(path):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
            return function(path, *arguments, **named)

        return call

    for name in ("stat", "scandir", "listdir"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))
    return folder


class TestPaths:
    """Errors of reading name the path, and do not mention the result."""

    X: ClassVar = ["l1", "1,2", "0,0"]

    def test_of_whatever_file_it_is(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(*inputs: Any, **parameters: Any) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO), "x.npy")

        monkeypatch.setattr(actions, "outcome_of", fails)
        assert refusal(run, *self.X) == "x.npy: Input/output error"

    @pytest.mark.parametrize("path", ["locked/x.npy", "locked/*.npy"])
    @pytest.mark.parametrize(
        "words",
        [["l1", "PATH", "0"], ["inspect", "PATH"], ["compare", "l1", "PATH", "1", "1"]],
        ids=lambda words: words[0],
    )
    def test_in_a_locked_folder(self, words: list[str], path: str, run: Run, locked: Path) -> None:
        given = [path if word == "PATH" else word for word in words]
        assert refusal(run, *given) == f"{path}: Permission denied"

    @pytest.mark.parametrize("option", ["--by", "--cluster", "--weight", "--mask"])
    def test_beside_in_a_locked_folder(self, option: str, run: Run, locked: Path) -> None:
        assert refusal(run, *self.X, option, "locked/x") == "locked/x: Permission denied"

    def test_a_folder_that_cannot_be_listed(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        def scandir(path: Any) -> Any:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

        monkeypatch.setattr(os, "scandir", scandir)
        assert refusal(run, "l1", tmp_path, "0") == f"{tmp_path}: Permission denied"

    @pytest.mark.parametrize("option", [None, "--by", "--cluster", "--weight", "--classes"])
    def test_a_name_that_is_too_long(self, option: str | None, run: Run, tmp_path: Path) -> None:
        path = tmp_path / ("a" * 300)
        words = ["l1", path, "0"] if option is None else [*self.X, option, path]
        if option == "--classes":
            (tmp_path / "t.csv").write_text("a,b,y\n0.5,0.5,dog\n0.25,0.75,cat\n")
            words = ["nll", tmp_path / "t.csv", "-i", "a,b", "-t", "y", option, path]
        assert refusal(run, *words) == f"{path}: File name too long"

    def test_a_full_disk_under_what_is_paired(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        class Full(io.BytesIO):
            def write(self, data: Any) -> int:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(tempfile, "TemporaryFile", Full)
        monkeypatch.setattr(reordered, "_MEMORY_BYTES", 0)
        a = write(tmp_path / "a.parquet", id=[1, 2, 3], x=[1.0, 2.0, 3.0])
        b = write(tmp_path / "b.parquet", id=[3, 1, 2], x=[7.0, 11.0, 13.0])
        assert refusal(run, "l1", a, b, "-i", "x", "-t", "x", "--id", "id") == (
            f"{tempfile.gettempdir()}: cannot write a temporary file: No space left on "
            "device. Set TMPDIR to another folder."
        )

    def test_a_disk_that_takes_a_part_of_what_is_paired(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """If a nearly full disk writes only part of the data at once, the rest is written after
        it."""

        class Narrow(io.BytesIO):
            def write(self, data: Any) -> int:
                return super().write(data[:5])

        monkeypatch.setattr(tempfile, "TemporaryFile", lambda: io.BufferedRandom(Narrow()))
        monkeypatch.setattr(reordered, "_MEMORY_BYTES", 0)
        a = write(tmp_path / "a.parquet", id=[1, 2, 3], x=[1.0, 2.0, 3.0])
        b = write(tmp_path / "b.parquet", id=[3, 1, 2], x=[7.0, 11.0, 13.0])
        words = ["l1", a, b, "-i", "x", "-t", "x", "--id", "id", "-r", "none"]
        assert run(*words)[1] == "10.0\n11.0\n4.0\n"

    @pytest.mark.parametrize("words", [["l1", "-", "0"], ["inspect", "-"]])
    def test_standard_input_that_is_closed(
        self, words: list[str], run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdin", None)
        assert refusal(run, *words) == "-: standard input is closed"
