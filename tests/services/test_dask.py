"""--on: the same bits from a Dask cluster, also if workers end."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import COMMAND, run_command

import losscli
from losscli.errors import DataError
from losscli.evaluation import cluster
from losscli.losses.registry import find
from losscli.request.arguments import bind

pytestmark = pytest.mark.services


class Cluster:
    """A scheduler, and workers with one process each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        file = folder / "scheduler.json"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._begin("scheduler", "--port", "0", "--scheduler-file", file)
        while not file.exists() or not file.read_text():
            time.sleep(0.05)
        self.address = file.read_text().partition('"address": "')[2].partition('"')[0]

    def add_workers(self, count: int) -> None:
        for _ in range(count):
            self._begin("worker", self.address, "--nthreads", "1", "--local-directory", self.folder)

    def worker_processes(self) -> list[int]:
        """The processes that compute; each is the child of one that watches it."""
        watching = {process.pid for process in self.processes}
        pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
        return [pid for pid in pids if _parent(pid) in watching and _computes(pid)]

    def close(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()

    def _begin(self, *words: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "distributed.cli.dask_" + str(words[0])]
        command += [*map(str, words[1:]), "--no-dashboard"]
        silent = subprocess.DEVNULL
        process = subprocess.Popen(command, cwd=self.folder, stdout=silent, stderr=silent)
        self.processes.append(process)
        return process


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended
        return 0


def _computes(pid: int) -> bool:
    return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.fixture
def dask_cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A command of about ten parts, with absolute paths."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    np.save(folder / "x.npy", rng.normal(size=(1_200_000, 10)).astype(np.float32))
    np.save(folder / "y.npy", rng.integers(10, size=1_200_000))
    files = [str(folder / "x.npy"), str(folder / "y.npy")]
    options = ["--by", "class", "--top", "5", "--quantiles", "0.5,0.9", "--accuracy"]
    return ["ce", *files, *options, "-f", "json", "-q"]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("losscli.evaluation.parts._BLOCKS_OF_PART", 4)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_bits_of_one_process(workers: int, dask_cluster: Cluster, words: list[str]) -> None:
    dask_cluster.add_workers(workers)
    expected = run_command(*words)
    found = run_command(*words, "--on", dask_cluster.address)
    assert (found.returncode, found.stdout) == (0, expected.stdout), found.stderr
    assert expected.stdout


def test_workers_of_this_machine(words: list[str]) -> None:
    found = run_command(*words, "--on", "local")
    assert (found.returncode, found.stdout) == (0, run_command(*words).stdout), found.stderr


def test_a_record(words: list[str], tmp_path: Path) -> None:
    """The claim of workers is that of one process."""
    claims = []
    for number, on in enumerate([(), ("--on", "local")]):
        path = tmp_path / f"{number}.json"
        found = run_command(*words, *on, "--record", path)
        assert found.returncode == 0, found.stderr
        claims.append(json.loads(path.read_text())["claim"])
        folder = Path(words[1]).parent
        assert run_command("verify", path, "--root", folder).returncode == 0
    assert claims[0] == claims[1]


def test_workers_that_are_killed(dask_cluster: Cluster, words: list[str]) -> None:
    """The number of killed workers is small enough for CI; the parts are computed elsewhere."""
    dask_cluster.add_workers(2)
    expected = run_command(*words).stdout
    draw = random.Random(0)
    for _ in range(3):
        command = [*COMMAND, *words, "--on", dask_cluster.address]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            time.sleep(draw.uniform(2.0, 3.5))
            for pid in draw.sample(dask_cluster.worker_processes(), 1):
                os.kill(pid, signal.SIGKILL)
            out, _ = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, expected)


def test_a_scheduler_that_is_killed(dask_cluster: Cluster, tmp_path: Path) -> None:
    dask_cluster.add_workers(1)
    table = tmp_path / "slow.csv"
    row = ",".join(["0.5"] * 20)
    table.write_text(",".join(f"x_{k}" for k in range(20)) + ",y\n" + f"{row},1\n" * 1_000_000)
    command = [*COMMAND, "ce", str(table), "-t", "y", "--on", dask_cluster.address, "-q"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
        time.sleep(2.0)
        for pid in dask_cluster.worker_processes():  # so that the run cannot end before
            os.kill(pid, signal.SIGSTOP)
        time.sleep(1.0)
        dask_cluster.scheduler.kill()
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (1, "")
    assert err.startswith(f"losscli: error: --on {dask_cluster.address}: "), err
    assert err.count("\n") == 1


def test_no_scheduler() -> None:
    found = run_command("mse", "1,2", "1,4", "--on", "tcp://127.0.0.1:9")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("losscli: error: --on tcp://127.0.0.1:9: no Dask scheduler")
    assert found.stderr.count("\n") == 1


def test_no_workers(dask_cluster: Cluster) -> None:
    found = run_command("mse", "1,2", "1,4", "--on", dask_cluster.address)
    assert found.returncode == 1
    assert "the scheduler has no workers. Start some with: dask worker" in found.stderr


def test_a_client_as_an_executor(dask_cluster: Cluster, words: list[str]) -> None:
    from distributed import Client  # noqa: PLC0415 - an extra

    dask_cluster.add_workers(1)
    with Client(dask_cluster.address) as client:
        found = losscli.evaluate("ce", *words[1:3], executor=client.get_executor())
    assert found == losscli.evaluate("ce", *words[1:3])


@pytest.mark.parametrize(("name", "other"), [("NumPy", "1.0"), ("CPU features", ["NONE"])])
def test_workers_of_another_kind(
    name: str, other: object, dask_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    dask_cluster.add_workers(1)
    here = {**cluster.numeric_environment(), name: other}  # workers have their own modules
    monkeypatch.setattr(cluster, "numeric_environment", lambda: here)
    request = bind(find("mse"), ([1.0], [2.0]), None, {})
    with pytest.raises(DataError, match=f"has other {name}, which may change the last bits"):
        cluster.evaluate_on(dask_cluster.address, request)


def test_relative_paths_need_the_same_directory(dask_cluster: Cluster) -> None:
    dask_cluster.add_workers(1)
    words = ("mse", "diabetes_predicted.npy", "diabetes_measured.npy")
    found = run_command(*words, "--on", dask_cluster.address)
    assert found.returncode == 1
    assert "Use absolute paths." in found.stderr
