"""Pages in a real browser: Debian's Chromium, which Playwright starts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = "/usr/bin/chromium"

# Without these, Chromium looks for updates and sandboxes itself, which root cannot do.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        yield browser
        browser.close()


class _Handler(SimpleHTTPRequestHandler):
    """Serves files, lists the requests, and adds headers."""

    requests: list[str]
    headers_sent: dict[str, str]

    def do_GET(self) -> None:
        self.requests.append(self.path)
        super().do_GET()

    def end_headers(self) -> None:
        for name, value in self.headers_sent.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *args: Any) -> None:
        """Print nothing."""


@contextmanager
def serving(folder: Path, **headers: str) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder with further headers. Provides the address, and the paths that were requested
    so far."""
    requests: list[str] = []
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = type("Handler", (_Handler,), {"requests": requests, "headers_sent": named})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(kind, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
