"""Steps computed by several threads, with their results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

Result = TypeVar("Result")


def in_order(steps: Iterator[Callable[[], Result]], threads: int) -> Iterator[Result]:
    """The results of steps, in their order, computed by threads ahead of the caller.

    Each thread has one step, and one more waits. Where the system starts no thread, the caller
    computes the steps. When the caller stops, steps that wait are cancelled, and threads that wait
    for a quiet pipe are left behind.
    """
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - 5 ms at the start

    pool = ThreadPoolExecutor(threads, "losscli")
    waiting: deque[Future[Result]] = deque()
    try:
        for step in steps:
            waiting.append(_begin(pool, step))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _begin(pool: ThreadPoolExecutor, step: Callable[[], Result]) -> Future[Result]:
    """The result of a step that a thread of the pool computes, or else the caller.

    Where no thread can be started, the pool has already queued the step, so that a thread started
    earlier may compute it too: whoever comes first does.
    """
    from concurrent.futures import Future  # noqa: PLC0415
    from threading import Lock  # noqa: PLC0415

    result: Future[Result] = Future()
    first = Lock()

    def compute() -> None:
        if not first.acquire(blocking=False):
            return
        try:
            result.set_result(step())
        except BaseException as error:  # noqa: BLE001 - raised where the result is taken
            result.set_exception(error)

    try:
        pool.submit(compute)
    except RuntimeError:  # can't start new thread
        compute()
    return result
