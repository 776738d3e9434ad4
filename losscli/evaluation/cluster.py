"""Compute the parts of a request on a Dask cluster."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from losscli._version import __version__
from losscli.errors import DataError, first_line, listed
from losscli.evaluation.environment import numeric_environment
from losscli.evaluation.evaluate import OnProgress
from losscli.evaluation.outcome import Outcome
from losscli.evaluation.parts import evaluate_in
from losscli.readers.files.uri import is_uri
from losscli.request.request import Request
from losscli.result import Result

if TYPE_CHECKING:
    from distributed import Client

# The address that starts workers on this machine.
LOCAL = "local"

# How long to wait for a scheduler and for its first worker.
_SECONDS = 10


def evaluate_on(
    address: str, request: Request, on_progress: OnProgress | None = None
) -> Outcome[Result]:
    """Compute the result of a request on the workers of a cluster.

    Args:
        address: the address of a scheduler, such as tcp://host:8786, or "local"
        request: the request, whose files the workers can read
        on_progress: called with the number of elements done, and their total

    Raises DataError if the cluster cannot be reached, and if its workers would compute other bits.
    """
    with _client(address) as client, _lost_connection(address):
        _require_same_environment(address, client, request)
        return evaluate_in(request, client.get_executor(pure=False), on_progress)


@contextmanager
def _client(address: str) -> Iterator[Client]:
    """A connection to a scheduler, which is closed at the end."""
    try:
        import dask  # noqa: PLC0415 - an optional dependency
        from distributed import Client, LocalCluster  # noqa: PLC0415
    except ImportError as error:
        raise DataError("--on needs Dask. Install it with: pip install 'losscli[dask]'") from error
    _silence_logs()
    settings = {"distributed.comm.timeouts.connect": f"{_SECONDS}s"}
    with dask.config.set(settings):
        if address == LOCAL:
            cluster = LocalCluster(
                threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL + 1
            )
            with cluster, Client(cluster) as client:
                yield client
            return
        try:
            client = Client(address, timeout=_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise DataError(
                f"--on {address}: no Dask scheduler answers: {_reason(error)}"
            ) from error
        with client:
            yield client


def _require_same_environment(address: str, client: Client, request: Request) -> None:
    """Raise DataError unless all workers compute the same bits and find the files."""
    try:
        client.wait_for_workers(1, timeout=_SECONDS)
    except TimeoutError as error:
        raise DataError(
            f"--on {address}: the scheduler has no workers. Start some with: dask worker {address}"
        ) from error
    own = worker_environment()
    for worker, theirs in client.run(worker_environment, on_error="return").items():
        if isinstance(theirs, BaseException):
            raise DataError(
                f"--on {address}: worker {worker} cannot load losscli: {first_line(theirs)}. "
                f"Install losscli {__version__} there."
            )
        _require_same(address, worker, own, theirs, request)


def _require_same(
    address: str, worker: str, own: Mapping[str, Any], theirs: Mapping[str, Any], request: Request
) -> None:
    for name, value in own.items():
        if theirs.get(name) == value:
            continue
        if name == "directory":
            if not _has_relative_paths(request):
                continue
            raise DataError(
                f"--on {address}: worker {worker} runs in {theirs.get(name)}, this command in "
                f"{value}. Use absolute paths."
            )
        here, there = (listed(v) if isinstance(v, list) else v for v in (value, theirs.get(name)))
        raise DataError(
            f"--on {address}: worker {worker} has other {name}, which may change the last bits: "
            f"{there}; here: {here}. Use workers of one kind."
        )


def _has_relative_paths(request: Request) -> bool:
    paths = [path for files in request.files for path in files]
    return not all(is_uri(path) or os.path.isabs(path) for path in paths)


def worker_environment() -> dict[str, Any]:
    """What must be the same on all workers."""
    return {"losscli": __version__, **numeric_environment(), "directory": os.getcwd()}


@contextmanager
def _lost_connection(address: str) -> Iterator[None]:
    """Turn the errors of a lost cluster into DataError."""
    from concurrent.futures import CancelledError  # noqa: PLC0415

    from distributed import KilledWorker  # noqa: PLC0415

    try:
        yield
    except KilledWorker as error:
        raise DataError(
            f"--on {address}: several workers ended while they computed the same part. Check their "
            "memory."
        ) from error
    except (CancelledError, TimeoutError, OSError) as error:
        raise DataError(
            f"--on {address}: the connection to the scheduler was lost: {_reason(error)}. Check "
            "its log, and run the command again."
        ) from error


def _silence_logs() -> None:
    """Dask logs each lost connection. losscli reports one error for all of them."""
    for name in logging.root.manager.loggerDict:
        if name.startswith("distributed"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _reason(error: BaseException) -> str:
    return first_line(error) or type(error).__name__
