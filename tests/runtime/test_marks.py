"""Products once a minute: the rules of what is traded, and prices of what the account holds besides."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from bot.app.background_tasks import refresh_products
from bot.domain import events as ev
from bot.domain.balances import Balance
from bot.domain.instrument import Instrument
from tests.core.harness import D, product
from tests.runtime.bot_rig import BotRig


class Listing:
    """The product list, and what was asked of it."""

    def __init__(self, **prices: str) -> None:
        self.prices = {name.replace("_", "-"): Decimal(price) for name, price in prices.items()}
        self.asked: list[tuple[str, ...]] = []

    async def products(self, product_ids: Sequence[str]) -> tuple[Instrument, ...]:
        self.asked.append(tuple(product_ids))
        return tuple(product(name, price=self.prices[name]) for name in product_ids if name in self.prices)


async def test_what_the_account_holds_besides_is_valued_at_its_price_of_now(tmp_path: Path) -> None:
    rig = BotRig(tmp_path)
    bot = rig.begin()
    there = (Balance("USD", D(10_000), D(0)), Balance("ETH", D(2), D(1)), Balance("EUR", D(50), D(0)))
    for _ in range(2):  # a difference is believed at the second time
        rig.clock.turn(30)
        bot.dispatch(ev.BalanceReport(there, round(rig.clock.utc().timestamp() * 1000)))
    listing: Any = Listing(BTC_USD="100", ETH_USD="50")
    await refresh_products(bot, listing)
    assert bot.engine is not None and bot.engine.view.account.equity == 10_150
    assert listing.asked == [("BTC-USD",), ("ETH-USD", "EUR-USD")], "one request, and what has no price has none"
    listing.prices["ETH-USD"] = Decimal(60)
    await refresh_products(bot, listing)
    assert bot.engine.view.account.equity == 10_180


async def test_an_account_that_holds_nothing_besides_costs_no_request(tmp_path: Path) -> None:
    bot = BotRig(tmp_path).begin()
    listing: Any = Listing(BTC_USD="100")
    await refresh_products(bot, listing)
    assert listing.asked == [("BTC-USD",)]
