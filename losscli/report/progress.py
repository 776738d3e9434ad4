"""The progress bar of long runs on a terminal."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, TextIO

# The seconds before the bar appears.
_DELAY = 1.0


class Progress:
    """A progress bar with the rate and the remaining time. The bar appears after a second."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._begun = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            with suppress(OSError):  # the terminal was closed
                self._bar.stop()

    def update(self, done: int, total: int | None) -> None:
        """Update the bar. `total` is None if the number of elements is not known."""
        seconds = time.monotonic() - self._begun
        if self._bar is None and seconds > _DELAY:
            self._start(total)
        if self._bar is not None:
            rate = f", {done / seconds:,.0f}/s"
            self._bar.update(self._task, completed=done, rate=rate)

    def _start(self, total: int | None) -> None:
        from rich.console import Console  # noqa: PLC0415 - only for long runs
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._bar = Progress(
            BarColumn(bar_width=30),
            TextColumn("{task.completed:,} elements{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(file=self._stream),
            transient=True,
        )
        self._task = self._bar.add_task("", total=total, rate="")
        self._bar.start()
