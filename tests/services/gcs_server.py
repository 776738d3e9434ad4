"""The emulator of Google Cloud Storage, with a thread for each connection.

The emulator answers one request at a time, but pyarrow leaves a request open while it makes others.
The storage is still used by one thread at a time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from http import server
from threading import Lock

from gcp_storage_emulator.__main__ import main
from gcp_storage_emulator.server import HANDLERS

_LOCK = Lock()


def _one_at_a_time(handler: Callable[..., None]) -> Callable[..., None]:
    @wraps(handler)
    def handle(*given: object, **named: object) -> None:
        with _LOCK:
            handler(*given, **named)

    return handle


if __name__ == "__main__":
    server.HTTPServer = server.ThreadingHTTPServer  # type: ignore[misc]
    for _, handlers in HANDLERS:
        for method, handler in handlers.items():
            handlers[method] = _one_at_a_time(handler)
    main(
        [
            "start",
            "-H",
            "127.0.0.1",
            "--port",
            sys.argv[1],
            "-M",
            "-q",
            "--default-bucket",
            "bucket",
        ]
    )
