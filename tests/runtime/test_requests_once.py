"""A slow exchange piles up no requests: of each order one cancel and one look-up are under way at a time."""

import asyncio
from typing import Any, cast

import pytest

from bot.app.order_executor import OrderExecutor
from bot.app.order_gate import OrderGate
from bot.domain.intents import Action, CancelOrder, LookUpOrder
from bot.venues.port import TradingClient
from shared.ports import SystemClock


class OpenGate:
    def nothing_cancelled(self) -> None:
        return None


class SlowExchange:
    """Refuses every cancel at once, and answers look-ups when it is let."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.cancels, self.looks = 0, 0

    async def cancel(self, order_ids: list[str]) -> dict[str, str | None]:
        self.cancels += 1
        return dict.fromkeys(order_ids, "DUPLICATE_CANCEL_REQUEST")

    async def order(self, order_id: str) -> Any:
        del order_id
        self.looks += 1
        await self.answers.wait()
        return None


async def turn() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize("action", [CancelOrder("ct-main-a", "a"), LookUpOrder("ct-main-a", "a", "BTC-USD", 0)])
async def test_what_is_asked_for_each_second_is_under_way_once(action: Action) -> None:
    exchange, told = SlowExchange(), list[Any]()
    desk = OrderExecutor(
        cast(TradingClient, exchange),
        cast(OrderGate, OpenGate()),
        told.append,
        lambda order_id: order_id,
        SystemClock(),
        lambda _: False,
    )
    for _ in range(50):
        desk.carry_out(action)
        await turn()
    assert exchange.looks == 1 and exchange.cancels <= 1, "a throttled exchange would have 50 of them to answer"
    exchange.answers.set()
    await turn()
    assert len(told) == 1
    desk.carry_out(action)
    await turn()
    assert exchange.looks == 2, "it can be asked for again"
