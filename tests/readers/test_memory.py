"""Memory does not grow with the size of the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# Every test starts processes.
pytestmark = pytest.mark.slow


def save(path: Path, array: Any) -> Path:
    np.save(path, array)
    return path


# The peak memory of the process itself. getrusage would include its parent's memory before exec.
MEASURE = """
import re, sys
from pathlib import Path
from losscli.cli.main import main
assert main(sys.argv[1:]) == 0
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.parametrize("order", ["C", pytest.param("F", marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_the_file(order: str, tmp_path: Path) -> None:
    """A file of 1 GB, mostly a hole on the disk, takes less than 200 MiB."""
    path = tmp_path / "x.npy"
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": order == "F", "shape": (250_000, 1000)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + 1_000_000_000)
    labels = save(tmp_path / "y.npy", np.zeros(250_000, dtype=np.int64))
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, "cross-entropy", str(path), str(labels)],
        capture_output=True,
        text=True,
        check=True,
    )
    loss, peak = run.stdout.split()
    assert float(loss) == pytest.approx(np.log(1000), rel=1e-12)
    assert int(peak) < 200
