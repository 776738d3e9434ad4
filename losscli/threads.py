"""Steps computed side by side, with what they give in their order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future
    from queue import SimpleQueue

    # A step and where its result goes; None ends a worker.
    Work = tuple[Future[Any], Callable[[], Any]] | None

Given = TypeVar("Given")

# Seconds in which a worker ends what it has begun, unless it waits for a pipe that is quiet.
_PATIENCE = 0.3


def in_order(steps: Iterator[Callable[[], Given]], threads: int) -> Iterator[Given]:
    """What steps give, in their order, computed by threads ahead of whoever takes it.

    Where the system has no thread to give, they are computed one after the other. No thread keeps
    the process from ending, as those of `concurrent.futures` do.
    """
    from concurrent.futures import Future  # noqa: PLC0415 - 5 ms at the start
    from queue import SimpleQueue  # noqa: PLC0415

    todo: SimpleQueue[Work] = SimpleQueue()
    workers = _start(todo, threads)
    if not workers:
        yield from (step() for step in steps)
        return
    waiting: deque[Future[Given]] = deque()
    try:
        for step in steps:
            waiting.append(Future())
            todo.put((waiting[-1], step))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
        for _ in workers:
            todo.put(None)
        for worker in workers:
            worker.join(_PATIENCE)


def _start(todo: SimpleQueue[Work], threads: int) -> list[threading.Thread]:
    """As many workers as there are threads to be had."""
    workers = []
    for _ in range(threads):
        worker = threading.Thread(target=_work, args=(todo,), daemon=True)
        try:
            worker.start()
        except RuntimeError:  # can't start new thread
            break
        workers.append(worker)
    return workers


def _work(todo: SimpleQueue[Work]) -> None:
    while (work := todo.get()) is not None:
        future, step = work
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(step())
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is taken
                future.set_exception(error)
        del work, future, step  # what it gave is not held while there is nothing to do
