"""The kill path counts orders, not looks: one whose cancel is still queued is found again by the next look."""

from typing import Any, cast

from bot.coinbase.rest import Rest
from bot.runtime.kill import KillPath
from shared.seams import Clock, Rng


class Slow:
    """An exchange that carries a cancel out two looks after it was asked for."""

    def __init__(self) -> None:
        self.left = {"a": 2, "b": 3}
        self.asked: list[list[str]] = []

    async def open_ids(self) -> list[tuple[str, str]]:
        return [(order_id, f"ct-main-{order_id * 32}") for order_id, looks in self.left.items() if looks > 0]

    async def cancel(self, order_ids: list[str]) -> dict[str, str | None]:
        first = not self.asked
        self.asked.append(order_ids)
        for order_id in order_ids:
            self.left[order_id] -= 1
        return dict.fromkeys(order_ids, None if first else "DUPLICATE_CANCEL_REQUEST")


class Hasty:
    """A clock whose sleeps take no time."""

    def monotonic_s(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        del seconds


async def test_found_and_cancelled_are_orders() -> None:
    rest: Any = Slow()
    path = KillPath(lambda: cast(Rest, rest), "main", cast(Clock, Hasty()), cast(Rng, None))
    await path.run(lambda: path.progress.verified < 2, lambda: None, again=False)
    assert len(rest.asked) == 3
    assert (path.progress.found, path.progress.cancelled) == (2, 2)
