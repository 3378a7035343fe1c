"""The kill path counts orders, not looks: one whose cancel is still queued is found again by the next look."""

from typing import Any, cast

from bot.app.kill_path import KillPath
from bot.domain.order_ids import OrderIdCodec
from bot.venues.coinbase.rest import CoinbaseRestClient
from bot.venues.errors import NoAnswerGot
from shared.ports import Clock, Rng


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
    path = KillPath(lambda: cast(CoinbaseRestClient, rest), OrderIdCodec("main"), cast(Clock, Hasty()), cast(Rng, None))
    await path.run(lambda: path.progress.verified < 2, lambda: None, again=False)
    assert len(rest.asked) == 3
    assert (path.progress.found, path.progress.cancelled) == (2, 2)


async def test_another_latch_begins_with_nothing_proven() -> None:
    rest: Any = Slow()
    path = KillPath(lambda: cast(CoinbaseRestClient, rest), OrderIdCodec("main"), cast(Clock, Hasty()), cast(Rng, None))
    await path.run(lambda: path.progress.verified < 2, lambda: None, again=False)
    first = path.progress
    assert first.cleared_ms is not None
    path.begin()
    assert path.progress.cleared_ms is None and path.progress.verified == path.progress.found == 0
    assert first.cleared_ms is not None, "a path that is on its way out keeps its own"


class Blind(Slow):
    """An exchange that shows no orders for a while; of the remembered ones it knows only some."""

    def __init__(self, blind_looks: int) -> None:
        super().__init__()
        self.left = {"a": 1, "b": 1, "c": 1}
        self.blind_looks = blind_looks

    async def open_ids(self) -> list[tuple[str, str]]:
        self.blind_looks -= 1
        if self.blind_looks >= 0:
            raise NoAnswerGot("503")
        return await super().open_ids()

    async def cancel(self, order_ids: list[str]) -> dict[str, str | None]:
        self.asked.append(order_ids)
        here = {order_id: self.left.get(order_id, 0) > 0 for order_id in order_ids}
        self.left = {order_id: 0 if order_id in order_ids else left for order_id, left in self.left.items()}
        return {order_id: None if found else "UNKNOWN_CANCEL_ORDER" for order_id, found in here.items()}


class Steady:
    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2


async def test_what_is_remembered_is_cancelled_while_the_exchange_shows_nothing() -> None:
    rest: Any = Blind(40)
    rng = cast(Rng, Steady())
    path = KillPath(
        lambda: cast(CoinbaseRestClient, rest),
        OrderIdCodec("main"),
        cast(Clock, Hasty()),
        rng,
        lambda: ["a", "b", "gone"],
    )
    blind: list[tuple[int, int]] = []

    def latched() -> bool:
        if rest.blind_looks >= 0:
            blind.append((path.progress.found, path.progress.cancelled))
            assert path.progress.verified == 0, "a memory proves nothing"
        return path.progress.verified < 2

    await path.run(latched, lambda: None, again=False)
    assert blind[1] == (2, 2) and blind[-1] == (2, 2)
    assert rest.asked[0] == ["a", "b", "gone"]
    assert rest.asked[1:-1] == [["gone"]] * 4, "what is refused is not asked for ever"
    assert rest.asked[-1] == ["c"]
    assert (path.progress.found, path.progress.cancelled) == (3, 3)
