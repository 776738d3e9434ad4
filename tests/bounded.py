"""Run commands in processes with limits, forked from a server process that has loaded losscli.

`python tests/bounded.py` is the server. It reads one JSON object per line with the folder, the
words and the file of standard input, and answers with how the command ended. Tests use `Bounded`.
"""

from __future__ import annotations

import io
import json
import os
import pkgutil
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Self

import losscli
from losscli.cli.main import main

MOST_BYTES, MOST_SECONDS = 1 << 30, 10

# Modules that losscli imports only when it needs them.
_LIBRARIES = [f"pyarrow.{name}" for name in ("compute", "csv", "json", "parquet")]


class Ended(NamedTuple):
    """How a command ended. `code` is an exit code, or the negative number of a signal."""

    code: int
    out: str
    err: str
    mebibytes: int
    seconds: float

    @property
    def problem(self) -> str | None:
        """What is wrong with the end of the command for any file, or None."""
        errors = [line for line in self.err.splitlines() if not _is_remark(line)]
        if self.code not in (0, 1, 2):
            return f"exit code {self.code}"
        if "internal error" in self.err or "Traceback" in self.err:
            return "an internal error"
        if self.code and (len(errors) != 1 or not errors[0].startswith("losscli: error: ")):
            return f"{len(errors)} lines instead of one"
        return "lines without an error" if errors and not self.code else None


def _is_remark(line: str) -> bool:
    return line.startswith(("losscli: note: ", "losscli: warning: "))


class Bounded:
    """Runs commands, each in its own process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def run(self, folder: Path, words: Sequence[str], pipe: str | None = None) -> Ended:
        """Run a command in a folder. `pipe` is a file for its standard input."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"folder": str(folder), "words": list(words), "pipe": pipe}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return Ended(*json.loads(self._process.stdout.readline()))


def _serve() -> None:
    modules = pkgutil.walk_packages(losscli.__path__, "losscli.")
    names = [module.name for module in modules if not module.name.endswith("__main__")]
    for name in [*names, *_LIBRARIES]:
        import_module(name)
    with redirect_stdout(io.StringIO()):
        main(["mse", "0", "0"])  # import the modules that commands import first
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)


def _answer(request: dict[str, Any]) -> Ended:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.monotonic()
        child = os.fork()
        if not child:
            _command(request, out.fileno(), err.fileno())
        code, used = _waited(child, begin)
        out.seek(0)
        err.seek(0)
        texts = [file.read().decode("utf-8", "replace") for file in (out, err)]
        return Ended(code, *texts, used, time.monotonic() - begin)


def _waited(child: int, begin: float) -> tuple[int, int]:
    """The exit code of a process and its peak memory in MiB. The code is SIGXCPU if the process
    took too long."""
    while time.monotonic() - begin < MOST_SECONDS:
        ended, status, used = os.wait4(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), used.ru_maxrss >> 10
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    _, _, used = os.wait4(child, 0)
    return -signal.SIGXCPU, used.ru_maxrss >> 10


def _command(request: dict[str, Any], out: int, err: int) -> NoReturn:
    pipe = os.open(os.path.join(request["folder"], request["pipe"] or os.devnull), os.O_RDONLY)
    for stream, number in enumerate((pipe, out, err)):
        os.dup2(number, stream)
    os.chdir(request["folder"])
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    code = 1
    with suppress(BaseException):
        code = main(request["words"])
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve()
