"""The ticker channel, in the rhythm that a recording of the venue shows.

Four times a second each product's best prices are compared with those last sent; a change is one message, which
still carries the old price. A new last price is a message of its own after it. The day's figures are taken anew
every ten seconds. A burst of trades within a quarter of a second is one message, and one that does not change the
price is none.
"""

from simulator.api.ws import frames
from simulator.api.ws.frames import TopOfBook
from simulator.core.candles import DayFigures
from simulator.core.venue import MarketState
from simulator.exchange import Exchange

TICKER_US = 250_000
FIGURES_US = 10_000_000
TopNumbers = tuple[int | None, int | None, int, int]


class Shown:
    """What readers of one product were last told."""

    __slots__ = ("figures", "figures_us", "price", "top")

    def __init__(self, price: int, top: TopNumbers, figures: DayFigures, figures_us: int) -> None:
        self.price = price
        self.top = top
        self.figures = figures
        self.figures_us = figures_us


class Tickers:
    """All products' tickers."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._shown: dict[str, Shown] = {}

    def begin(self, market: MarketState, now_us: int) -> None:
        """A snapshot was sent: later updates tell what has changed since, unless earlier readers are owed more."""
        name = market.product.product_id
        if market.last is not None and name not in self._shown:
            figures = self._exchange.candles[name].figures(now_us)
            self._shown[name] = Shown(market.last, TopOfBook(market).numbers, figures, now_us // FIGURES_US)

    def forget(self, product_id: str) -> None:
        """Nobody reads the product any more."""
        self._shown.pop(product_id, None)

    def updates(self, market: MarketState, now_us: int) -> list[str]:
        """The events that are due for a product, none while nothing has changed."""
        product, price = market.product, market.last
        if price is None:
            return []
        name, top = product.product_id, TopOfBook(market)
        shown = self._shown.get(name)
        beat = now_us // FIGURES_US
        if shown is None:  # nothing had traded when the reader came
            self.begin(market, now_us)
            return [frames.ticker(product, "update", price, self._shown[name].figures, top)]
        found = []
        if top.numbers != shown.top:
            shown.top = top.numbers
            found.append(frames.ticker(product, "update", shown.price, shown.figures, top))
        figures = shown.figures
        if beat != shown.figures_us:
            shown.figures_us = beat
            figures = self._exchange.candles[name].figures(now_us)
        if price != shown.price or figures != shown.figures:
            shown.price, shown.figures = price, figures
            found.append(frames.ticker(product, "update", price, figures, top))
        return found
