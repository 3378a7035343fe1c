"""One request budget for the whole key: cancel before exit before entry before data."""

import asyncio
import heapq
from enum import IntEnum

from shared.ports import Clock


class Priority(IntEnum):
    """Who goes first. A fifth of the budget is kept for cancels."""

    CANCEL = 0
    EXIT = 1
    ENTRY = 2
    DATA = 3


class Limiter:
    """A token bucket with a queue by priority. A 429 halves the rate; it recovers within a minute."""

    def __init__(
        self, clock: Clock, rate_per_s: float = 25.0, burst: float = 25.0, least_share: float = 1 / 16
    ) -> None:
        """`least_share`: of the rate, which no number of 429s takes away."""
        self._clock = clock
        self._least_rate = rate_per_s * least_share
        self._full_rate = rate_per_s
        self._rate = rate_per_s
        self._burst = burst
        self._tokens = burst
        self._at_s = clock.monotonic_s()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0
        self._pump: asyncio.Task[None] | None = None

    @property
    def left_pct(self) -> float:
        """Tokens left of the full bucket, in percent."""
        self._refill()
        return 100.0 * max(self._tokens, 0.0) / self._burst

    def throttled(self) -> None:
        """The exchange said 429."""
        self._rate = max(self._rate / 2, self._least_rate)
        self._tokens = min(self._tokens, 0.0)

    def _refill(self) -> None:
        now_s = self._clock.monotonic_s()
        passed_s = now_s - self._at_s
        self._at_s = now_s
        self._tokens = min(self._burst, self._tokens + passed_s * self._rate)
        self._rate = min(self._full_rate, self._rate + passed_s * self._full_rate / 60)

    def _reserve(self, priority: Priority) -> float:
        return 0.0 if priority is Priority.CANCEL else 0.2 * self._burst

    async def take(self, priority: Priority) -> None:
        """Wait until a request of this priority may be sent."""
        self._refill()
        # Whoever waits with a lower priority does not hold up a cancel, for which a fifth is kept.
        if self._tokens >= 1 + self._reserve(priority) and not (self._waiting and self._waiting[0][0] <= priority):
            self._tokens -= 1
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._waiting, (priority, self._count, future))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._serve(), name="limiter")
            self._pump.add_done_callback(self._served)
        await future

    def _served(self, pump: "asyncio.Task[None]") -> None:
        """Whoever still waits must not wait for a pump that died."""
        error = None if pump.cancelled() else pump.exception()
        if error is not None:
            waiting, self._waiting = self._waiting, []
            for _, _, future in waiting:
                if not future.done():
                    future.set_exception(error)

    async def _serve(self) -> None:
        while self._waiting:
            self._refill()
            priority, _, future = self._waiting[0]
            lacking = 1 + self._reserve(Priority(priority)) - self._tokens
            if lacking <= 0 or future.done():
                heapq.heappop(self._waiting)
                if not future.done():
                    self._tokens -= 1
                    future.set_result(None)
                continue
            # At least a millisecond: what a clock cannot add to its time would be waited for for ever.
            await self._clock.sleep(min(max(lacking / self._rate, 0.001), 0.25))
