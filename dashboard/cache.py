"""Slow answers, kept for a moment: many pages ask the ledger at once and one read serves them all."""

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")
_MOST = 256


class Cache:
    """Runs blocking reads in a thread, at most once at a time for each key, and keeps each answer `ttl_s`."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[float, Any]] = {}
        self._running: dict[Hashable, asyncio.Future[Any]] = {}

    async def get(self, key: Hashable, ttl_s: float, read: Callable[[], T]) -> T:
        """The answer of `read`, at most `ttl_s` old."""
        found = self._kept.get(key)
        if found is not None and time.monotonic() - found[0] < ttl_s:
            value: T = found[1]
            return value
        running = self._running.get(key)
        if running is None:
            running = asyncio.ensure_future(asyncio.to_thread(read))
            self._running[key] = running
            running.add_done_callback(lambda done: self._finished(key, done))
        result: T = await asyncio.shield(running)
        return result

    def _finished(self, key: Hashable, done: "asyncio.Future[Any]") -> None:
        self._running.pop(key, None)
        if done.cancelled() or done.exception() is not None:
            return
        if len(self._kept) >= _MOST:
            del self._kept[min(self._kept, key=lambda k: self._kept[k][0])]
        self._kept[key] = (time.monotonic(), done.result())
