"""A server of objects for tests: the files of a folder, with the requests of S3 that reading needs.

It counts requests and bytes, and delays or refuses answers.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from urllib.parse import unquote, urlsplit

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass
class Objects:
    """The objects of a folder, and what was requested of them.

    Attributes:
        delay: seconds before each answer
        answer: returns a status instead of an answer, given the method and the key; or None
        in_flight: how many requests there are now
        most_in_flight: how many there were at most
    """

    folder: Path
    delay: float = 0.0
    answer: Callable[[str, str], int | None] = lambda method, key: None
    requests: list[str] = field(default_factory=list)
    bytes: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    lock: Lock = field(default_factory=Lock)

    def reset(self) -> None:
        self.requests, self.bytes, self.most_in_flight = [], 0, 0


@contextmanager
def served(objects: Objects) -> Iterator[str]:
    """Serve the objects at an address."""
    server = _Server(("127.0.0.1", 0), partial(_Handler, objects))
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # with fewer, a client that connects 32 times waits for a second

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing if a client hangs up, which other tests would see on stderr."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise a body waits 40 ms for the answer to its headers

    def __init__(self, objects: Objects, *given: object) -> None:
        self.objects = objects
        super().__init__(*given)  # type: ignore[arg-type]

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, *given: object) -> None:
        pass

    def _answer(self, *, with_body: bool) -> None:
        objects, key = self.objects, unquote(urlsplit(self.path).path).lstrip("/")
        with objects.lock:
            objects.requests.append(f"{self.command} {key}")
            objects.in_flight += 1
            objects.most_in_flight = max(objects.most_in_flight, objects.in_flight)
        try:
            time.sleep(objects.delay)
            status = objects.answer(self.command, key)
            path = objects.folder / key.partition("/")[2]
            if status is None and not path.is_file():
                status = 404
            if status is not None:
                self._send(status, b"", {})
                return
            self._send_file(path, with_body=with_body)
        finally:
            with objects.lock:
                objects.in_flight -= 1

    def _send_file(self, path: Path, *, with_body: bool) -> None:
        size, modified = path.stat().st_size, path.stat().st_mtime_ns
        tag = hashlib.md5(f"{size} {modified}".encode()).hexdigest()
        headers = {"ETag": f'"{tag}"', "Last-Modified": "Sun, 22 Nov 2026 12:00:00 GMT"}
        span = _RANGE.fullmatch(self.headers.get("Range", ""))
        start, stop = (int(span[1]), min(int(span[2]) + 1, size)) if span else (0, size)
        with path.open("rb") as file:
            file.seek(start)
            body = file.read(stop - start) if with_body else b""
        if with_body:
            with self.objects.lock:
                self.objects.bytes += len(body)
        if span:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        self._send(206 if span else 200, body, headers, stop - start)

    def _send(
        self, status: int, body: bytes, headers: dict[str, str], length: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
