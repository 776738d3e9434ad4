"""Files that are damaged, expand too far, shrink, or are not regular files."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import pickle
import resource
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import COMMAND

MOST_MEMORY = 600 << 20  # bytes of address space, including libraries
MOST_SECONDS = 20


def header(descr: Any, shape: Any, *, data: bytes = bytes(64)) -> bytes:
    """A `.npy` file with any header."""
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    room = (len(text) + 11 + 63) // 64 * 64 - 10
    return b"\x93NUMPY\x01\x00" + room.to_bytes(2, "little") + text.ljust(room - 1) + b"\n" + data


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return file.getvalue()


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


FAULTS: dict[str, tuple[bytes, str]] = {
    "huge.npy": (header("<f8", (2**62,)), "no float64 array can have shape (4611686018427387904,)"),
    "larger.npy": (
        header("<f8", (2**40, 2**40)),
        "no float64 array can have shape (1099511627776, 1099511627776)",
    ),
    "negative.npy": (header("<f8", (-4,)), "no float64 array can have shape (-4,)"),
    "objects.npy": (header("|O", (2,), data=pickle.dumps([1, 2])), "found Python objects"),
    "pickle.npy": (pickle.dumps(np.zeros(3)), "not a readable .npy array"),
    "absurd.npy": (header("<f99", (2,)), "not a valid dtype descriptor"),
    "records.npy": (header([("a", "<f8")], (2,)), "found records"),
    "nothing.npy": (header("<U0", (10**12,)), "found text"),
    "axes.npy": (header("<f8", (1,) * 70), "found 70 axes; the limit is 32"),
    "tokens.npy": (header("<f8", "(2,").replace(b"}", b"("), "not a readable .npy array"),
    "empty.npy": (b"", "not a readable .npy array"),
    "magic.npy": (b"\x93NUMPY", "not a readable .npy array"),
    "nested.npz": (zipped(x=zipped(x=npy(np.zeros(9)))), "nested.npz[x]: not a readable .npy"),
    "text.npz": (b"PK\x03\x04 and no more", "not a readable .npz file"),
    "few.csv": (b"x,y\n1,2\n3\n", "few.csv:3: expected 2 columns as in the first line, found 1"),
    "many.csv": (
        b"x,y\n1,2\n3,4,5\n",
        "many.csv:3: expected 2 columns as in",
    ),
    "words.csv": (b"x,y\n1,2\ncat,4\n", "words.csv:3: column 'x': expected a number, found 'cat'"),
    "nul.csv": (b"x,y\n1,\x002\n", "found binary data in an unsupported format"),
    "utf16.csv": ("x,y\n1,2\n".encode("utf-16"), "not UTF-8 text"),
    "latin.csv": ("x,y,\xe9\n1,2,3\n".encode("latin-1"), "Convert the file with iconv -t UTF-8"),
    "blank.csv": (b"\n\n", "the file is empty"),
    "separator.csv": (b"\x1c", "no column 'x'"),
    "quote.csv": (
        b'x,y\n"1,2\n3,4\n',
        "quote.csv:2: expected 2 columns as in the first line, found 1",
    ),
    "endless.csv.gz": (gzip.compress(b"1," * (1 << 26), 1), "the line is longer than 32 MiB"),
    "ragged.jsonl": (
        b'{"x": [1.0, 2.0], "y": 0}\n{"x": [1.0], "y": 1}\n',
        "expected a list of 2 as in line 1, found a list of 1",
    ),
    "mixed.jsonl": (
        b'{"x": 1.0, "y": 0}\n{"x": "a", "y": 1}\n',
        "mixed.jsonl:2: column 'x': expected a number as in the first megabyte, found text",
    ),
    "deep.jsonl": (
        b'{"x": ' + b"[" * 5000 + b"]" * 5000 + b"}\n",
        "levels of nested lists and objects",
    ),
    "half.jsonl": (b'{"x": 1.0, "y": 0}\n{"x": 2.0, ', "JSON parse error"),
    "bytes.jsonl": (b'{"\x8d": 1.0, "y": 0}\n', "the text is not UTF-8"),
    "cut.parquet": (b"PAR1 and no more", "not a readable Parquet file"),
    "cut.arrow": (b"ARROW1\0\0 and no more", "not a readable Arrow file"),
    "length.safetensors": ((2**62).to_bytes(8, "little") + b"{}", "to be 46116860184273879"),
    "shape.safetensors": (
        (58).to_bytes(8, "little") + b'{"x":{"dtype":"F64","shape":[-1],"data_offsets":[0,8]}}   ',
        "invalid header",
    ),
}


def refused(words: list[str], cwd: Path) -> str:
    """The one line that the command prints as an error, within its limits."""
    began = time.monotonic()
    process = subprocess.Popen(
        [*COMMAND, *words], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    out, err = process.communicate(timeout=MOST_SECONDS)
    assert time.monotonic() - began < MOST_SECONDS
    assert (process.returncode, out) == (1, ""), err
    assert err.startswith("losscli: error: ")
    assert "internal error" not in err
    [line] = err.splitlines()
    return line


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_damaged_file(name: str, tmp_path: Path) -> None:
    data, said = FAULTS[name]
    (tmp_path / name).write_bytes(data)
    words = ["l1", name, "0"] if name.endswith(("npy", "npz")) else ["l1", name, "-i", "x", "0"]
    line = refused([*words], tmp_path)
    assert name in line
    assert said in line


@pytest.mark.slow
def test_what_expands_is_never_held(tmp_path: Path) -> None:
    """Half a gigabyte of zeros in half a megabyte, as `.npz` and as gzip."""
    zeros = npy(np.zeros(64_000_000))
    (tmp_path / "x.npz").write_bytes(zipped(x=zeros, y=zeros))
    (tmp_path / "x.npy.gz").write_bytes(gzip.compress(zeros, 1))
    del zeros
    for words in (["x.npz", "-i", "x", "-t", "y"], ["x.npy.gz", "0"]):
        done = subprocess.run(
            [*COMMAND, "l1", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY,) * 2),
        )
        assert done.stdout == "0.0\n"


class TestPlaces:
    """Paths that are not regular files."""

    def test_none_is_there(self, tmp_path: Path) -> None:
        assert refused(["l1", "x.npy", "0"], tmp_path).endswith("x.npy: No such file or directory")

    def test_a_dangling_link(self, tmp_path: Path) -> None:
        (tmp_path / "x.npy").symlink_to("nowhere")
        assert refused(["l1", "x.npy", "0"], tmp_path).endswith("x.npy: No such file or directory")

    def test_a_directory(self, tmp_path: Path) -> None:
        (tmp_path / "x.npy").mkdir()
        assert "the directory contains no file that losscli can read" in refused(
            ["l1", "x.npy", "0"], tmp_path
        )

    def test_a_pipe(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "x.npy")
        assert "not a regular file" in refused(["l1", "x.npy", "0"], tmp_path)

    @pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
    def test_a_device(self, device: str, tmp_path: Path) -> None:
        assert "not a regular file" in refused(["l1", device, "0"], tmp_path)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_no_permission(self, tmp_path: Path) -> None:
        (tmp_path / "x.npy").write_bytes(npy(np.zeros(3)))
        (tmp_path / "x.npy").chmod(0)
        assert "Permission denied" in refused(["l1", "x.npy", "0"], tmp_path)

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        """Even root cannot write into the folders of /proc."""
        assert "cannot write file" in refused(["l1", "1", "0", "-o", "/proc/o.npy"], tmp_path)


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    """The rest of the input waits in a pipe until the target has been truncated."""
    np.save(tmp_path / "y.npy", np.zeros(1 << 21))
    whole = npy(np.ones(1 << 21))
    with subprocess.Popen(
        [*COMMAND, "l1", "-", "y.npy"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(whole[: 1 << 23])
        process.stdin.flush()
        time.sleep(1.0)
        os.truncate(tmp_path / "y.npy", 1 << 20)
        with contextlib.suppress(BrokenPipeError):  # it stops reading when it detects the change
            process.stdin.write(whole[1 << 23 :])
            process.stdin.close()
        line = process.stderr.read().decode()
    assert process.returncode == 1
    assert line.startswith("losscli: error: y.npy: truncated file: it ends at byte ")
