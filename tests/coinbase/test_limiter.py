"""One request budget: cancel before exit before entry before data; a 429 slows everybody but the kill's own client."""

import asyncio

from bot.venues.limiter import Limiter, Priority
from tests.runtime.bot_rig import HandClock


class LoopClock(HandClock):
    """Sleeps by turning the hand once everybody else had a chance."""

    async def sleep(self, seconds: float) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        self.turn(seconds)


async def drained(limiter: Limiter, priority: Priority, count: int) -> None:
    for _ in range(count):
        await limiter.take(priority)


async def test_who_goes_first() -> None:
    clock = LoopClock()
    limiter = Limiter(clock, rate_per_s=10, burst=10)
    await drained(limiter, Priority.DATA, 8)
    order: list[str] = []

    async def ask(priority: Priority) -> None:
        await limiter.take(priority)
        order.append(priority.name)

    waiting = [asyncio.ensure_future(ask(p)) for p in (Priority.DATA, Priority.ENTRY, Priority.EXIT, Priority.DATA)]
    await asyncio.gather(*waiting)
    assert order == ["EXIT", "ENTRY", "DATA", "DATA"]


async def test_a_cancel_never_waits_behind_the_others() -> None:
    clock = LoopClock()
    limiter = Limiter(clock, rate_per_s=10, burst=10)
    await drained(limiter, Priority.DATA, 8)
    waiting = [asyncio.ensure_future(limiter.take(Priority.DATA)) for _ in range(20)]
    await asyncio.sleep(0)
    before_s = clock.monotonic_s()
    await drained(limiter, Priority.CANCEL, 2)
    assert clock.monotonic_s() == before_s, "a fifth of the budget is kept for cancels"
    for task in waiting:
        task.cancel()


async def test_the_rate_holds() -> None:
    clock = LoopClock()
    limiter = Limiter(clock, rate_per_s=10, burst=10)
    before_s = clock.monotonic_s()
    await drained(limiter, Priority.DATA, 108)
    assert 9.9 <= clock.monotonic_s() - before_s <= 10.6


async def test_a_429_halves_the_rate_and_it_comes_back_within_a_minute() -> None:
    clock = LoopClock()
    limiter = Limiter(clock, rate_per_s=10, burst=10)
    for _ in range(3):
        limiter.throttled()
    before_s = clock.monotonic_s()
    await drained(limiter, Priority.EXIT, 1)
    assert clock.monotonic_s() - before_s > 1.0, "nobody asks again at once"
    clock.turn(120)
    before_s = clock.monotonic_s()
    await drained(limiter, Priority.DATA, 28)
    assert clock.monotonic_s() - before_s < 2.2


async def test_one_who_gave_up_takes_nothing() -> None:
    clock = LoopClock()
    limiter = Limiter(clock, rate_per_s=10, burst=10)
    await drained(limiter, Priority.DATA, 8)
    gone = asyncio.ensure_future(limiter.take(Priority.DATA))
    await asyncio.sleep(0)
    gone.cancel()
    await limiter.take(Priority.DATA)
    assert limiter.left_pct < 100
