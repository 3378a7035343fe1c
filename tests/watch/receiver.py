"""A real HTTP server on loopback that takes what a sink sends, and answers as it is told to."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    at_s: float

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Receiver:
    """`answer`: (status, body, headers) for each request."""

    answer: Callable[[Received], tuple[int, bytes, dict[str, str]]] = lambda _: (200, b"ok", {})
    got: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                found = Received(self.path, dict(self.headers), body, time.monotonic())
                status, said, headers = receiver.answer(found)
                receiver.got.append(found)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(said)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)

            do_POST = do_GET = _take

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def messages(self) -> list[dict[str, Any]]:
        """Of the JSON webhook: every message, in the order in which they came."""
        return [message for one in self.got if one.body for message in one.json.get("messages", [])]

    def until(self, what: Callable[["Receiver"], object], limit_s: float, why: str) -> None:
        deadline_s = time.monotonic() + limit_s
        while not what(self):
            assert time.monotonic() < deadline_s, f"{why} within {limit_s} s: {[m['title'] for m in self.messages()]}"
            time.sleep(0.02)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
