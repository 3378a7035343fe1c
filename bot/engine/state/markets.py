"""Every product's market, what other holdings are worth, and the state of the price feed."""

from decimal import Decimal

from bot.domain.instrument import Instrument, currencies_of
from bot.domain.lots import Lot
from bot.engine.state.market import Market
from shared.settings import Settings


class MarketsState:
    """`by_product` holds what is traded or held in lots, in the order of the settings."""

    def __init__(self, settings: Settings, quote: str, picked: frozenset[str]) -> None:
        self._settings, self._quote = settings, quote
        self.by_product: dict[str, Market] = {}
        self._product_of: dict[str, str] = {}  # base currency → its product
        self._others: dict[str, Instrument] = {}  # by product id
        self.picked = picked  # by the scanner
        self.feed_up = False
        self.feed_note = "not connected yet"

    def get(self, product_id: str) -> Market | None:
        return self.by_product.get(product_id)

    def mark_of_currency(self, currency: str) -> Decimal | None:
        """Price of one unit of `currency` in the quote currency; None = not known."""
        product_id = self._product_of.get(currency, "")
        market = self.by_product.get(product_id)
        if market is not None:
            return market.mark
        instrument = self._others.get(product_id)
        return instrument.price if instrument is not None else None

    def add(self, market: Market) -> None:
        """A market that is traded, or held in lots."""
        self._others.pop(market.instrument.product_id, None)
        self.by_product[market.instrument.product_id] = market
        self._index(market.instrument)

    def add_other(self, instrument: Instrument) -> None:
        """What is not traded: it only gives the mark of other holdings."""
        self._others[instrument.product_id] = instrument
        self._index(instrument)

    def other(self, product_id: str) -> Instrument | None:
        return self._others.get(product_id)

    def currencies(self, product_id: str) -> tuple[str, str]:
        """(base, quote) as the venue's instrument list says; of a product that it never showed, by the public id."""
        market = self.by_product.get(product_id)
        instrument = market.instrument if market is not None else self._others.get(product_id)
        return (instrument.base, instrument.quote) if instrument is not None else currencies_of(product_id)

    def drop(self, product_id: str) -> None:
        """Trade it no more; it still gives a mark."""
        self.add_other(self.by_product.pop(product_id).instrument)

    def _index(self, instrument: Instrument) -> None:
        if instrument.quote == self._quote:
            self._product_of[instrument.base] = instrument.product_id

    def mark_of_lot(self, lot: Lot) -> Decimal | None:
        market = self.by_product.get(lot.product_id)
        return market.mark if market else None

    def is_traded(self, product_id: str) -> bool:
        """Whether entries of it are wanted at all: by the scanner where it is on, else by PRODUCTS."""
        if self._settings.scanner_max_products and self.picked:
            return product_id in self.picked
        return product_id in self._settings.products
