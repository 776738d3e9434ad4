"""The environment of a command: interpreter modes, variables, folders and other packages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from conftest import run_command
from pyarrow import parquet

pytestmark = pytest.mark.slow


def test_without_docstrings_one_line_says_so(tmp_path: Path) -> None:
    """python -OO removes docstrings, which losscli reads to define the losses."""
    np.save(tmp_path / "x.npy", np.zeros(2))
    process = subprocess.run(
        [sys.executable, "-OO", "-m", "losscli", "mse", "x.npy", "x.npy"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 1
    assert process.stderr == (
        "losscli: error: losscli needs docstrings. Run it without python -OO and without "
        "PYTHONOPTIMIZE=2.\n"
    )


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_nothing_colours_or_cuts_a_file(variable: str, tmp_path: Path) -> None:
    """Programs that run tests set these variables."""
    np.save(tmp_path / "x.npy", np.arange(300.0))
    process = subprocess.run(
        [sys.executable, "-m", "losscli", "mse", "x.npy", "x.npy", "-r", "none", "-f", "table"],
        cwd=tmp_path,
        check=False,
        env={**os.environ, variable: "1"},
        capture_output=True,
        text=True,
    )
    assert "\x1b" not in process.stdout
    assert len(process.stdout.splitlines()) == 301


def test_an_output_of_the_longest_name(tmp_path: Path) -> None:
    """The temporary file has a short name, whatever the length of the output's name."""
    np.save(tmp_path / "x.npy", np.arange(3.0))
    name = "o" * 251 + ".npy"
    words = [sys.executable, "-m", "losscli", "mse", "x.npy", "x.npy", "-r", "none", "-o", name]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    assert np.load(tmp_path / name).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("words", [{}, {"COMP_WORDS": "losscli", "COMP_CWORD": "abc"}])
def test_completion_of_nothing_is_the_help(words: dict[str, str], tmp_path: Path) -> None:
    """A shell may have the completion variable set without a request for completion."""
    process = subprocess.run(
        [sys.executable, "-m", "losscli"],
        cwd=tmp_path,
        check=False,
        env={**os.environ, "_LOSSCLI_COMPLETE": "complete_bash", **words},
        capture_output=True,
        text=True,
    )
    assert (process.returncode, process.stderr) == (2, "")
    assert "Usage" in process.stdout


def test_blanks_in_names_stay_in_messages(tmp_path: Path) -> None:
    """Blanks were merged, so that the message named another file."""
    process = subprocess.run(
        [sys.executable, "-m", "losscli", "l1", "a  b.npy", "0"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert process.stderr == "losscli: error: a  b.npy: No such file or directory\n"


@pytest.mark.parametrize(
    "mode", [["-I"], ["-W", "error"], ["-bb"], ["-B", "-E", "-s"], ["-O"], ["-P"]]
)
def test_modes_of_the_interpreter_change_nothing(mode: list[str], tmp_path: Path) -> None:
    parquet.write_table(pa.table({"x": [1.0, 3.0], "y": [0.0, 0.0]}), tmp_path / "t.parquet")
    process = subprocess.run(
        [sys.executable, *mode, "-m", "losscli", "mse", "t.parquet", "-i", "x", "-t", "y"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (process.returncode, process.stdout, process.stderr) == (0, "5.0\n", "")


@pytest.mark.parametrize("change", [{"HOME": "/nowhere"}, {"HOME": "/proc"}, {}])
def test_no_home_changes_nothing(change: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,y\n1,0\n3,0\n")
    environment = {name: value for name, value in os.environ.items() if name != "HOME"} | change
    words = ["mse", tmp_path / "t.csv", "-i", "x", "-t", "y"]
    assert run_command(*words, env=environment).stdout == "5.0\n"


def test_threads_that_another_program_asks_for(tmp_path: Path) -> None:
    """pyarrow takes its number of threads from this variable."""
    (tmp_path / "t.csv").write_text("x,y\n1,0\n3,0\n")
    words = ["mse", tmp_path / "t.csv", "-i", "x", "-t", "y"]
    environment = {**os.environ, "OMP_NUM_THREADS": "99999"}
    assert run_command(*words, env=environment).stdout == "5.0\n"


def test_completion_is_installed_once(tmp_path: Path) -> None:
    """Every installation added a line."""
    environment = {**os.environ, "HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL": "1"}
    for _ in range(3):
        found = run_command("--install-completion", "bash", env=environment)
    assert (tmp_path / ".bashrc").read_text().count("losscli") == 1
    assert str(tmp_path / ".bash_completions" / "losscli.sh") in found.stdout


@pytest.mark.parametrize("output", ["o.parquet", "o.csv", "o.jsonl"])
def test_pandas_is_not_imported(output: str, tmp_path: Path) -> None:
    """pyarrow imports an installed pandas, which takes half a second."""
    (tmp_path / "pandas.py").write_text("raise SystemExit('imported')\n")
    parquet.write_table(
        pa.table({"x": [1.0, 3.0], "y": [0.0, 0.0], "g": ["a", "b"]}), tmp_path / "t.parquet"
    )
    words = ["mse", "t.parquet", "-i", "x", "-t", "y", "-r", "none", "--keep", "g", "-o", output]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    assert run_command(*words, cwd=tmp_path, env=environment).stderr == ""
    assert (tmp_path / output).exists()


def test_a_signalling_nan_is_no_warning_of_python(tmp_path: Path) -> None:
    """NumPy warns about the conversion, with lines of source code."""
    numbers = np.arange(4, dtype=np.float32)
    numbers.view(np.uint32)[1] = 0x7FA00000
    np.save(tmp_path / "y.npy", numbers)
    np.save(tmp_path / "a.npy", np.arange(4.0))
    found = run_command("compare", "mse", "a.npy", "a.npy", "--target", "y.npy", cwd=tmp_path)
    assert "RuntimeWarning" not in found.stderr
    assert [line for line in found.stderr.splitlines() if not line.startswith("losscli: ")] == []


def test_the_hint_of_an_internal_error_runs_no_module_of_the_folder(tmp_path: Path) -> None:
    """python -m runs modules of the current folder unless -P is given."""
    script = (
        "import losscli.cli.main as cli\n"
        "def fail(words): raise ZeroDivisionError('so it goes')\n"
        "cli._run = fail\n"
        "from losscli.__main__ import run\n"
        "run()\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert found.stderr == (
        "losscli: error: internal error: ZeroDivisionError: so it goes. Please report this "
        "error, with the traceback that python -P -X dev -m losscli shows.\n"
    )
    assert found.returncode == 1
