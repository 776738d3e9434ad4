"""Run commands on many damaged files, with limits that the operating system enforces.

    python tests/fuzz/campaign.py FORMAT COUNT [FIRST]

This runs COUNT mutants, starting with number FIRST. FORMAT may be `command`, for damaged command
lines. The script prints each mutant that ends a process with a signal, takes more than 5 seconds or
1 GiB, or causes an internal error. If there are any, the exit code is 1.
"""

from __future__ import annotations

import contextlib
import functools
import io
import mmap
import os
import random
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

import typer.main
from mutants import mutant, mutated
from target import CORPUS, MOST_BYTES, check_command

from losscli.cli import main as command
from losscli.losses import LISTED
from losscli.readers.memory import limit_process

MOST_SECONDS = 5

# A process runs this many mutants, so that leftovers of earlier mutants do not accumulate.
_MUTANTS_OF_A_PROCESS = 2000

# The commands for a table, and for a file of arrays. FILE is replaced by the mutant.
_TABLE = [
    "mse FILE",
    "mse FILE -i a -t b",
    "mse FILE -i a -t b -r none",
    "ce FILE -i a,b -t label",
    "ce FILE -i x -t name --skip-missing",
    "nll FILE -i x -t label --no-check",
    "mse FILE -i a -t b --by-column label -f json",
    "mse FILE -i a -t b --by-column name --top 2",
    "mse FILE -i a -t b --cluster label",
    "mse FILE -i a -t b --id label",
    "mse FILE -i a -t b --where label=1",
    "mse FILE -i a -t b --keep name --quantiles 0.5",
    "bce FILE -i a -t label --mask-column b --skip-missing",
    "mse FILE -i a -t b --sample-weight-column label",
    "inspect FILE --full",
]
_ARRAYS = [
    "mse FILE FILE",
    "ce FILE 0,1,1,0",
    "l1 FILE 0 --broadcast -r none",
    "mse FILE -i x -t x",
    "ce FILE -i x -t y",
    "mse 1,2,3,4 FILE --quantiles 0.5",
    "ce 1,2,3 0 --weight FILE",
    "mse FILE FILE --mask FILE --top 2",
    "inspect FILE --full",
]
_USES = dict.fromkeys(("npy", "npz", "safetensors"), _ARRAYS)


def main() -> None:
    kind, count, *first = sys.argv[1:]
    begin = int(first[0]) if first else 0
    problems = [*_problems(kind, begin, begin + int(count))]
    print(f"{kind}: {count} mutants from {begin}, {len(problems)} problems")
    sys.exit(bool(problems))


def _problems(kind: str, begin: int, end: int) -> list[int]:
    """Yield the mutants with problems, and print each at once."""
    use = _use_words if kind == "command" else functools.partial(_use_file, kind)
    seeds = [path.read_bytes() for path in sorted((CORPUS / kind).iterdir())]
    done = mmap.mmap(-1, 8)  # the number of the current mutant, which a child reports to its parent
    problems = []
    while begin < end:
        stop = min(end, begin + _MUTANTS_OF_A_PROCESS)
        child = os.fork()
        if not child:
            _work(use, seeds, range(begin, stop), done)
        _, status = os.waitpid(child, 0)
        begin = int.from_bytes(done, "little")
        if status:
            print(f"{kind} {begin}: ended with {os.waitstatus_to_exitcode(status)}", flush=True)
            problems.append(begin)
            begin += 1
    return problems


def _work(
    use: Callable[[list[bytes], int], None],
    seeds: list[bytes],
    numbers: Sequence[int],
    done: mmap.mmap,
) -> NoReturn:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limit_process()
    try:
        for number in numbers:
            done[:] = number.to_bytes(8, "little")
            signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)  # CPU seconds
            signal.alarm(20 * MOST_SECONDS)  # wall-clock seconds
            use(seeds, number)
        done[:] = (numbers[-1] + 1).to_bytes(8, "little")
    except BaseException:  # noqa: BLE001 - also what no command may raise
        traceback.print_exc(limit=-3)
        os._exit(1)
    os._exit(0)


def _use_file(kind: str, seeds: list[bytes], number: int) -> None:
    data, suffix = mutant(seeds, number)
    words = random.Random(number).choice(_USES.get(kind, _TABLE)).split()
    with tempfile.NamedTemporaryFile(suffix=f".{kind}{suffix}", dir="/dev/shm") as file:
        file.write(data)
        file.flush()
        _require_answer([file.name if word == "FILE" else word for word in words])


def _use_words(seeds: list[bytes], number: int) -> None:
    draw = random.Random(number)
    check_command(mutated(draw.choice(seeds), draw))


def _require_answer(words: list[str]) -> None:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = command.main(words)
    errors = [line for line in err.getvalue().splitlines() if line.startswith("losscli: error: ")]
    if code not in (0, 1, 2) or "internal error" in err.getvalue() or len(errors) != bool(code):
        print(" ".join(words), err.getvalue(), file=sys.__stdout__, flush=True)
        os._exit(2)


# Building the commands and their options again would take 20 ms each time.
_app_of = functools.cache(command.app_of)
_NAMES = {"compare", *LISTED, *(listed.alias for listed in LISTED.values())}
command.app_of = lambda words: _app_of(tuple(word for word in words if word in _NAMES))  # type: ignore[assignment]
typer.main.get_command = functools.cache(typer.main.get_command)

if __name__ == "__main__":
    main()
