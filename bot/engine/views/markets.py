"""Each product's market as the engine sees it, and whether the price feed is up."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.bars import Bar
from bot.domain.instrument import Instrument
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


@dataclass(frozen=True, slots=True)
class MarketView:
    """One product's market at the moment of the question; fields as in `bot.engine.state.market.Market`."""

    instrument: Instrument
    price: Decimal | None  # last trade
    bid: Decimal | None
    ask: Decimal | None
    mark: Decimal | None  # what a lot is valued at
    mark_source: str | None  # trade, mid or list
    judged_price: Decimal | None  # what exits are judged at
    priced_ms: int | None  # when the last price came
    judged_ms: int  # when exits and gates were last judged
    signal: str
    probability: float | None
    values: Mapping[str, float]
    strategy_error: str | None
    signal_bar_s: int | None  # the bar that the signal was decided on
    asked_bar_s: int | None  # the bar that the strategy has not answered for yet; None = it owes no answer
    used_bar_s: int | None  # the BUY bar that opened a lot already
    last_add_ms: int
    shut_by: str | None  # name of the gate that refused the last entry
    newest_bar: Bar | None  # closed, of the strategy's granularity

    @property
    def product_id(self) -> str:
        return self.instrument.product_id

    @classmethod
    def of(cls, market: Market) -> "MarketView":
        return cls(
            instrument=market.instrument,
            price=market.price,
            bid=market.bid,
            ask=market.ask,
            mark=market.mark,
            mark_source=market.mark_source,
            judged_price=market.judged_price,
            priced_ms=market.priced_ms,
            judged_ms=market.judged_ms,
            signal=market.signal,
            probability=market.probability,
            values=dict(market.values),
            strategy_error=market.strategy_error,
            signal_bar_s=market.signal_bar_s,
            asked_bar_s=market.question.bar_start_s if market.question is not None else None,
            used_bar_s=market.used_bar_s,
            last_add_ms=market.last_add_ms,
            shut_by=market.shut_by,
            newest_bar=market.bars[-1] if market.bars else None,
        )


class MarketsView:
    """What is traded or held in lots; nothing here changes it."""

    def __init__(self, state: EngineState) -> None:
        self._state = state

    @property
    def product_ids(self) -> tuple[str, ...]:
        """In the order of the settings."""
        return tuple(self._state.markets.by_product)

    @property
    def feed_up(self) -> bool:
        """Whether prices and the news of orders both come."""
        return self._state.markets.feed_up

    def get(self, product_id: str) -> MarketView | None:
        """None = the product is not watched."""
        market = self._state.markets.get(product_id)
        return MarketView.of(market) if market is not None else None

    def all(self) -> tuple[MarketView, ...]:
        return tuple(MarketView.of(market) for market in self._state.markets.by_product.values())

    def price(self, product_id: str) -> Decimal | None:
        """The last trade's price; asked at each of them, so no whole view is made."""
        market = self._state.markets.get(product_id)
        return market.price if market is not None else None

    def price_age_ms(self, product_id: str, now_ms: int) -> int | None:
        """Since the last price came; None = none came yet, or the product is not watched."""
        market = self._state.markets.get(product_id)
        return market.age_ms(now_ms) if market is not None else None

    def bars(self, product_id: str) -> tuple[Bar, ...]:
        """The closed bars that the strategy is asked with, oldest first."""
        market = self._state.markets.get(product_id)
        return tuple(market.bars) if market is not None else ()
