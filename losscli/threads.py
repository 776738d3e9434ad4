"""Run steps in several threads, with their results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

Result = TypeVar("Result")


def in_order(steps: Iterator[Callable[[], Result]], threads: int) -> Iterator[Result]:
    """Yield the results of steps in their order, computed by threads ahead of the caller.

    Each thread computes one step, and one more step is queued. The caller computes the steps if the
    system cannot start a thread. When the caller stops, queued steps are cancelled, and threads
    that are blocked on a pipe are abandoned. A step's exception is raised in place of its result.
    """
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - takes 5 ms

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
    """The result of a step, computed by a thread of the pool or, failing that, by the caller.

    If no thread can be started, the pool has already queued the step, and a thread started earlier
    may also compute the step. The lock makes sure that the step is computed once.
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
