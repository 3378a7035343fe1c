"""Ends this process by SIGKILL at one point. It wraps the ports; the bot's own code knows nothing of it.

Only these tests use such ports: the program that users start (`python -m bot`) has none of it.
"""

import os
import random
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

from bot.venues.net import SystemNet
from shared.ledger.db import Database, DatabaseSession
from shared.ledger.open import open_writer
from simtest.processes.crash_points import CrashPoint

API = "/api/v3/brokerage"
COMMIT_S = 0.003  # a durable commit takes about so long
ANSWER_S = 5.0


class CrashInjector:
    """Kills the process when it reaches the point for the `occasion`-th time."""

    def __init__(self, point: CrashPoint | None, occasion: int, note: Path, *, sells_only: bool) -> None:
        """`sells_only`: of orders, only those that sell: a purchase whose outcome is open blocks its product."""
        self._point, self._left, self._note, self._sells_only = point, occasion, note, sells_only
        self._lock = threading.Lock()
        self.booted: Callable[[], bool] = lambda: False
        self._here = threading.local()

    def _due(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left <= 0

    def kill(self) -> None:
        """Kill this process. A file names the point that was hit, so that the test can tell it from another death."""
        assert self._point is not None
        handle = os.open(self._note, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        os.write(handle, self._point.name.encode())
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)

    # Commits.

    def open_ledger(self, path: Path) -> Database:
        """The real ledger, with its transactions watched."""
        database = open_writer(path)
        if self._point is not None and self._point.commit:
            return WatchedDatabase(database, self)
        return database

    def transaction(self, where: str, statements: list[tuple[str, str]]) -> None:
        """`where`: before or after the commit of a transaction that ran these (statement, values)."""
        point = self._point
        if point is None:
            return
        wanted = "SELL" if self._sells_only and point.commit == "INSERT INTO orders" else ""
        if not any(text.startswith(point.commit) and wanted in values for text, values in statements):
            return
        if where == "before" and point.at == "before" and self._due():
            self.kill()
        if where == "before" and point.at == "during" and self._due():
            threading.Thread(target=self._soon, daemon=True).start()
        if where == "after" and point.at == "after" and self._due():
            self.kill()

    def _soon(self) -> None:
        time.sleep(random.uniform(0, COMMIT_S))
        self.kill()

    # Requests.

    def request(self, where: str, method: str, path: str) -> None:
        """`where`: before, sent, answered or read, in the thread that sends."""
        point = self._point
        if point is None or point.request != f"{method} {path}" or point.at != where:
            return
        if point.booting and self.booted():
            return
        if self._due():
            self.kill()

    def passes(self, request: str, body: Any) -> bool:
        """True when this request is let through, whatever the point."""
        data = body if isinstance(body, bytes) else str(body).encode()
        return self._sells_only and request == "POST /orders" and b"SELL" not in data

    @contextmanager
    def on_the_way(self, method: str, path: str) -> Iterator[None]:
        """The request that this thread carries."""
        self._here.request = (method, path)
        try:
            yield
        finally:
            self._here.request = None

    def sent(self, connection: Any) -> None:
        """The request's bytes have left this thread's connection."""
        here = getattr(self._here, "request", None)
        if here is None or self._point is None or not self._point.request:
            return
        self.request("sent", *here)
        if self._point.at == "answered" and self._point.request == f"{here[0]} {here[1]}":
            select.select([connection.sock], [], [], ANSWER_S)  # the exchange commits before it answers
            self.request("answered", *here)


class WatchedDatabase:
    """A real ledger whose transactions tell the injector what they wrote."""

    def __init__(self, database: Database, injector: CrashInjector) -> None:
        self.name = database.name
        self._database, self._injector = database, injector

    @contextmanager
    def begin(self) -> Iterator[DatabaseSession]:
        heard: list[tuple[str, str]] = []
        with self._database.begin() as db:
            yield db.overheard(lambda sql, values: heard.append((sql, str(dict(values)))))
            self._injector.transaction("before", heard)
        self._injector.transaction("after", heard)

    def connect(self) -> AbstractContextManager[DatabaseSession]:
        return self._database.connect()

    def snapshot(self) -> AbstractContextManager[DatabaseSession]:
        return self._database.snapshot()

    def dispose(self) -> None:
        self._database.dispose()


class CrashingNet(SystemNet):
    """The real network, with each request watched."""

    def __init__(self, injector: CrashInjector) -> None:
        super().__init__()
        self._injector = injector
        read: Any = HTTPConnection.getresponse

        def getresponse(connection: Any) -> Any:
            injector.sent(connection)
            return read(connection)

        HTTPConnection.getresponse = getresponse  # type: ignore[assignment, method-assign]

    def adapter(self) -> Any:
        return _CrashingAdapter(self._injector)


class _CrashingAdapter(HTTPAdapter):
    def __init__(self, injector: CrashInjector) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)
        self._injector = injector

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        method, path = str(request.method), urlsplit(request.url).path.removeprefix(API)
        if self._injector.passes(f"{method} {path}", request.body):
            return super().send(request, *args, **kwargs)
        with self._injector.on_the_way(method, path):
            self._injector.request("before", method, path)
            response = super().send(request, *args, **kwargs)
            self._injector.request("read", method, path)
        return response
