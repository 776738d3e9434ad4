"""Steps computed side by side, with what they give in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

Given = TypeVar("Given")


def in_order(steps: Iterator[Callable[[], Given]], threads: int) -> Iterator[Given]:
    """What steps give, in their order, computed by threads ahead of whoever takes it.

    Where the system has no thread to give, they are computed one after the other.
    """
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - 5 ms at the start

    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Given]] = deque()
        try:
            for step in steps:
                waiting.append(_submit(pool, step))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _submit(pool: Executor, step: Callable[[], Given]) -> Future[Given]:
    from concurrent.futures import Future  # noqa: PLC0415

    try:
        return pool.submit(step)
    except RuntimeError:  # can't start new thread
        done: Future[Given] = Future()
        done.set_result(step())
        return done
